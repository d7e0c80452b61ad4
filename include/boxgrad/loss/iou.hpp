// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/term.hpp>
#include <boxgrad/overlap/iou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// How an overlap u becomes a loss.
enum class iou_mode {
    linear,  ///< 1 - u
    square,  ///< 1 - u²
    log      ///< -ln u
};

/// IoU loss between a predicted box and its target, [N, 4] each as x1 y1 x2 y2 in pixels.
///
///     u = max(iou(p, t), eps)      l = 1 - u, 1 - u² or -ln u         by mode
///     ∂l/∂p = -1, -2u or -1/u  times  ∂iou/∂p                  0 where iou < eps: disjoint boxes rest
///
/// Yu et al., UnitBox, 2016 (log); mmdetection 3.3, IoULoss. YOLOX uses square with eps 1e-16.
template <iou_mode Mode = iou_mode::log>
struct iou {
    double eps = 1e-6;               ///< floor of the overlap, no unit
    boxgrad::overlap::iou overlap{};  ///< whose own eps is a floor of the union, in squared pixels

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& prediction, const box<V>& target) const {
        using T = scalar_t<V>;
        const V u = clamp_min(overlap(prediction, target), V(static_cast<T>(eps)));
        if constexpr (Mode == iou_mode::linear) {
            return V(T(1)) - u;
        } else if constexpr (Mode == iou_mode::square) {
            return V(T(1)) - u * u;
        } else {
            return -log(u);
        }
    }
};
static_assert(box_term<iou<>>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
