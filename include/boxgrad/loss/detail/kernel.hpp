// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/concept.hpp>
#include <boxgrad/core/rows.hpp>
#include <boxgrad/loss/term.hpp>

#include <vector>

namespace boxgrad::inline BOXGRAD_ABI::loss::detail {

/// A view read by row-major position. Where all axes merge into one stride, a pack is one load; else
/// each lane is addressed alone. Either way the same arithmetic follows.
template <class T, int R>
struct reader {
    view<T, R> v;
    index step = 0;  ///< stride from one position to the next; 0: there is no such stride

    reader() = default;
    explicit reader(const view<T, R>& x) : v(x) {
        index s = 0;
        bool merges = true;
        bool one = true;  // element
        for (int i = R - 1; i >= 0; --i) {
            if (x.extent[i] == 1) continue;
            if (one) {
                s = x.stride[i];
                step = s;
                one = false;
            } else if (x.stride[i] != s) {
                merges = false;
            }
            s *= x.extent[i];
        }
        if (!merges) {
            step = 0;
        } else if (one) {
            step = 1;
        }
    }
    template <class V>
    BOXGRAD_FN V read(index i, int count) const {
        if (step != 0) return load<V>(v.data + i * step, step, count);
        std::remove_const_t<T> buffer[width_v<V>];
        for (int l = 0; l < width_v<V>; ++l) buffer[l] = v.at_flat(i + (l < count ? l : 0));
        return load<V>(buffer, 1, width_v<V>);
    }
    template <class V>
    BOXGRAD_FN void write(V x, index i, int count) const {
        if (step != 0) {
            store(x, v.data + i * step, step, count);
            return;
        }
        T buffer[width_v<V>];
        store(x, buffer, 1, width_v<V>);
        for (int l = 0; l < count; ++l) v.at_flat(i + l) = buffer[l];
    }
};

enum class weighting { none, per_row, per_coordinate };

/// Value, sum and gradient of `block` rows of a term. Every lane of every layout takes this one path.
template <class Term, class V, int R>
struct kernel {
    using T = scalar_t<V>;
    static constexpr bool boxes = box_term<Term>;
    static constexpr int Q = boxes ? 1 : R;
    static constexpr index block = 1024;

    Term term{};
    reader<const T, R> prediction, target;
    reader<const T, Q> weight, upstream;
    view<const T, 2> weight4;
    reader<T, R> gradient;
    reader<T, Q> value;
    view<double, 1> partial;
    index rows = 0;
    T scale = 1, upstream_scale = 1;
    weighting weights = weighting::none;
    bool has_upstream = false, with_gradient = false, with_value = false;

    BOXGRAD_FN index blocks() const { return (rows + block - 1) / block; }

    BOXGRAD_FN V weight_at(index i, int count) const {
        if (weights == weighting::none) return V(T(1));
        if (weights == weighting::per_row) return weight.template read<V>(i, count);
        const box<V> w = load_boxes<V>(weight4, i, count);
        return ((w.x1 + w.y1) + (w.x2 + w.y2)) * V(T(0.25));
    }

    BOXGRAD_FN void operator()(index b) const {
        const index end = rows < (b + 1) * block ? rows : (b + 1) * block;
        double sum = 0;
        for (index i = b * block; i < end; i += width_v<V>) {
            const int count = end - i < width_v<V> ? static_cast<int>(end - i) : width_v<V>;
            sum += rows_at(i, count);
        }
        partial(b) = sum;
    }

private:
    BOXGRAD_FN double rows_at(index i, int count) const {
        const V zero(T(0));
        const V w = weight_at(i, count);
        const mask_t<V> counts = w != zero;
        const V g = w * V(upstream_scale) * (has_upstream ? upstream.template read<V>(i, count) : V(T(1)));
        V l;
        if (!with_gradient) {
            if constexpr (boxes) {
                l = term(load_boxes<V>(prediction.v, i, count), load_boxes<V>(target.v, i, count));
            } else {
                l = term(prediction.template read<V>(i, count), target.template read<V>(i, count));
            }
        } else if constexpr (boxes) {
            const auto r = term(as_variables(load_boxes<V>(prediction.v, i, count)),
                                as_constants<dual<V, 4>>(load_boxes<V>(target.v, i, count)));
            l = r.value;
            for (int c = 0; c < 4; ++c) {
                store(select(counts, g * r.partial[c], zero), &gradient.v(i, c), gradient.v.stride[0],
                      count);
            }
        } else {
            const auto r = term(dual<V, 1>::variable(prediction.template read<V>(i, count), 0),
                                target.template read<V>(i, count));
            l = r.value;
            gradient.template write<V>(select(counts, g * r.partial[0], zero), i, count);
        }
        l = select(counts, w * l, zero);
        if (with_value) value.template write<V>(l, i, count);
        return sum_lanes(select(first_lanes<V>(count), l, zero));
    }
};

/// flags(b) = 1 where a block holds a weight that is negative or NaN.
template <class Term, class V, int R>
struct weight_check {
    using T = scalar_t<V>;
    kernel<Term, V, R> k;
    view<std::int32_t, 1> flags;

    BOXGRAD_FN void operator()(index b) const {
        const index end = k.rows < (b + 1) * k.block ? k.rows : (b + 1) * k.block;
        bool bad = false;
        for (index i = b * k.block; i < end; ++i) {
            if (k.weights == weighting::per_row) {
                bad = bad || !(k.weight.template read<T>(i, 1) >= T(0));
            } else {
                for (int c = 0; c < 4; ++c) bad = bad || !(k.weight4(i, c) >= T(0));
            }
        }
        flags(b) = bad ? 1 : 0;
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss::detail
