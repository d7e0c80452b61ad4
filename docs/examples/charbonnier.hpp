// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/term.hpp>

/// Charbonnier's loss sqrt(d² + eps²) - eps.
struct charbonnier {
    double eps = 1e-3;
    template <boxgrad::number V>
    V operator()(V x, boxgrad::base_t<V> t) const {
        using T = boxgrad::scalar_t<V>;
        const V d = x - V(t), e(static_cast<T>(eps));
        return sqrt(d * d + e * e) - e;
    }
};
static_assert(boxgrad::loss::elementwise_term<charbonnier>);
