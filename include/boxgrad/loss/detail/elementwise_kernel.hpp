// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/detail/reader.hpp>
#include <boxgrad/loss/term.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss::detail {

/// A sum in double of packs that are added up a few at a time: lane by lane they would cost more than a loss. At
/// most 8 numbers are added in the scalar's own precision; of doubles that keeps the chain of roundings short.
template <class V>
struct lane_sum {
    V few = V(scalar_t<V>(0));
    double total = 0;
    int held = 0;

    BOXGRAD_FN void add(V x) {
        few = few + x;
        if ((width_v<V> == 1 && sizeof(V) == 4) || ++held == 8) flush();
    }
    BOXGRAD_FN double finish() {
        flush();
        return total;
    }

private:
    BOXGRAD_FN void flush() {
        total += sum_lanes(few);
        few = V(scalar_t<V>(0));
        held = 0;
    }
};

/// What every kernel of a loss writes, and what scales it.
template <class T, int R, int Q>
struct outputs {
    reader<const T, Q> upstream;
    reader<T, R> gradient;
    reader<T, Q> value;
    view<double, 1> partial;
    T upstream_scale = 1;
};

/// Targets and weights as they lie in memory.
template <class T, int R>
struct plain_targets {
    static constexpr index chunk = 1024;
    static constexpr bool weighs_positives = false;
    reader<const T, R> target, weight;

    struct local {
        const plain_targets& of;
        template <class V>
        BOXGRAD_FN V target(index i, int count) const {
            return of.target.template read<V>(i, count);
        }
        template <class V>
        BOXGRAD_FN V weight(index i, int count) const {
            return of.weight.given() ? of.weight.template read<V>(i, count) : V(T(1));
        }
    };
    BOXGRAD_FN local at(index, index) const { return {*this}; }
};

/// Targets and weights that follow from labels, rows or classes, written out for a few elements at a time.
template <class T, int R, bool WeighsPositives>
struct expanded_targets {
    static constexpr index chunk = 128;
    static constexpr bool weighs_positives = WeighsPositives;
    label_reader<1> labels;
    reader<const T, 1> scores;  ///< at the labels
    reader<const T, R> target;  ///< where there are no labels
    reader<const T, R> weight;
    reader<const T, 1> row_weight;
    view<const T, 1> positive_weight;  ///< of columns
    ignoring ignored;
    index columns = 1;

    struct local {
        index first;
        T targets[static_cast<std::size_t>(chunk)], weights[static_cast<std::size_t>(chunk)];
        T positive[static_cast<std::size_t>(WeighsPositives ? chunk : 1)];

        template <class V>
        BOXGRAD_FN V target(index i, int) const {
            return load<V>(targets + (i - first), 1, width_v<V>);
        }
        template <class V>
        BOXGRAD_FN V weight(index i, int) const {
            return load<V>(weights + (i - first), 1, width_v<V>);
        }
        template <class V>
        BOXGRAD_FN V positive_weight(index i, int) const {
            return load<V>(positive + (i - first), 1, width_v<V>);
        }
    };
    BOXGRAD_FN local at(index first, index count) const {
        local l;
        l.first = first;
        for (index k = 0; k < chunk; ++k) {
            l.targets[k] = T(0);
            l.weights[k] = T(1);
        }
        if constexpr (WeighsPositives) {
            for (index k = 0; k < chunk; ++k) l.positive[k] = k < count ? positive_weight((first + k) % columns) : T(1);
        }
        if (weight.given()) {
            for (index k = 0; k < count; ++k) l.weights[k] = weight.at(first + k);
        }
        if (!labels.given()) {
            for (index k = 0; k < count; ++k) {
                l.targets[k] = target.at(first + k);
                if (ignored(l.targets[k])) l.weights[k] = T(0);
            }
            if (!row_weight.given()) return l;
        }
        for (index row = first / columns; row * columns < first + count; ++row) {
            const index from = row * columns - first < 0 ? 0 : row * columns - first;
            const index to = (row + 1) * columns - first < count ? (row + 1) * columns - first : count;
            if (row_weight.given()) {
                const T w = row_weight.at(row);
                for (index k = from; k < to; ++k) l.weights[k] = w == T(0) ? T(0) : l.weights[k] * w;
            }
            if (!labels.given()) continue;
            const std::int64_t label = labels.at(row);
            if (ignored(label)) {
                for (index k = from; k < to; ++k) l.weights[k] = T(0);
            } else {
                const index k = row * columns + label - first;
                if (label < columns && k >= from && k < to) l.targets[k] = scores.given() ? scores.at(row) : T(1);
            }
        }
        return l;
    }
};

