// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/term.hpp>
#include <boxgrad/overlap/iou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// GIoU loss between a predicted box and its target, [N, 4] each as x1 y1 x2 y2 in pixels.
///
///     l = 1 - giou(p, t)           in [0, 2]; disjoint boxes are drawn together
///     ∂l/∂p = -∂giou/∂p            max and min of equal sides send half to each
///
/// Rezatofighi et al., CVPR 2019, algorithm 1; mmdetection 3.3, GIoULoss.
struct giou {
    double eps = 1e-6;  ///< floor of union and hull, in squared pixels

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& prediction, const box<V>& target) const {
        return V(scalar_t<V>(1)) - overlap::giou{eps}(prediction, target);
    }
};
static_assert(box_term<giou>);

/// 1 - GIoU², the box loss of cjm-yolox-pytorch. Kept for its trained models only: below a GIoU of 0
/// it *falls* as disjoint boxes move apart, so it drives them further away. Use giou or iou.
struct cjm_giou_square {
    double eps = 1e-6;  ///< floor of union and hull, in squared pixels

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& prediction, const box<V>& target) const {
        const V u = overlap::giou{eps}(prediction, target);
        return V(scalar_t<V>(1)) - u * u;
    }
};
static_assert(box_term<cjm_giou_square>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
