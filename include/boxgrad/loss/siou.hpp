// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/overlap_loss.hpp>
#include <boxgrad/overlap/siou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// SIoU loss of the paper between a predicted box and its target, [N, 4] each as x1 y1 x2 y2 in pixels.
///
///     l = 1 - siou(p, t) = 1 - iou + (Δ + Ω)/2          in [0, 2]; Δ: cost of distance, Ω: cost of shape
///
/// Gevorgyan, SIoU loss, 2022; mmdetection 3.3, SIoULoss with neg_gamma = True.
struct siou {
    double eps = 1e-6;  ///< in squared pixels in the union, else in pixels

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& prediction, const box<V>& target) const {
        return overlap_loss<overlap::siou>{{eps}}(prediction, target);
    }
};
static_assert(box_term<siou>);

/// SIoU loss as mmdetection has it unless told otherwise, the sign of the distance cost inverted. Kept for its trained
/// models only: it *falls* as boxes move apart, to 0 far away. Use siou.
struct inverted_siou {
    double eps = 1e-6;  ///< in squared pixels in the union, else in pixels

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& prediction, const box<V>& target) const {
        using inverted = overlap::basic_siou<overlap::siou_distance::inverted>;
        return overlap_loss<inverted>{{eps}}(prediction, target);
    }
};
static_assert(box_term<inverted_siou>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