/// Value, sum and gradient of a block of elements. Every lane of every layout takes this one path.
template <class Term, class V, int R, class Targets>
struct elementwise_kernel {
    using T = scalar_t<V>;
    static constexpr index block = 1024;

    Term term{};
    reader<const T, R> prediction;
    Targets targets{};
    outputs<T, R, R> out{};
    index elements = 0;

    BOXGRAD_FN index blocks() const { return (elements + block - 1) / block; }

    BOXGRAD_FN void operator()(index b) const {
        const index end = elements < (b + 1) * block ? elements : (b + 1) * block;
        if constexpr (std::same_as<Targets, plain_targets<T, R>>) {
            if (end - b * block == block && is_plain()) {
                out.partial(b) = plain_block(term, prediction.v.data + b * block, targets.target.v.data + b * block,
                                             out.gradient.v.data + b * block, out.upstream_scale);
                return;
            }
        }
        lane_sum<V> sum;
        for (index first = b * block; first < end; first += Targets::chunk) {
            const index last = end < first + Targets::chunk ? end : first + Targets::chunk;
            const auto local = targets.at(first, last - first);
            for (index i = first; i < last; i += width_v<V>) sum.add(pack_at(local, i, rows_left<V>(last, i)));
        }
        out.partial(b) = sum.finish();
    }

private:
    /// Nothing but predictions, targets and a gradient, all without gaps: what a training loop has.
    BOXGRAD_FN bool is_plain() const {
        return prediction.step == 1 && targets.target.step == 1 && out.gradient.given() && out.gradient.step == 1 &&
               !targets.weight.given() && !out.upstream.given() && !out.value.given();
    }
    /// A block of it. No member is looked at: it would be read again after every store.
    BOXGRAD_FN static double plain_block(Term f, const T* x, const T* t, T* g, T factor) {
        constexpr int w = width_v<V>;
        static_assert(block % w == 0);
        lane_sum<V> sum;
        for (index i = 0; i < block; i += w) {
            const auto r = f(dual<V, 1>::variable(load<V>(x + i, 1, w), 0), load<V>(t + i, 1, w));
            store(V(factor) * r.partial[0], g + i, 1, w);
            sum.add(r.value);
        }
        return sum.finish();
    }
    template <class X, class Local>
    BOXGRAD_FN auto loss(const X& x, const Local& local, index i, int count) const {
        const V t = local.template target<V>(i, count);
        if constexpr (Targets::weighs_positives) {
            return term(x, t, local.template positive_weight<V>(i, count));
        } else {
            return term(x, t);
        }
    }
    template <class Local>
    BOXGRAD_FN V pack_at(const Local& local, index i, int count) const {
        const V zero(T(0));
        const V w = local.template weight<V>(i, count);
        const mask_t<V> counts = w != zero;
        const V x = prediction.template read<V>(i, count);
        V l;
        if (out.gradient.given()) {
            const V g = w * V(out.upstream_scale) * (out.upstream.given() ? out.upstream.template read<V>(i, count) : V(T(1)));
            const auto r = loss(dual<V, 1>::variable(x, 0), local, i, count);
            l = r.value;
            out.gradient.template write<V>(select(counts, g * r.partial[0], zero), i, count);
        } else {
            l = loss(x, local, i, count);
        }
        l = select(counts, w * l, zero);
        if (out.value.given()) out.value.template write<V>(l, i, count);
        return count == width_v<V> ? l : select(first_lanes<V>(count), l, zero);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss::detail
