// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// The softmax of a row without loss of digits: sums leave out the largest number, whose exponential is 1, so that
/// what the others add to it is known however small.

#include <boxgrad/loss/detail/row_kernel.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss::detail {

/// A sum of packs: lanes apart, added pairwise in the end. A scalar is summed in double.
template <class V>
struct row_sum {
    using T = scalar_t<V>;
    using A = std::conditional_t<width_v<V> == 1, double, V>;
    A sum = A(T(0));

    BOXGRAD_FN void add(V x) { sum = sum + A(x); }
    BOXGRAD_FN T total() const {
        if constexpr (width_v<V> == 1) {
            return static_cast<T>(sum);
        } else {
            T buffer[static_cast<std::size_t>(width_v<V>)];
            store(sum, buffer, 1, width_v<V>);
            for (int half = width_v<V> / 2; half > 0; half /= 2) {
                for (int l = 0; l < half; ++l) buffer[l] += buffer[l + half];
            }
            return buffer[0];
        }
    }
};

template <class V>
BOXGRAD_FN scalar_t<V> largest_lane(V x) {
    scalar_t<V> buffer[static_cast<std::size_t>(width_v<V>)];
    store(x, buffer, 1, width_v<V>);
    for (int half = width_v<V> / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; ++l) buffer[l] = max(buffer[l], buffer[l + half]);
    }
    return buffer[0];
}

/// Σ e^(x - largest) = 1 + rest.
template <class T>
struct softmax_sums {
    T largest, rest;

    /// log Σ e^x - x.
    template <class V>
    BOXGRAD_FN V cross_entropy(V x) const {
        return (V(largest) - x) + V(log1p(rest));
    }
    /// The probability of all others than x, from e^(x - largest).
    template <class V>
    BOXGRAD_FN V others(V e) const {
        const V one(T(1));
        return select(e < one, one + (V(rest) - e), V(rest)) / V(T(1) + rest);
    }
    BOXGRAD_FN T inverse() const { return T(1) / (T(1) + rest); }
};

/// Numbers beyond a row's end.
template <class V>
BOXGRAD_FN V only_first(V x, int count, scalar_t<V> otherwise) {
    return count == width_v<V> ? x : select(first_lanes<V>(count), x, V(otherwise));
}

/// Sums of the softmax of x(c, count), c below `size`; keep(e, c, count) sees e^(x - largest). NaN and infinite
/// numbers give NaN.
template <class V, class X, class Keep>
BOXGRAD_FN softmax_sums<scalar_t<V>> softmax_of(index size, const X& x, const Keep& keep) {
    using T = scalar_t<V>;
    const V zero(T(0));
    V most(-infinity<T>);
    for (index c = 0; c < size; c += width_v<V>) {
        const V v = x(c, rows_left<V>(size, c));  // missing lanes repeat the first
        most = select(v == v, max(most, v), v);
    }
    T largest = lane(most, 0);
    if constexpr (1 < width_v<V>) {
        largest = largest_lane(most);
        if (any(most != most)) largest = T(0) * infinity<T>;
    }
    // The first of the largest is left out of the sum, in the lane where it lies.
    row_sum<V> below, equal;
    for (index c = 0; c < size; c += width_v<V>) {
        const int count = rows_left<V>(size, c);
        const V d = x(c, count) - V(largest);
        const V e = exp(d);
        keep(e, c, count);
        below.add(only_first(select(d == zero, zero, e), count, T(0)));
        equal.add(only_first(select(d == zero, V(T(1)), zero), count, T(0)));
    }
    return {largest, below.total() + (equal.total() - T(1))};
}

/// A term of softmax over the rows of logits.
template <class Term>
struct over_softmax {
    static constexpr bool over_rows = true;
    Term term{};

    /// The formula's value, and its derivative by the cross entropy.
    template <class T>
    struct at_label {
        T value, slope;
    };
    template <class V>
    BOXGRAD_FN constexpr at_label<V> at(V ce, V others) const {
        using D = dual<V, 1>;
        const D x = D::variable(ce, 0);
        const D r = term.of_softmax(x, D::chain(others, V(scalar_t<V>(1)) - others, x));
        return {r.value, r.partial[0]};
    }

    template <class V, class T>
    BOXGRAD_FN constexpr T row(const row_of<V, label_target<T>>& r) const {
        const index y[1] = {r.target().label};
        const T t[1] = {T(1)};
        return few<V>(r, y, t);
    }

    /// Targets t at K different classes y, 0 elsewhere.
    template <class V, std::size_t K, class Row>
    BOXGRAD_FN constexpr scalar_t<V> few(const Row& r, const index (&y)[K], const scalar_t<V> (&t)[K]) const {
        using T = scalar_t<V>;
        const softmax_sums<T> s = sums<V>(r);
        T value = 0;
        T total = 0;
        T slope[K];
        for (std::size_t k = 0; k < K; ++k) {
            const T x = r.at(y[k]);
            const auto l = at<T>(s.cross_entropy(x), s.others(exp(x - s.largest)));
            value += t[k] == T(0) ? T(0) : t[k] * l.value;
            slope[k] = t[k] == T(0) ? T(0) : t[k] * l.slope;
            total += slope[k];
        }
        if (!r.wants_gradient()) return value;
        const V scale(r.factor() * total * s.inverse());
        r.for_packs([&](index c, int count) { r.write(scale * r.written(c, count), c, count); });
        for (std::size_t k = 0; k < K; ++k) {
            const T e = exp(r.at(y[k]) - s.largest);
            T rest = 0;  // of the other targets: total - slope[k] would cancel
            for (std::size_t j = 0; j < K; ++j) rest += j == k ? T(0) : slope[j];
            r.write(r.factor() * (rest * e * s.inverse() - slope[k] * s.others(e)), y[k]);
        }
        return value;
    }

    /// A target for every class.
    template <class V, class T>
    BOXGRAD_FN constexpr T row(const row_of<V, dense_target<T>>& r) const {
        const V zero(T(0));
        const softmax_sums<T> s = sums<V>(r);
        row_sum<V> value, slopes;
        const auto of = [&](index c, int count) {
            const V x = r.at(c, count);
            const V t = r.target(c, count);
            auto l = at<V>(s.cross_entropy(x), s.others(exp(x - V(s.largest))));
            l.value = select(t == zero, zero, t * l.value);
            l.slope = select(t == zero, zero, t * l.slope);
            return l;
        };
        r.for_packs([&](index c, int count) {
            const auto l = of(c, count);
            value.add(only_first(l.value, count, T(0)));
            slopes.add(only_first(l.slope, count, T(0)));
        });
        if (!r.wants_gradient()) return value.total();
        const V total(slopes.total());
        const V inverse(s.inverse());
        r.for_packs([&](index c, int count) {
            const V e = r.written(c, count);
            const V slope = of(c, count).slope;
            r.write(V(r.factor()) * ((total - slope) * e * inverse - slope * s.others(e)), c, count);
        });
        return value.total();
    }

private:
    /// The sums of a row; where a gradient is wanted, e^(x - largest) is left in its memory.
    template <class V, class Row>
    BOXGRAD_FN static softmax_sums<scalar_t<V>> sums(const Row& r) {
        return softmax_of<V>(
            r.size(), [&](index c, int count) { return r.at(c, count); },
            [&](V e, index c, int count) {
                if (r.wants_gradient()) r.write(e, c, count);
            });
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss::detail
