// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/term.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Absolute difference, a parabola near 0. d = |x - t|:
///
///     l(x, t) = d²/(2·beta)          for d < beta          ∂l/∂x = (x - t)/beta
///     l(x, t) = d - beta/2           else                  ∂l/∂x = sign(x - t)
///
/// beta = 0 is `l1`. Throws config_error for beta below 0. Girshick, Fast R-CNN, ICCV 2015, equation 3, where beta is
/// 1; mmdetection 3.3, SmoothL1Loss.
struct smooth_l1 {
    double beta = 1;  ///< in units of the prediction, not negative

    constexpr void check() const { check_not_negative("loss::smooth_l1", "beta", beta); }
    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t) const {
        using T = scalar_t<V>;
        const V d = abs(x - V(t));
        const T b = static_cast<T>(beta);
        if (b == T(0)) return d;
        const V half(T(0.5));
        return select(d < V(b), half * d * (d / V(b)), d - half * V(b));
    }
};
static_assert(elementwise_term<smooth_l1>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
