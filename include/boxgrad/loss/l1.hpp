// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/term.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Absolute difference of two numbers.
///
///     l(x, t) = |x - t|            ∂l/∂x = sign(x - t), 0 at x = t
///
/// mmdetection 3.3, L1Loss.
struct l1 {
    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t) const {
        return abs(x - V(t));
    }
};
static_assert(elementwise_term<l1>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
