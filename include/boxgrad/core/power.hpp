// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/dual.hpp>

namespace boxgrad::inline BOXGRAD_ABI {

/// x^p for x >= 0; x^0 is 1. The whole part of p, up to 8, is products, a half a square root, and only what is left
/// goes through a logarithm, which costs up to |ln x| ε.
template <plain_number V>
BOXGRAD_FN V power(V x, scalar_t<V> p) {
    using T = scalar_t<V>;
    if (p == T(2)) return product(x, x);
    if (p == T(1)) return x;
    if (p == T(0.5)) return sqrt(x);
    const int whole = p >= T(0) && p < T(9) ? static_cast<int>(p) : 0;
    T rest = p - static_cast<T>(whole);
    V r(T(1));
    V square = x;
    for (int bits = whole; bits != 0; bits >>= 1) {
        if ((bits & 1) != 0) r = product(r, square);
        square = product(square, square);
    }
    if (rest >= T(0.5) && rest < T(1)) {
        r = product(r, sqrt(x));
        rest -= T(0.5);
    }
    if (rest == T(0)) return r;
    const V zero(T(0));
    return select(x > zero, product(r, exp(product(V(rest), log(x)))), zero);
}

/// The derivative is p·x^(p - 1); where x is 0, or so small that it is no normal number, and p below 1, it is 0.
template <class V, int N>
BOXGRAD_FN dual<V, N> power(const dual<V, N>& x, scalar_t<V> p) {
    using T = scalar_t<V>;
    const V zero(T(0));
    if (p == T(0)) return dual<V, N>(V(T(1)));
    if (p == T(1)) return x;
    const V r = power(x.value, p);
    const bool halves = p > T(1) && p < T(9) && T(2) * p == static_cast<T>(static_cast<int>(T(2) * p));
    if (halves) return dual<V, N>::chain(r, V(p) * power(x.value, p - T(1)), x);
    const mask_t<V> normal = x.value >= V(smallest_normal<T>);
    return dual<V, N>::chain(r, select(normal, V(p) * (r / x.value), zero), x);
}

}  // namespace boxgrad::inline BOXGRAD_ABI
