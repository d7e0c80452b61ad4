// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/smooth_l1.hpp>
#include <boxgrad/overlap/iou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Bounded IoU loss: a loss for each of centre x, centre y, width and height, in this order, from the largest IoU
/// that this one difference allows. Boxes [N, 4] each as x1 y1 x2 y2 in pixels; values [N, 4].
///
///     dx = |px - tx|                          centres; y likewise
///     u_x = max((tw - 2·dx) / (tw + 2·dx + eps), 0)
///     u_w = min(tw / (pw + eps), pw / (tw + eps))                          heights likewise
///     l = smooth_l1 of 1 - u: (1 - u)² / (2·beta) where 1 - u < beta, else 1 - u - beta/2
///
/// Computed as 1 - u_x = (4·dx + eps) / (tw + 2·dx + eps), 1 - u_w = (|pw - tw| + eps) / (max(pw, tw) + eps):
/// nothing cancels. A centre further away than half of the target's size has no gradient in its own coordinate. |dx|
/// has slope 0 at 0, equal sizes send half to each. eps = 0: scale-invariant (promise P6). A negative size counts as 0.
/// Throws config_error for beta below 0. Tychsen-Smith and Petersson, Improving object localization with fitness NMS
/// and bounded IoU loss, CVPR 2018; mmdetection 3.3, BoundedIoULoss.
struct bounded_iou {
    double beta = 0.2;  ///< where the square ends, no unit
    double eps = 1e-3;  ///< added to divisors, in pixels

    constexpr void check() const {
        detail::check_parameter("loss::bounded_iou", "beta", beta >= 0 && beta <= largest_finite<double>,
                                "finite and not negative", beta);
    }

    template <number V>
    BOXGRAD_FN constexpr fields<V, 4> operator()(const box<V>& prediction, const box<V>& target) const {
        using T = scalar_t<V>;
        const V one(T(1));
        const V two(T(2));
        const V e(eps > 0 ? static_cast<T>(eps) : T(0));
        const box<V> p = prediction.upright();
        const box<V> t = target.upright();
        // 1 - u = (x + eps) / (y + eps), and 1 between boxes that have no size.
        const auto missing = [&](const V& x, const V& y) {
            const V q = (x + e) / overlap::divisor(y, eps);
            return eps > 0 ? q : select(y < V(smallest_normal<T>), one, q);
        };
        const auto smooth = [&](const V& x) { return smooth_l1{beta}(x, base_t<V>(T(0))); };
        const auto place = [&](const V& p1, const V& p2, const V& t1, const V& t2) {
            const V twice = abs((t1 - p1) + (t2 - p2));
            return smooth(min(missing(two * twice, (t2 - t1) + twice), one));
        };
        const auto size = [&](const V& a, const V& b) { return smooth(missing(abs(a - b), max(a, b))); };
        return {{place(p.x1, p.x2, t.x1, t.x2), place(p.y1, p.y2, t.y1, t.y2), size(p.width(), t.width()),
                 size(p.height(), t.height())}};
    }
};
static_assert(coordinate_term<bounded_iou>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
