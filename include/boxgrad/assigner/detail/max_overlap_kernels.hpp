// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Assignment by the largest overlap without a matrix: each prior keeps its best truth, each truth its best
/// overlap in each block of priors. The second pass looks only at blocks that hold a truth's best.

#include <boxgrad/assigner/detail/states.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// The most thresholds between bands.
inline constexpr int max_bands = 16;
/// Any truth: what a band says of a prior that becomes positive.
inline constexpr std::int32_t positive = 0;

/// From an overlap to a state: the last band whose lower bound the overlap reaches.
template <class T>
struct band_table {
    std::int32_t below = ignored;              // less than all
    std::int32_t without_truths = background;  // all of an image without truths
    int size = 0;
    T from[max_bands]{};
    std::int32_t state[max_bands]{};

    void add(T bound, std::int32_t s) {
        from[size] = bound;
        state[size++] = s;
    }
    /// `may`: which lanes may become positive.
    template <plain_number V>
    BOXGRAD_FN V operator()(V overlap, mask_t<V> may) const {
        V s(static_cast<T>(below));
        for (int k = 0; k < size; ++k) {
            const mask_t<V> reached = overlap >= V(from[k]);
            s = select(state[k] < 0 ? reached : reached && may, V(static_cast<T>(state[k])), s);
        }
        return s;
    }
};

/// The box of a prior: what regions cover.
template <class V>
BOXGRAD_FN constexpr const box<V>& frame_of(const box<V>& b) {
    return b;
}

/// S: the priors of every image; O: overlap(prior, box).
template <class V, class S, class O>
struct max_overlap_problem {
    using number = V;
    using T = scalar_t<V>;
    /// Priors whose best truths are kept at once, on the stack.
    static constexpr index chunk = 1 < width_v<V> ? 512 : 16;
    static constexpr T lowest = -number_traits<T>::largest;

    S priors;
    O overlap;
    boxgrad::detail::truth_view<T> truths{};
    band_table<T> bands{};
    T min_pos_iou = 0;
    bool low_quality = true, reassigns = true, all_best = true;
    T ignore_iof_thr = 0;
    bool ignore_wrt_candidates = true;
    bool has_flags = false;
    view<const std::uint8_t, 2> flags{};  // [B, N] priors that may become positive
    index block = 0, blocks = 0;          // priors a block, blocks an image
    view<T, 2> block_best{};              // [G, blocks]
    view<T, 1> truth_best{};              // [G]
    view<std::int32_t, 1> best_block{};   // [G] the first that holds the best
    view<std::int32_t, 2> truth{};        // [B, N]
    view<T, 2> largest{};                 // [B, N]

    BOXGRAD_FN bool may_be_positive(index b, index i) const { return !has_flags || flags(b, i) != 0; }
    BOXGRAD_FN index end_of(index k) const {
        return (k + 1) * block < truth.extent[1] ? (k + 1) * block : truth.extent[1];
    }
};

/// Finds, for each prior of a block, the truth of largest overlap, and for each truth the block's best.
template <class P>
struct scan_kernel : P {
    using typename P::T;
    using V = typename P::number;
    static constexpr int tile = 4;
    enum use { in_a_region = -1, not_sane = 0, never_positive = 1, usable = 2 };

