// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Dual numbers: a value and its N partial derivatives. A formula evaluated on duals yields the exact
/// gradient beside the value. Where a function has no derivative the reference's subgradient holds:
/// max and min of equals send half to each side, |x| has 0 at 0, a clamp passes at its bound.

#include <boxgrad/core/math.hpp>

namespace boxgrad::inline BOXGRAD_ABI {

/// Shape: one value, N partials. V is a scalar or a pack; the partials are in lane order of the value.
template <plain_number V, int N>
struct dual {
    V value{};
    V partial[static_cast<std::size_t>(N)]{};

    constexpr dual() = default;
    BOXGRAD_FN constexpr dual(V x) : value(x) {  // NOLINT(google-explicit-constructor)
        for (int i = 0; i < N; ++i) partial[i] = V(scalar_t<V>(0));
    }
    BOXGRAD_FN constexpr dual(scalar_t<V> x)  // NOLINT(google-explicit-constructor)
        requires(!std::same_as<V, scalar_t<V>>)
        : dual(V(x)) {}

    /// The i-th independent variable.
    BOXGRAD_FN static constexpr dual variable(V x, int i) {
        dual r(x);
        r.partial[i] = V(scalar_t<V>(1));
        return r;
    }

    BOXGRAD_FN friend constexpr dual operator+(const dual& a, const dual& b) {
        return map(a.value + b.value, [&](int i) { return a.partial[i] + b.partial[i]; });
    }
    BOXGRAD_FN friend constexpr dual operator-(const dual& a, const dual& b) {
        return map(a.value - b.value, [&](int i) { return a.partial[i] - b.partial[i]; });
    }
    BOXGRAD_FN friend constexpr dual operator-(const dual& a) {
        return map(-a.value, [&](int i) { return -a.partial[i]; });
    }
    BOXGRAD_FN friend constexpr dual operator*(const dual& a, const dual& b) {
        return map(a.value * b.value,
                   [&](int i) { return a.partial[i] * b.value + a.value * b.partial[i]; });
    }
    /// By a constant, written as a plain number: it has no derivatives that would be multiplied and added.
    BOXGRAD_FN friend constexpr dual operator*(const V& c, const dual& x) {
        return map(c * x.value, [&](int i) { return c * x.partial[i]; });
    }
    BOXGRAD_FN friend constexpr dual operator*(const dual& x, const V& c) { return c * x; }
    BOXGRAD_FN friend constexpr dual operator*(const scalar_t<V>& c, const dual& x)
        requires(!std::same_as<V, scalar_t<V>>)
    {
        return V(c) * x;
    }
    BOXGRAD_FN friend constexpr dual operator*(const dual& x, const scalar_t<V>& c)
        requires(!std::same_as<V, scalar_t<V>>)
    {
        return V(c) * x;
    }
    /// (a' - q·b') / b with q = a / b: never b², so huge and tiny boxes stay finite (promise P7). One reciprocal
    /// serves all partials; it is kept finite, so that 0 / b stays 0 for every b.
    BOXGRAD_FN friend constexpr dual operator/(const dual& a, const dual& b) {
        const V q = a.value / b.value;
        const V most(number_traits<scalar_t<V>>::largest);
        const V r = min(max(V(scalar_t<V>(1)) / b.value, -most), most);
        return map(q, [&](int i) { return (a.partial[i] - q * b.partial[i]) * r; });
    }
    BOXGRAD_FN friend constexpr mask_t<V> operator<(const dual& a, const dual& b) {
        return a.value < b.value;
    }
    BOXGRAD_FN friend constexpr mask_t<V> operator>(const dual& a, const dual& b) {
        return a.value > b.value;
    }
    BOXGRAD_FN friend constexpr mask_t<V> operator<=(const dual& a, const dual& b) {
        return a.value <= b.value;
    }
    BOXGRAD_FN friend constexpr mask_t<V> operator>=(const dual& a, const dual& b) {
        return a.value >= b.value;
    }

