// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/picks.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// Focal loss of a logit whose target is 1 (`set`) or 0 (`clear`), with eps within the logarithms.
template <plain_number V>
struct focal_pair {
    V set, clear;
};
template <plain_number V>
BOXGRAD_FN focal_pair<V> focal_terms(V x, double alpha, double gamma, double eps) {
    using T = scalar_t<V>;
    const V e(static_cast<T>(eps));
    const V small = sigmoid(-abs(x));
    const V large = V(T(1)) - small;
    const V log_small = log(small + e);
    const V log_large = log1p(e - small);  // of 1 - small + eps
    const auto likely = x > V(T(0));
    const V p = select(likely, large, small);
    const V q = select(likely, small, large);
    const V set = product(V(static_cast<T>(alpha)), power(q, static_cast<T>(gamma)));
    const V clear = product(V(static_cast<T>(1 - alpha)), power(p, static_cast<T>(gamma)));
    return {product(set, -select(likely, log_large, log_small)), product(clear, -select(likely, log_small, log_large))};
}

/// What a pixel adds to the sums of a mask's cost, where the truth is set and where it is not.
template <plain_number V, int N>
struct pixel {
    fields<V, N> set, clear;
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
