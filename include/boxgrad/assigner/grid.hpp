// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/max_iou.hpp>
#include <boxgrad/core/parameter.hpp>

#include <cmath>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// Assignment to the cells that truths lie in: YOLOv3's. Only priors of responsible cells become positive.
///
///     m(i) = max_g overlap(prior i, truth g)
///     positive    m > pos_iou_thr and responsible, with the truth of m, ties to the lower truth
///     background  low < m <= high (one number: m <= high), all of an image without truths
///     ignored     neither, or in an ignored region
///     best        truth by truth: with M(g) = max over responsible i of overlap(i, g) > min_pos_iou and M > 0,
///                 the responsible priors whose overlap is M(g) go to g; a later truth overwrites
///
/// `overlap` of the result is m of responsible priors, 0 of others. Memory is that of `max_iou`. Redmon and Farhadi, YOLOv3, 2018, section 2.1;
/// mmdetection 3.3, GridAssigner.
template <overlap::term Overlap = overlap::iou>
struct grid {
    double pos_iou_thr = 0.5;
    negative_range neg_iou_thr = 0.5;
    double min_pos_iou = 0;
    bool gt_max_assign_all = true;  ///< all priors of M(g), or the lowest of them
    double ignore_iof_thr = 0.5;    ///< a prior with more than this share in a region is ignored; <= 0: none is
    Overlap overlap{};

    /// Assigns a batch. Shapes: priors [N, 4] or a row source, shared by all images, or [B, N, 4];
    /// responsible_flags [B, N] of std::uint8_t, 0 or not: whether some truth's centre lies in the prior's cell.
    /// Throws shape_error, config_error, gt_error, size_error.
    template <backend B, detail::image_source_for<B> X, readable_tensor<B, std::uint8_t, 2> F>
    result<B> assign(const B& b, const X& priors, const F& responsible_flags,
                     const truth_list<typename B::scalar>& truths, bad_truth policy = bad_truth::reject) const {
        using T = typename B::scalar;
        const char* op = "grid::assign";
        check_finite(op, "pos_iou_thr", pos_iou_thr);
        detail::check_finite(op, "neg_iou_thr", neg_iou_thr);
        check_finite(op, "min_pos_iou", min_pos_iou);
        check_finite(op, "ignore_iof_thr", ignore_iof_thr);
        const auto source = detail::image_boxes(b, priors, truths.images(), op, "priors");
        const auto flags = as_const_view<2>(b, responsible_flags, op, "responsible_flags");
        check_shape(op, "responsible_flags", {truths.images(), source.size()}, flags.extent);
        detail::band_table<T> bands;
        bands.add(neg_iou_thr.low == negative_range{}.low ? static_cast<T>(neg_iou_thr.low) : above<T>(neg_iou_thr.low),
                  background);
        bands.add(above<T>(neg_iou_thr.high), ignored);
        bands.add(above<T>(pos_iou_thr), detail::positive);
        const detail::max_overlap_rules rules{
            true, true, gt_max_assign_all, static_cast<double>(above<T>(min_pos_iou)), ignore_iof_thr, true};
        const auto t =
            boxgrad::detail::upload_truths(b, op, truths, truths.images(), boxgrad::detail::any_label, policy);
        return detail::assign_by_overlap(b, op, source, overlap, bands, rules, t, &flags);
    }

private:
    /// The least number that is larger: what "more than" starts from.
    template <class T>
    static T above(double x) {
        return std::nextafter(static_cast<T>(x), infinity<T>);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
