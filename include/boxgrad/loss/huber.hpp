// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/term.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Huber loss: a parabola that goes on as a line of slope delta. d = |x - t|:
///
///     l(x, t) = d²/2                       for d <= delta        ∂l/∂x = x - t
///     l(x, t) = delta·(d - delta/2)        else                  ∂l/∂x = delta·sign(x - t)
///
/// It is delta·smooth_l1 with beta = delta. Throws config_error unless delta is positive. Huber, Robust estimation of a
/// location parameter, 1964; PyTorch 1.13, HuberLoss.
struct huber {
    double delta = 1;  ///< in units of the prediction, positive

    constexpr void check() const { check_positive("loss::huber", "delta", delta); }
    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t) const {
        using T = scalar_t<V>;
        const V d = abs(x - V(t));
        const V bound(static_cast<T>(delta));
        const V half(T(0.5));
        return select(d <= bound, half * d * d, bound * (d - half * bound));
    }
};
static_assert(elementwise_term<huber>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
