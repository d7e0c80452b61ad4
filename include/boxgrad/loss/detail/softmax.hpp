// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// The softmax of a row without loss of digits: sums leave out the largest number, whose exponential is 1, so that
/// what the others add to it is known however small.

#include <boxgrad/loss/detail/row_kernel.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss::detail {

/// Every lane together with the one half a pack away, then a quarter, ...: all lanes in the end.
template <int Lanes, class X, class F>
BOXGRAD_FN X folded(X x, const F& both) {
    if constexpr (1 < Lanes) {
        return folded<Lanes / 2>(both(x, turned<Lanes / 2>(x)), both);
    } else {
        return x;
    }
}

/// A number in two parts, the second what the first lost by rounding.
template <class V>
struct two_parts {
    V value, rest;

    /// Exact (Knuth, TAOCP 2, section 4.2.2, theorem B).
    BOXGRAD_FN two_parts plus(V x) const {
        const V s = value + x;
        const V b = s - value;
        return {s, rest + ((value - (s - b)) + (x - b))};
    }
};

template <class V>
BOXGRAD_FN scalar_t<V> pairwise_total(V x) {
    return lane(folded<width_v<V>>(x, [](V a, V b) { return a + b; }), 0);
}

/// A sum of packs: lanes apart, added pairwise in the end. No more than `Few` are added before what rounding took is
/// kept as well, so that many classes cost no digits; a float by itself is summed in double.
template <class V, int Few = 16>
struct row_sum {
    using T = scalar_t<V>;
    static constexpr bool in_double = std::same_as<V, float>;
    using A = std::conditional_t<in_double, double, V>;
    two_parts<A> sum{A(T(0)), A(T(0))};
    A few = A(T(0));
    int held = 0;

    BOXGRAD_FN void add(V x) {
        if constexpr (in_double) {
            sum.value += static_cast<double>(x);
        } else if constexpr (Few == 1) {
            sum = sum.plus(x);
        } else {
            few = few + x;
            if (++held < Few) return;
            sum = sum.plus(few);
            few = A(T(0));
            held = 0;
        }
    }
    BOXGRAD_FN T total() const {
        const auto all = sum.plus(few);
        if constexpr (width_v<V> == 1) {
            return static_cast<T>(all.value + all.rest);
        } else {
            return pairwise_total(all.value + all.rest);
        }
    }
    BOXGRAD_FN two_parts<T> parts() const {
        const auto all = sum.plus(few);
        if constexpr (width_v<V> == 1) {
            const T value = static_cast<T>(all.value);
            return {value, static_cast<T>((all.value - static_cast<A>(value)) + all.rest)};
        } else {
            constexpr int n = width_v<V>;
            T value[static_cast<std::size_t>(n)];
            store(all.value, value, 1, n);
            two_parts<T> r{value[0], pairwise_total(all.rest)};
            for (int l = 1; l < n; ++l) r = r.plus(value[l]);
            return r;
        }
    }
};

/// Σ e^(x - largest) = 1 + rest, of a row or of a row in each lane.
template <class S>
struct softmax_sums {
    using T = scalar_t<S>;
    S largest, rest;

    /// log Σ e^x - x; what would overflow is the largest number.
    template <class V>
    BOXGRAD_FN V cross_entropy(V x) const {
        return min((V(largest) - x) + V(log1p(rest)), V(number_traits<T>::largest));
    }
    /// The probability of all others than x, from e^(x - largest).
    template <class V>
    BOXGRAD_FN V others(V e) const {
        const V one(T(1));
        return select(e < one, one + (V(rest) - e), V(rest)) / V(S(T(1)) + rest);
    }
    BOXGRAD_FN S inverse() const { return S(T(1)) / (S(T(1)) + rest); }
};

/// e^x for x <= 0, or NaN.
template <class V>
BOXGRAD_FN V exp_not_positive(V x) {
    return boxgrad::detail::exp_in_range(max(x, V(boxgrad::detail::format_of<V>::exp_lowest)));
}

/// How many bits are set: few, as a rule one in a row.
BOXGRAD_FN constexpr int count_bits(std::int32_t bits) {
#if defined(__POPCNT__) && !defined(__CUDA_ARCH__)
    return __builtin_popcount(static_cast<unsigned>(bits));
#else
    int n = 0;
    for (; bits != 0; bits &= bits - 1) ++n;
    return n;
#endif
}

