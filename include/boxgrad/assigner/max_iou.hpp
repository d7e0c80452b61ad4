// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/images.hpp>
#include <boxgrad/assigner/detail/max_overlap_kernels.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// What a truth does with the priors that overlap it most, where that is less than a positive needs.
enum class low_quality {
    none,
    reassign,   ///< takes them, whatever they had; a later truth takes them again: mmdetection
    label_only  ///< makes them positive for the truth that each overlaps most: detectron2, torchvision
};

/// Overlaps of negatives: low <= overlap < high. One number: all below it.
struct negative_range {
    double low = -1, high = 0;

    constexpr negative_range() = default;
    constexpr negative_range(double below) : high(below) {}  // NOLINT(google-explicit-constructor)
    constexpr negative_range(double from, double below) : low(from), high(below) {}
};

namespace detail {

inline void check_finite(const char* op, const char* name, const negative_range& r) {
    boxgrad::check_finite(op, name, r.low);
    boxgrad::check_finite(op, name, r.high);
    if (r.high < r.low) {
        raise(config_error(complaint(op, name, "ascending", std::to_string(r.low) + " and " + std::to_string(r.high))));
    }
}

}  // namespace detail

/// Each prior goes to the truth that it overlaps most; each truth gets the priors that overlap it most.
///
///     m(i) = max_g overlap(prior i, truth g)
///     positive    m >= pos_iou_thr, with the truth of m, ties to the lower truth
///     background  low <= m < high, all of an image without truths
///     ignored     neither, or in an ignored region
///     low quality, truth by truth: with M(g) = max_i overlap(i, g) >= min_pos_iou and M > 0,
///                 the priors whose overlap is M(g) go to g; a later truth overwrites
///
/// `overlap` of the result is m, of negatives too, and 0 for priors in a region. Nothing of size N x G is
/// stored; bytes of scratch and result: B·N·(sizeof(T) + 4) + G·(blocks + 1)·sizeof(T) + 8·G + 8·B with
/// blocks = N / max(1024, N / 64) rounded up, at most 64.
///
/// Ren et al., Faster R-CNN, NeurIPS 2015, section 3.1.2; mmdetection 3.3, MaxIoUAssigner.
template <overlap::term Overlap = overlap::iou>
struct max_iou {
    double pos_iou_thr = 0.5;           ///< positive from this overlap on
    negative_range neg_iou_thr = 0.4;   ///< negative within; what is neither is ignored
    double min_pos_iou = 0;             ///< low quality: the least M(g) that counts
    bool gt_max_assign_all = true;      ///< low quality: all priors of M(g), or the lowest of them
    double ignore_iof_thr = -1;         ///< a prior with more than this share in a region is ignored; <= 0: none is
    bool ignore_wrt_candidates = true;  ///< the share is of the prior, or else of the region
    low_quality match_low_quality = low_quality::reassign;
    Overlap overlap{};

    /// Assigns a batch. Shapes: priors [N, 4] or a row source, shared by all images, or [B, N, 4]; truths of B
    /// images. Throws shape_error, config_error, gt_error, size_error.
    template <backend B, detail::image_source_for<B> X>
    result<B> assign(const B& b, const X& priors, const truth_list<typename B::scalar>& truths,
                     bad_truth policy = bad_truth::reject) const {
        const char* op = "max_iou::assign";
        check(op);
        return match(b, op, detail::image_boxes(b, priors, truths.images(), op, "priors"), overlap, truths, policy);
    }

    /// Throws config_error where a parameter is out of range.
    void check(const char* op) const {
        check_finite(op, "pos_iou_thr", pos_iou_thr);
        detail::check_finite(op, "neg_iou_thr", neg_iou_thr);
        check_finite(op, "min_pos_iou", min_pos_iou);
        check_finite(op, "ignore_iof_thr", ignore_iof_thr);
    }
    /// Assigns rows of any kind by `o(row, truth)`: what assigners of the same rules call.
    template <class B, class S, class O>
    result<B> match(const B& b, const char* op, const S& source, const O& o,
                    const truth_list<typename B::scalar>& truths, bad_truth policy) const {
        using T = typename B::scalar;
        detail::band_table<T> bands;
        bands.add(static_cast<T>(neg_iou_thr.low), background);
        bands.add(static_cast<T>(neg_iou_thr.high), ignored);
        bands.add(static_cast<T>(pos_iou_thr), detail::positive);
        const detail::max_overlap_rules rules{match_low_quality != low_quality::none,
                                              match_low_quality == low_quality::reassign,
                                              gt_max_assign_all,
                                              min_pos_iou,
                                              ignore_iof_thr,
                                              ignore_wrt_candidates};
        const auto t =
            boxgrad::detail::upload_truths(b, op, truths, truths.images(), boxgrad::detail::any_label, policy);
        return detail::assign_by_overlap(b, op, source, o, bands, rules, t);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
