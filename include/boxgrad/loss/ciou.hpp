// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/overlap_loss.hpp>
#include <boxgrad/overlap/diou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// CIoU loss between a predicted box and its target, [N, 4] each as x1 y1 x2 y2 in pixels.
///
///     l = 1 - ciou(p, t) = 1 - iou + ρ²/c² + α·v          in [0, 2]
///
/// v: squared difference of the sides' angles, α: its weight, a constant of the gradient and 0 up to an IoU of 1/2.
/// Equal boxes give 0 in float as well, where mmdetection's α is 0/0. torchvision's and ultralytics' α:
/// `overlap_loss<overlap::basic_ciou<overlap::alpha_rule::plain>>`.
///
/// Zheng et al., Distance-IoU loss, AAAI 2020, equations 8 to 11; mmdetection 3.3, CIoULoss.
struct ciou {
    double eps = 1e-6;  ///< added to union and squared diagonal in squared pixels, to heights in pixels

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& prediction, const box<V>& target) const {
        return overlap_loss<overlap::ciou>{{eps}}(prediction, target);
    }
};
static_assert(box_term<ciou>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