/// Numbers beyond a row's end.
template <class V>
BOXGRAD_FN V only_first(V x, int count, scalar_t<V> otherwise) {
    return count == width_v<V> ? x : select(first_lanes<V>(count), x, V(otherwise));
}

/// The largest of x(c, count), c below `size`. NaN may be passed over.
template <class V, class X>
BOXGRAD_FN scalar_t<V> largest_of(index size, const X& x) {
    V most(-infinity<scalar_t<V>>);
    for (index c = 0; c < size; c += width_v<V>) most = max(most, x(c, rows_left<V>(size, c)));  // missing: the first
    return lane(folded<width_v<V>>(most, [](V a, V b) { return max(a, b); }), 0);
}

/// Sums of the softmax of x(c, count), c below `size`, the largest of which is known; keep(e, c, count) sees
/// e^(x - largest). NaN and infinite numbers give NaN.
template <class V, class X, class Keep>
BOXGRAD_FN softmax_sums<scalar_t<V>> softmax_of(index size, const X& x, scalar_t<V> largest, const Keep& keep) {
    using T = scalar_t<V>;
    const V zero(T(0));
    // The largest are counted, and one of them left out.
    row_sum<V> below;
    int equal = 0;
    for (index c = 0; c < size; c += width_v<V>) {
        const int count = rows_left<V>(size, c);
        const V d = x(c, count) - V(largest);
        const V e = exp_not_positive(d);
        keep(e, c, count);
        const mask_t<V> is_largest = d == zero;
        below.add(only_first(select(is_largest, zero, e), count, T(0)));
        equal += count_bits(lane_bits(is_largest) & ((1 << count) - 1));
    }
    return {largest, below.total() + static_cast<T>(equal - 1)};
}

