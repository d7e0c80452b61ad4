// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/overlap_loss.hpp>
#include <boxgrad/overlap/diou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// DIoU loss between a predicted box and its target, [N, 4] each as x1 y1 x2 y2 in pixels.
///
///     l = 1 - diou(p, t) = 1 - iou + ρ²/c²          in [0, 2]
///
/// ρ: distance of the centres, c: diagonal of the smallest box around both. Disjoint boxes are drawn together.
/// Zheng et al., Distance-IoU loss, AAAI 2020, equation 7; mmdetection 3.3, DIoULoss.
struct diou {
    double eps = 1e-6;  ///< added to union and squared diagonal, in squared pixels

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& prediction, const box<V>& target) const {
        return overlap_loss<overlap::diou>{{eps}}(prediction, target);
    }
};
static_assert(box_term<diou>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
