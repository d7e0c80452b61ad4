// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/term.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Squared difference of two numbers.
///
///     l(x, t) = (x - t)²           ∂l/∂x = 2·(x - t)
///
/// mmdetection 3.3, MSELoss.
struct mse {
    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t) const {
        const V d = x - V(t);
        return d * d;
    }
};
static_assert(elementwise_term<mse>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