template <class V, class X, class Keep>
BOXGRAD_FN softmax_sums<scalar_t<V>> softmax_of(index size, const X& x, const Keep& keep) {
    return softmax_of<V>(size, x, largest_of<V>(size, x), keep);
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
    /// At the class of logit x, e = e^(x - largest). The derivative of the probability of all others by the cross
    /// entropy is the probability.
    template <class S, class V>
    BOXGRAD_FN constexpr at_label<V> at(const softmax_sums<S>& s, V x, V e) const {
        using D = dual<V, 1>;
        const D ce = D::variable(s.cross_entropy(x), 0);
        const D r = term.of_softmax(ce, D::chain(s.others(e), e * V(s.inverse()), ce));
        return {r.value, r.partial[0]};
    }

    template <class V, class T, bool Dense>
    BOXGRAD_FN constexpr T row(const row_of<V, label_target<T>, Dense>& r) const {
        const index y[1] = {r.target().label};
        const T t[1] = {T(1)};
        return few<V>(r, y, t);
    }
    template <class V, class T, bool Dense>
    BOXGRAD_FN constexpr T row(const row_of<V, dense_target<T>, Dense>& r) const {
        return row(r, sums(r, largest(r)));
    }
    /// The first n of N rows, step by step, so that none waits for another; losses have a lane for each.
    template <class V, class T, bool Dense, std::size_t N>
    BOXGRAD_FN void several(const row_of<V, label_target<T>, Dense> (&row)[N], const bool (&counts)[N], int n,
                            T (&value)[N]) const {
        T most[N]{}, rest[N]{}, x[N]{}, scale[N], own[N];
        for (int k = 0; k < n; ++k) {
            if (!counts[k]) continue;
            most[k] = largest(row[k]);
            x[k] = row[k].at(row[k].target().label);
        }
        for (int k = 0; k < n; ++k) {
            if (counts[k]) rest[k] = sums(row[k], most[k]).rest;
        }
        constexpr int w = width_v<V>;
        for (int k = 0; k < static_cast<int>(N); k += w) {
            const softmax_sums<V> s{load<V>(most + k, 1, w), load<V>(rest + k, 1, w)};
            const V logit = load<V>(x + k, 1, w);
            const V e = exp(logit - s.largest);
            const auto l = at(s, logit, e);
            store(l.value, value + k, 1, w);
            store(l.slope * s.inverse(), scale + k, 1, w);
            store(-(l.slope * s.others(e)), own + k, 1, w);
        }
        for (int k = 0; k < n; ++k) {
            const auto& r = row[k];
            if (!counts[k] || !r.wants_gradient()) continue;
            const V by(r.factor() * scale[k]);
            r.for_packs([&](index c, int count) { r.write(by * r.written(c, count), c, count); });
            r.write(r.factor() * own[k], r.target().label);
        }
    }
    template <class V, class T, bool Dense, std::size_t N>
    BOXGRAD_FN void several(const row_of<V, dense_target<T>, Dense> (&row)[N], const bool (&counts)[N], int n,
                            T (&value)[N]) const {
        T most[N];
        softmax_sums<T> s[N];
        for (int k = 0; k < n; ++k) {
            if (counts[k]) most[k] = largest(row[k]);
        }
        for (int k = 0; k < n; ++k) {
            if (counts[k]) s[k] = sums(row[k], most[k]);
        }
        for (int k = 0; k < n; ++k) {
            if (counts[k]) value[k] = this->row(row[k], s[k]);
        }
    }

    /// Targets t at K different classes y, 0 elsewhere.
    template <class V, std::size_t K, class Row>
    BOXGRAD_FN constexpr scalar_t<V> few(const Row& r, const index (&y)[K], const scalar_t<V> (&t)[K]) const {
        using T = scalar_t<V>;
        const softmax_sums<T> s = sums(r, largest(r));
        T x[K], e[K], slope[K];
        T total = 0;
        for (std::size_t k = 0; k < K; ++k) {
            x[k] = r.at(y[k]);
            e[k] = exp(x[k] - s.largest);
            slope[k] = t[k] == T(0) ? T(0) : t[k] * at(s, x[k], e[k]).slope;
            total += slope[k];
        }
        if (r.wants_gradient()) {
            const V scale(r.factor() * total * s.inverse());
            r.for_packs([&](index c, int count) { r.write(scale * r.written(c, count), c, count); });
            for (std::size_t k = 0; k < K; ++k) {
                T rest = 0;  // of the other targets: total - slope[k] would cancel
                for (std::size_t j = 0; j < K; ++j) rest += j == k ? T(0) : slope[j];
                r.write(r.factor() * (rest * e[k] * s.inverse() - slope[k] * s.others(e[k])), y[k]);
            }
        }
        // The value comes last: where the gradient is not made of it, it does not hold the gradient up.
        T value = 0;
        for (std::size_t k = 0; k < K; ++k) value += t[k] == T(0) ? T(0) : t[k] * at(s, x[k], e[k]).value;
        return value;
    }

    /// A target for every class.
    template <class V, class T, bool Dense>
    BOXGRAD_FN constexpr T row(const row_of<V, dense_target<T>, Dense>& r, const softmax_sums<T>& s) const {
        const V zero(T(0));
        row_sum<V> value;
        row_sum<V, 1> slopes;
        const auto of = [&](index c, int count) {
            const V x = r.at(c, count);
            const V t = r.target(c, count);
            auto l = at(s, x, exp(x - V(s.largest)));
            l.value = select(t == zero, zero, t * l.value);
            l.slope = select(t == zero, zero, t * l.slope);
            return l;
        };
        r.for_packs([&](index c, int count) {
            const auto l = of(c, count);
            value.add(only_first(V(T(0.25)) * l.value, count, T(0)));  // a quarter: what overflows must not be NaN
            slopes.add(only_first(l.slope, count, T(0)));
        });
        const T loss = min(T(4) * value.total(), number_traits<T>::largest);
        if (!r.wants_gradient()) return loss;
        const auto total = slopes.parts();  // less a slope close to it, the rest of it counts
        const V inverse(s.inverse());
        r.for_packs([&](index c, int count) {
            const V e = r.written(c, count);
            const V slope = of(c, count).slope;
            const V rest = (V(total.value) - slope) + V(total.rest);
            r.write(V(r.factor()) * (rest * e * inverse - slope * s.others(e)), c, count);
        });
        return loss;
    }

private:
    template <class Row>
    BOXGRAD_FN static typename Row::scalar largest(const Row& r) {
        return largest_of<typename Row::number>(r.size(), [&](index c, int count) { return r.at(c, count); });
    }
    /// The sums of a row; where a gradient is wanted, e^(x - largest) is left in its memory.
    template <class Row>
    BOXGRAD_FN static softmax_sums<typename Row::scalar> sums(const Row& r, typename Row::scalar most) {
        using V = typename Row::number;
        return softmax_of<V>(
            r.size(), [&](index c, int count) { return r.at(c, count); }, most,
            [&](V e, index c, int count) {
                if (r.wants_gradient()) r.write(e, c, count);
            });
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss::detail