    BOXGRAD_FN void operator()(index item) const {
        const index b = item / this->blocks;
        const index k = item % this->blocks;
        for (index g = this->truths.offset(b); g < this->truths.offset(b + 1); ++g) this->block_best(g, k) = P::lowest;
        const index end = this->end_of(k);
        for (index i = k * this->block; i < end; i += P::chunk) scan(b, k, i, i + P::chunk < end ? i + P::chunk : end);
    }

private:
    BOXGRAD_FN void scan(index b, index k, index from, index to) const {
        constexpr index w = width_v<V>;
        T best[static_cast<std::size_t>(P::chunk + w)];
        T arg[static_cast<std::size_t>(P::chunk + w)];
        T uses[static_cast<std::size_t>(P::chunk + w)];
        for (index i = from; i < to; i += w) {
            store(V(P::lowest), best + (i - from), 1, w);
            store(V(T(0)), arg + (i - from), 1, w);
            store(use_of(b, i, rows_left<V>(to, i)), uses + (i - from), 1, w);
        }
        const index first = this->truths.offset(b);
        const index last = this->truths.offset(b + 1);
        for (index g = first; g < last; g += tile) {
            const int n = last - g < tile ? static_cast<int>(last - g) : tile;
            box<V> t[tile];
            V top[tile];
            for (int q = 0; q < tile; ++q) {
                t[q] = spread<V>(this->truths.at(q < n ? g + q : g));
                top[q] = V(P::lowest);
            }
            for (index i = from; i < to; i += w) {
                const auto row = this->priors.template at<V>(b, i, rows_left<V>(to, i));
                const V u = load<V>(uses + (i - from), 1, w);
                const mask_t<V> sane = u > V(T(0));
                const mask_t<V> whole = u > V(T(1));
                V most = load<V>(best + (i - from), 1, w);
                V which = load<V>(arg + (i - from), 1, w);
                for (int q = 0; q < tile; ++q) {
                    const V o = select(sane, this->overlap(row, t[q]), V(P::lowest));
                    const mask_t<V> better = most < o;
                    most = select(better, o, most);
                    which = select(better, V(static_cast<T>(g - first + q)), which);
                    top[q] = max(top[q], select(whole, o, V(P::lowest)));
                }
                store(most, best + (i - from), 1, w);
                store(which, arg + (i - from), 1, w);
            }
            for (int q = 0; q < n; ++q) {
                T lanes[width_v<V>];
                store(top[q], lanes, 1, w);
                T& held = this->block_best(g + q, k);
                for (const T x : lanes) held = x > held ? x : held;
            }
        }
        for (index i = from; i < to; i += w) {
            decide(b, i, rows_left<V>(to, i), first < last, best + (i - from), arg + (i - from), uses + (i - from));
        }
    }
    BOXGRAD_FN V use_of(index b, index i, int count) const {
        const auto row = this->priors.template at<V>(b, i, count);
        V u = select(is_sane(row), V(T(usable)), V(T(not_sane)));
        if (this->has_flags) {
            T lanes[width_v<V>]{};
            for (int l = 0; l < count; ++l) lanes[l] = this->may_be_positive(b, i + l) ? T(usable) : T(never_positive);
            u = min(u, load<V>(lanes, 1, width_v<V>));
        }
        const auto in = is_ignored(this->truths, b, frame_of(row), this->ignore_iof_thr, this->ignore_wrt_candidates);
        u = select(in && u > V(T(0)), V(T(in_a_region)), u);
        return select(first_lanes<V>(count), u, V(T(not_sane)));
    }
    /// What becomes of priors i to i + count as far as their own best says.
    BOXGRAD_FN void decide(index b, index i, int count, bool any_truth, const T* best, const T* arg,
                           const T* uses) const {
        const V u = load<V>(uses, 1, width_v<V>);
        const V most =
            select(u > V(T(0)) && load<V>(best, 1, width_v<V>) > V(P::lowest), load<V>(best, 1, width_v<V>), V(T(0)));
        store(select(u > V(T(1)), most, V(T(0))), &this->largest(b, i), this->largest.stride[1], count);
        V s = any_truth ? this->bands(most, u > V(T(1))) : V(static_cast<T>(this->bands.without_truths));
        s = select(s >= V(T(0)), load<V>(arg, 1, width_v<V>), s);
        s = select(u > V(T(0)), s, select(u < V(T(0)), V(static_cast<T>(in_region)), V(static_cast<T>(quarantined))));
        T lanes[width_v<V>];
        store(s, lanes, 1, width_v<V>);
        for (int l = 0; l < count; ++l) this->truth(b, i + l) = static_cast<std::int32_t>(lanes[l]);
    }
};

/// The best overlap of each truth and the first block that holds it.
template <class P>
struct best_kernel : P {
    using typename P::T;

    BOXGRAD_FN void operator()(index g) const {
        T most = P::lowest;
        index first = 0;
        for (index k = 0; k < this->blocks; ++k) {
            if (most < this->block_best(g, k)) {
                most = this->block_best(g, k);
                first = k;
            }
        }
        this->truth_best(g) = most;
        this->best_block(g) = static_cast<std::int32_t>(first);
    }
};

/// Gives each truth, in their order, the priors of its best overlap.
template <class P>
struct low_quality_kernel : P {
    using typename P::T;
    using V = typename P::number;

