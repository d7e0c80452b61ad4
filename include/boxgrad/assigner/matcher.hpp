// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/max_iou.hpp>
#include <boxgrad/core/inplace_vector.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// What a band of overlaps makes of a prior.
enum class match { negative, neither, positive };

/// Assignment by any number of bands of overlap: detectron2's and torchvision's.
///
///     m(i) = max_g overlap(prior i, truth g)
///     state    labels[k] for thresholds[k - 1] <= m < thresholds[k]; labels[0] of an image without truths
///     positive with the truth of m, ties to the lower truth
///     low quality, where asked for: with M(g) = max_i overlap(i, g) > 0, the priors whose overlap with g is
///              M(g) become positive for the truth that each overlaps most
///
/// `overlap` of the result is m. Memory is that of `max_iou`. detectron2 0.6, Matcher; torchvision 0.14, Matcher.
template <overlap::term Overlap = overlap::iou>
struct matcher {
    numbers thresholds{0.3, 0.7};  ///< ascending, at most 16
    inplace_vector<match, detail::max_bands + 1> labels{match::negative, match::neither,
                                                        match::positive};  ///< one more
    bool allow_low_quality_matches = true;
    double ignore_iof_thr = 0.5;  ///< a prior with more than this share in a region is ignored; <= 0: none is
    Overlap overlap{};

    /// Assigns a batch. Shapes: priors [N, 4] or a row source, shared by all images, or [B, N, 4]; truths of B
    /// images. Throws shape_error, config_error, gt_error, size_error.
    template <backend B, detail::image_source_for<B> X>
    result<B> assign(const B& b, const X& priors, const truth_list<typename B::scalar>& truths,
                     bad_truth policy = bad_truth::reject) const {
        using T = typename B::scalar;
        const char* op = "matcher::assign";
        if (labels.size() != thresholds.size() + 1) {
            raise(config_error(complaint(
                op, "labels",
                std::to_string(thresholds.size() + 1) + " for " + std::to_string(thresholds.size()) + " thresholds",
                std::to_string(labels.size()))));
        }
        detail::band_table<T> bands;
        bands.below = state_of(labels[0]);
        for (int k = 0; k < thresholds.size(); ++k) {
            check_finite(op, "thresholds", thresholds[k]);
            if (k > 0 && thresholds[k] < thresholds[k - 1]) {
                raise(config_error(
                    complaint(op, "thresholds", "ascending",
                              std::to_string(thresholds[k - 1]) + " before " + std::to_string(thresholds[k]))));
            }
            bands.add(static_cast<T>(thresholds[k]), state_of(labels[k + 1]));
        }
        check_finite(op, "ignore_iof_thr", ignore_iof_thr);
        bands.without_truths = labels[0] == match::neither ? ignored : background;
        const auto source = detail::image_boxes(b, priors, truths.images(), op, "priors");
        const detail::max_overlap_rules rules{allow_low_quality_matches, false, true, 0, ignore_iof_thr, true};
        const auto t =
            boxgrad::detail::upload_truths(b, op, truths, truths.images(), boxgrad::detail::any_label, policy);
        return detail::assign_by_overlap(b, op, source, overlap, bands, rules, t);
    }

private:
    static constexpr std::int32_t state_of(match m) {
        return m == match::negative ? background : m == match::neither ? ignored : detail::positive;
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
