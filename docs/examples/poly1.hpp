// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/term.hpp>

/// Poly-1 loss (Leng et al., PolyLoss, 2022): the cross entropy and a share of the probability that is missing.
struct poly1 {
    double epsilon = 2;
    template <boxgrad::number V>
    V of_softmax(V ce, V missing) const {
        return ce + V(static_cast<boxgrad::scalar_t<V>>(epsilon)) * missing;
    }
};
static_assert(boxgrad::loss::softmax_term<poly1>);
