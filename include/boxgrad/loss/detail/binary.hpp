// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What the losses of a probability and a target in [0, 1] share.

#include <boxgrad/core/power.hpp>
#include <boxgrad/loss/term.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss::detail {

/// alpha·t + (1 - alpha)·(1 - t), or 1 for a negative alpha.
template <plain_number V>
BOXGRAD_FN constexpr V class_balance(V t, scalar_t<V> alpha) {
    const V one(scalar_t<V>(1));
    if (alpha < scalar_t<V>(0)) return one;
    return V(alpha) * t + (one - V(alpha)) * (one - t);
}

/// How wrong a probability is: t·(1 - p) + (1 - t)·p. `rest` is 1 - p.
template <number V>
BOXGRAD_FN constexpr V wrongness(V p, V rest, base_t<V> t) {
    const base_t<V> one(scalar_t<V>(1));
    return t * rest + (one - t) * p;
}

/// |t - p|, without cancellation for t = 0 and t = 1. `rest` is 1 - p.
template <number V>
BOXGRAD_FN constexpr V distance(V p, V rest, base_t<V> t) {
    const base_t<V> one(scalar_t<V>(1));
    return abs(t * rest - (one - t) * p);
}

/// Binary cross entropy of a probability p in [0, 1] with a target t, with PyTorch's clamps: logarithms are at least
/// -100, and the derivative is (p - t) / max(p·(1 - p), 1e-12).
template <plain_number V>
BOXGRAD_FN constexpr V bce_of_probability(V p, base_t<V> t) {
    using T = scalar_t<V>;
    const V one(T(1));
    const V lowest(T(-100));
    return -(t * max(log(p), lowest)) - (one - t) * max(log1p(-p), lowest);
}
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> bce_of_probability(const dual<V, N>& p, V t) {
    using T = scalar_t<V>;
    const V slope = (p.value - t) / max(p.value * (V(T(1)) - p.value), V(T(1e-12)));
    return dual<V, N>::chain(bce_of_probability(p.value, t), slope, p);
}

/// -ln a where a + rest = 1, both in [0, 1]; a is floored at eps: -ln(a + eps·rest), which is 0 for a = 1 and never
/// negative. As ln(1 + x) it keeps its digits where rest is small.
template <number V>
BOXGRAD_FN constexpr V minus_log(V a, V rest, scalar_t<V> eps) {
    using T = scalar_t<V>;
    return log1p(rest * V(T(1) - eps) / (a + V(eps) * rest));
}

}  // namespace boxgrad::inline BOXGRAD_ABI::loss::detail
