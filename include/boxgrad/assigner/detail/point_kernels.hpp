// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/states.hpp>
#include <boxgrad/assigner/detail/top_k.hpp>
#include <boxgrad/core/math.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// Points that lie in memory: [N, 3] = x, y, stride, or [N, 4].
template <class T>
struct strided_points {
    view<const T, 2> points;

    BOXGRAD_FN constexpr index size() const { return points.extent[0]; }
    template <plain_number V>
    BOXGRAD_FN constexpr prior::point<V> at(index i, int count) const {
        if (points.extent[1] == 4) return load_row<prior::point, V>(points, i, count);
        const auto f = load_fields<V, 3>(points, i, count);
        return {f[0], f[1], f[2], f[2]};
    }
};
template <class B, class X>
auto image_strided_points(const B& b, const X& x, index images, const char* op, const char* argument) {
    if constexpr (row_source<X, lanes_t<B>>) {
        return shared_rows<X>{x};
    } else {
        const auto v = image_rows<matrix::shared>(b, x, images, op, argument);
        if (v.extent[2] != 4) check_shape(op, argument, {any_extent, any_extent, 3}, v.extent);
        return stored_images<strided_points, typename B::scalar>{v};
    }
}

/// trunc(log2(x)) for x > 0, without a logarithm that rounds.
template <plain_number V>
BOXGRAD_FN V trunc_log2(V x) {
    using T = scalar_t<V>;
    V mantissa;
    const V e = split_exponent(max(x, V(smallest_normal<T>)), mantissa);
    return select(e < V(T(0)) && V(T(1)) < mantissa, e + V(T(1)), e);
}

template <class V, class Points>
struct point_problem {
    using number = V;
    using T = scalar_t<V>;
    static constexpr index block = 1024;  ///< points whose levels are summed up at once
    static constexpr T largest = infinity<T>;

    Points points;
    boxgrad::detail::truth_view<T> truths;
    T scale;
    int pos_num;
    view<std::int32_t, 2> truth;  // [B, N]
    view<T, 2> overlap;           // [B, N] first the level of points that are free, NaN for others; then the distance
    view<T, 2> levels;            // [B, 2·blocks] lowest and highest level of a block
    view<T, 2> distance;          // [G, pos_num], squared
    view<std::int32_t, 2> pick;   // [G, pos_num]
    view<std::int32_t, 1> picks;  // [G]

    BOXGRAD_FN index blocks() const { return levels.extent[1] / 2; }
};

/// States and levels of a block of points.
template <class P>
struct point_levels : P {
    using typename P::T;
    using V = typename P::number;

    BOXGRAD_FN void operator()(index n) const {
        const index b = n / this->blocks();
        const index first = n % this->blocks() * P::block;
        const index size = this->points.size();
        const index last = first + P::block < size ? first + P::block : size;
        V low(P::largest);
        V high(-P::largest);
        for (index i = first; i < last; i += width_v<V>) {
            const int count = rows_left<V>(last, i);
            const prior::point<V> p = this->points.template at<V>(b, i, count);
            const mask_t<V> sane = is_sane(p) && p.sx > V(T(0));
            const mask_t<V> in = is_ignored(this->truths, b, p.x, p.y);
            write_states<V>(this->truth, b, i, count, sane, in);
            const V level = trunc_log2(p.sx);
            low = select(sane && level < low, level, low);
            high = select(sane && level > high, level, high);
            store(select(sane && !in, level, V(not_a_number<T>)), &this->overlap(b, i), this->overlap.stride[1], count);
        }
        T lowest = P::largest;
        T highest = -P::largest;
        for (int l = 0; l < width_v<V>; ++l) {
            lowest = min(lowest, lane(low, l));
            highest = max(highest, lane(high, l));
        }
        const index at = n % this->blocks() * 2;
        this->levels(b, at) = lowest;
        this->levels(b, at + 1) = highest;
    }
};

/// A truth's points.
template <class P>
struct point_picks : P {
    using typename P::T;
    using V = typename P::number;

    BOXGRAD_FN void operator()(index g) const {
        const index b = this->truths.image_of(g);
        const box<T> t = this->truths.at(g);
        const V cx((t.x1 + t.x2) * T(0.5));
        const V cy((t.y1 + t.y2) * T(0.5));
        const V w(max(t.width(), T(1e-6)));
        const V h(max(t.height(), T(1e-6)));
        const V level(level_of(b, t));
        nearest_list<T> nearest(this->distance, this->pick, g, 0, this->pos_num);
        enter_nearest<V>(nearest, 0, this->points.size(), [&](index i, int count) {
            const V at = load<V>(&this->overlap(b, i), this->overlap.stride[1], count);
            const prior::point<V> p = this->points.template at<V>(b, i, count);
            const V dx = (p.x - cx) / w;
            const V dy = (p.y - cy) / h;
            return select(at == level && first_lanes<V>(count), product(dx, dx) + product(dy, dy), V(P::largest));
        });
        this->picks(g) = nearest.size;
    }

private:
    BOXGRAD_FN T level_of(index b, const box<T>& t) const {
        T low = P::largest;
        T high = -P::largest;
        for (index k = 0; k < this->blocks(); ++k) {
            low = min(low, this->levels(b, 2 * k));
            high = max(high, this->levels(b, 2 * k + 1));
        }
        const T w = max(t.width(), T(1e-6)) / this->scale;
        const T h = max(t.height(), T(1e-6)) / this->scale;
        // Half of an integer, towards 0: that of log2 itself, as no integer lies between.
        const T twice = trunc_log2(product(w, h));
        const auto half = static_cast<T>(static_cast<std::int32_t>(twice) / 2);
        return min(max(half, low), high);
    }
};

/// Points that several truths picked go to the nearest.
template <class P>
struct point_conflicts : P {
    using typename P::T;

    BOXGRAD_FN void operator()(index b) const {
        const index first = this->truths.offset(b);
        const index last = this->truths.offset(b + 1);
        for (index g = first; g < last; ++g) {
            for (int k = 0; k < this->picks(g); ++k) this->overlap(b, this->pick(g, k)) = P::largest;
        }
        for (index g = first; g < last; ++g) {
            for (int k = 0; k < this->picks(g); ++k) {
                const index i = this->pick(g, k);
                if (!(this->distance(g, k) < this->overlap(b, i))) continue;
                this->overlap(b, i) = this->distance(g, k);
                this->truth(b, i) = static_cast<std::int32_t>(g - first);
            }
        }
    }
};

template <class T>
struct no_overlap {
    view<T, 2> overlap;

    BOXGRAD_FN void operator()(index n) const { overlap.at_flat(n) = T(0); }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