    template <class F>
    BOXGRAD_FN static constexpr dual map(V value, F&& f) {
        dual r;
        r.value = value;
        for (int i = 0; i < N; ++i) r.partial[i] = f(i);
        return r;
    }
    /// f(x) with its derivative given: the chain rule.
    BOXGRAD_FN static constexpr dual chain(V value, V derivative, const dual& x) {
        return map(value, [&](int i) { return derivative * x.partial[i]; });
    }
};

template <class V, int N>
struct number_traits<dual<V, N>> {
    using scalar = scalar_t<V>;
    using base = V;
    using mask = mask_t<V>;
    static constexpr int width = width_v<V>;
};

template <class V, int N>
BOXGRAD_FN constexpr V detach(const dual<V, N>& x) {
    return x.value;
}
/// a·b + c, the value fused as that of its numbers.
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> madd(const dual<V, N>& a, const dual<V, N>& b, const dual<V, N>& c) {
    return dual<V, N>::map(madd(a.value, b.value, c.value),
                           [&](int i) { return a.partial[i] * b.value + a.value * b.partial[i] + c.partial[i]; });
}
/// The value rounded by itself.
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> product(const dual<V, N>& a, const dual<V, N>& b) {
    return dual<V, N>::map(product(a.value, b.value),
                           [&](int i) { return a.partial[i] * b.value + a.value * b.partial[i]; });
}
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> select(mask_t<V> m, const dual<V, N>& a, const dual<V, N>& b) {
    return dual<V, N>::map(select(m, a.value, b.value),
                           [&](int i) { return select(m, a.partial[i], b.partial[i]); });
}
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> max(const dual<V, N>& a, const dual<V, N>& b) {
    const V half(scalar_t<V>(0.5));
    return dual<V, N>::map(max(a.value, b.value), [&](int i) {
        return select(a.value < b.value, b.partial[i],
                      select(b.value < a.value, a.partial[i], half * (a.partial[i] + b.partial[i])));
    });
}
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> min(const dual<V, N>& a, const dual<V, N>& b) {
    const V half(scalar_t<V>(0.5));
    return dual<V, N>::map(min(a.value, b.value), [&](int i) {
        return select(b.value < a.value, b.partial[i],
                      select(a.value < b.value, a.partial[i], half * (a.partial[i] + b.partial[i])));
    });
}
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> abs(const dual<V, N>& x) {
    const V zero(scalar_t<V>(0)), one(scalar_t<V>(1));
    const V sign = select(x.value < zero, -one, select(zero < x.value, one, zero));
    return dual<V, N>::chain(abs(x.value), sign, x);
}
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> sqrt(const dual<V, N>& x) {
    const V r = sqrt(x.value);
    return dual<V, N>::chain(r, V(scalar_t<V>(0.5)) / r, x);
}
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> exp(const dual<V, N>& x) {
    const V r = exp(x.value);
    return dual<V, N>::chain(r, r, x);
}
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> log(const dual<V, N>& x) {
    return dual<V, N>::chain(log(x.value), V(scalar_t<V>(1)) / x.value, x);
}
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> log1p(const dual<V, N>& x) {
    const V one(scalar_t<V>(1));
    return dual<V, N>::chain(log1p(x.value), one / (one + x.value), x);
}
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> sigmoid(const dual<V, N>& x) {
    const V r = sigmoid(x.value);
    return dual<V, N>::chain(r, r * sigmoid(-x.value), x);
}
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> softplus(const dual<V, N>& x) {
    return dual<V, N>::chain(softplus(x.value), sigmoid(x.value), x);
}
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> atan(const dual<V, N>& x) {
    const V one(scalar_t<V>(1));
    return dual<V, N>::chain(atan(x.value), one / (one + x.value * x.value), x);
}

}  // namespace boxgrad::inline BOXGRAD_ABI
