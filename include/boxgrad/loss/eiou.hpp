// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/overlap_loss.hpp>
#include <boxgrad/loss/smooth_l1.hpp>
#include <boxgrad/overlap/eiou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Extended IoU loss between a predicted box and its target, [N, 4] each as x1 y1 x2 y2 in pixels; smooth near 0.
///
///     e = 1 - eiou(p, t)             in [0, 2); has a slope where boxes are apart
///     l = smooth_l1 of e: e² / (2·smooth_point) where e < smooth_point, else e - smooth_point/2
///
/// Not the efficient IoU of Zhang et al., which goes by the same name: that is efficient_iou. Throws config_error for
/// smooth_point below 0. Peng and Yu, A systematic IoU-related method, TIP 2021; mmdetection 3.3, EIoULoss.
struct eiou {
    double eps = 1e-6;          ///< added to the union, in squared pixels
    double smooth_point = 0.1;  ///< where the square ends, no unit

    constexpr void check() const {
        detail::check_parameter("loss::eiou", "smooth_point",
                                smooth_point >= 0 && smooth_point <= largest_finite<double>, "finite and not negative",
                                smooth_point);
    }

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& prediction, const box<V>& target) const {
        const V e = overlap_loss<overlap::eiou>{{eps}}(prediction, target);
        return smooth_l1{smooth_point}(e, base_t<V>(scalar_t<V>(0)));
    }
};
static_assert(box_term<eiou>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