    BOXGRAD_FN void operator()(index item) const {
        const index b = item / this->blocks;
        const index k = item % this->blocks;
        for (index g = this->truths.offset(b); g < this->truths.offset(b + 1); ++g) {
            const T best = this->truth_best(g);
            if (!(best >= this->min_pos_iou && best > T(0)) || this->block_best(g, k) != best) continue;
            if (this->all_best || this->best_block(g) == k) give(b, k, g, best);
        }
    }

private:
    BOXGRAD_FN void give(index b, index k, index g, T best) const {
        const box<V> t = spread<V>(this->truths.at(g));
        const index end = this->end_of(k);
        for (index i = k * this->block; i < end; i += width_v<V>) {
            const int count = rows_left<V>(end, i);
            const mask_t<V> hit = this->overlap(this->priors.template at<V>(b, i, count), t) == V(best);
            if (!any(hit)) continue;
            const std::int32_t bits = lane_bits(hit && first_lanes<V>(count));
            for (int l = 0; l < count; ++l) {
                std::int32_t& state = this->truth(b, i + l);
                if ((bits >> l & 1) == 0 || state <= quarantined || !this->may_be_positive(b, i + l)) continue;
                if (this->reassigns) {
                    state = static_cast<std::int32_t>(g - this->truths.offset(b));
                } else if (state < 0) {
                    state = own_best(b, i + l);
                }
                if (!this->all_best) return;
            }
        }
    }
    /// The truth that prior i overlaps most.
    BOXGRAD_FN std::int32_t own_best(index b, index i) const {
        const auto row = this->priors.template at<V>(b, i, 1);
        const index first = this->truths.offset(b);
        std::int32_t which = 0;
        T most = P::lowest;
        for (index g = first; g < this->truths.offset(b + 1); ++g) {
            const T o = lane(this->overlap(row, spread<V>(this->truths.at(g))), 0);
            if (most < o) {
                most = o;
                which = static_cast<std::int32_t>(g - first);
            }
        }
        return which;
    }
};

/// What assigners by largest overlap have in common.
struct max_overlap_rules {
    bool low_quality = true, reassigns = true, all_best = true;
    double min_pos_iou = 0;
    double ignore_iof_thr = -1;
    bool ignore_wrt_candidates = true;
};

/// Scratch: 4·B·N (the states) is part of the result; G·(blocks + 1)·sizeof(T) + 4·(2·G + 2·B) bytes are not.
template <class B, class S, class O>
result<B> assign_by_overlap(const B& b, const char* op, const S& priors, const O& overlap,
                            const band_table<typename B::scalar>& bands, const max_overlap_rules& rules,
                            const boxgrad::detail::device_truths<B>& truths,
                            const view<const std::uint8_t, 2>* flags = nullptr) {
    using V = lanes_t<B>;
    using T = typename B::scalar;
    using P = max_overlap_problem<V, S, O>;
    constexpr index least_block = 1024;
    constexpr index most_blocks = 64;
    const index images = truths.images();
    const index n = priors.size();
    const index g = truths.size();
    check_sizes(op, images, n, g);
    check_truth_numbers(op, truths);
    P p{.priors = priors, .overlap = overlap};
    p.truths = truths.look(b);
    p.bands = bands;
    p.low_quality = rules.low_quality;
    p.reassigns = rules.reassigns;
    p.all_best = rules.all_best;
    p.min_pos_iou = static_cast<T>(rules.min_pos_iou);
    p.ignore_iof_thr = static_cast<T>(rules.ignore_iof_thr);
    p.ignore_wrt_candidates = rules.ignore_wrt_candidates;
    p.has_flags = flags != nullptr;
    if (flags) p.flags = *flags;
    const index share = packs_of<V>((n + most_blocks - 1) / most_blocks) * width_v<V>;
    p.block = share < least_block ? least_block : share;
    p.blocks = (n + p.block - 1) / p.block;

    auto truth = b.template make<std::int32_t, 2>(extents<2>{{images, n}});
    auto largest = b.template make<T, 2>(extents<2>{{images, n}});
    auto block_best = b.template make<T, 2>(extents<2>{{g, p.blocks}});
    auto best = b.template make<T, 1>(extents<1>{{g}});
    auto best_block = b.template make<std::int32_t, 1>(extents<1>{{g}});
    auto counts = b.template make<std::int32_t, 1>(extents<1>{{count_size(images, g)}});
    p.truth = as_view<2>(b, truth, op, "scratch");
    p.largest = as_view<2>(b, largest, op, "scratch");
    p.block_best = as_view<2>(b, block_best, op, "scratch");
    p.truth_best = as_view<1>(b, best, op, "scratch");
    p.best_block = as_view<1>(b, best_block, op, "scratch");

    b.for_each(images * p.blocks, scan_kernel<P>{p});
    if (rules.low_quality) {
        b.for_each(g, best_kernel<P>{p});
        b.for_each(images * p.blocks, low_quality_kernel<P>{p});
    }
    return summarise(b, std::move(truth), std::move(largest), truths, counts);
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
