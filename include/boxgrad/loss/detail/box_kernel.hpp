// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/detail/elementwise_kernel.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss::detail {

/// Predictions that are boxes already.
struct stored_predictions {
    template <class D, class V>
    BOXGRAD_FN box<D> at(const fields<D, 4>& f, index, int) const {
        return {f[0], f[1], f[2], f[3]};
    }
};

/// Value, sum and gradient of a block of boxes. Map makes a box of the four numbers of a row; a term gives one
/// loss for a box, or one for each coordinate.
template <class Term, class V, class Map>
struct box_kernel {
    using T = scalar_t<V>;
    static constexpr bool by_coordinate = coordinate_term<Term>;
    static constexpr int Q = by_coordinate ? 2 : 1;
    static constexpr index block = 1024;

    Term term{};
    Map map{};
    view<const T, 2> prediction{}, target{};
    reader<const T, 1> weight{};
    view<const T, 2> weight4{};
    outputs<T, 2, Q> out{};
    index rows = 0;

    BOXGRAD_FN index blocks() const { return (rows + block - 1) / block; }

    BOXGRAD_FN void operator()(index b) const {
        const index end = rows < (b + 1) * block ? rows : (b + 1) * block;
        lane_sum<V> sum;
        for (index i = b * block; i < end; i += width_v<V>) sum.add(pack_at(i, rows_left<V>(end, i)));
        out.partial(b) = sum.finish();
    }

private:
    static constexpr int losses = by_coordinate ? 4 : 1;

    /// One weight for each loss of a row.
    BOXGRAD_FN fields<V, losses> weights_at(index i, int count) const {
        fields<V, losses> w;
        if (weight4.data == nullptr) {
            const V one = weight.given() ? weight.template read<V>(i, count) : V(T(1));
            for (V& x : w.at) x = one;
        } else {
            const auto four = load_fields<V, 4>(weight4, i, count);
            if constexpr (by_coordinate) {
                w = four;
            } else {
                w[0] = ((four[0] + four[1]) + (four[2] + four[3])) * V(T(0.25));
            }
        }
        return w;
    }
    BOXGRAD_FN fields<V, losses> upstream_at(index i, int count) const {
        fields<V, losses> u;
        for (V& x : u.at) x = V(T(1));
        if (!out.upstream.given()) return u;
        if constexpr (by_coordinate) {
            return load_fields<V, 4>(out.upstream.v, i, count);
        } else {
            u[0] = out.upstream.template read<V>(i, count);
        }
        return u;
    }
    template <class D>
    BOXGRAD_FN static auto all_losses(const D& l) {
        if constexpr (by_coordinate) {
            return l;
        } else {
            return fields<D, 1>{{l}};
        }
    }

    BOXGRAD_FN V pack_at(index i, int count) const {
        const V zero(T(0));
        const auto w = weights_at(i, count);
        const auto p = load_fields<V, 4>(prediction, i, count);
        const box<V> t = load_boxes<V>(target, i, count);
        fields<V, losses> l;
        if (out.gradient.given()) {
            using D = dual<V, 4>;
            fields<D, 4> x;
            for (int c = 0; c < 4; ++c) x[c] = D::variable(p[c], c);
            const auto r = all_losses(term(map.template at<D, V>(x, i, count), as_constants<D>(t)));
            const auto u = upstream_at(i, count);
            fields<V, 4> g{{zero, zero, zero, zero}};
            for (int k = 0; k < losses; ++k) {
                const V factor = w[k] * V(out.upstream_scale) * u[k];
                const mask_t<V> counts = w[k] != zero;
                for (int c = 0; c < 4; ++c) g[c] = g[c] + select(counts, factor * r[k].partial[c], zero);
                l[k] = r[k].value;
            }
            store_fields<V, 4>(g, out.gradient.v, i, count);
        } else {
            l = all_losses(term(map.template at<V, V>(p, i, count), t));
        }
        for (int k = 0; k < losses; ++k) l[k] = select(w[k] != zero, w[k] * l[k], zero);
        if (out.value.given()) {
            if constexpr (by_coordinate) {
                store_fields<V, 4>(l, out.value.v, i, count);
            } else {
                out.value.template write<V>(l[0], i, count);
            }
        }
        V all = l[0];
        for (int k = 1; k < losses; ++k) all = all + l[k];
        return count == width_v<V> ? all : select(first_lanes<V>(count), all, zero);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss::detail
