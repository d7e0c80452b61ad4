// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/picks.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// S: points of every image.
template <class V, class S, class Rules, class O>
struct task_aligned_problem : pick_board<scalar_t<V>> {
    using number = V;
    using rules = Rules;
    using T = scalar_t<V>;
    enum field { best_score, fields };  // the largest score, at least 0, of a prior that truths may have, else -1

    S priors;
    stored_images<stored_boxes, T> boxes;
    view<const T, 3> scores;
    O measure;
    T alpha, beta, reg_max, small_side, grown_side;
    int topk, topk2;
    view<T, 2> metric, score;  // [B, N]
    view<T, 3> hull;           // [B, 4, packs] -x1, -y1, x2, y2 around the boxes of a pack that truths may have
    view<T, 2> peak;           // [2, G] largest metric and overlap of a truth's positives

    /// Points that lie in the area `a` of truth g, within reach of its sides.
    template <plain_number W>
    BOXGRAD_FN mask_t<W> holds(const box<T>& a, const box<T>& g, const prior::point<W>& p) const {
        const W margin(static_cast<T>(Rules::margin));
        const auto in =
            p.x - W(a.x1) > margin && p.y - W(a.y1) > margin && W(a.x2) - p.x > margin && W(a.y2) - p.y > margin;
        if (!(reg_max > T(0))) return in;
        const W w = product(W(reg_max), p.sx);
        const W h = product(W(reg_max), p.sy);
        return in && p.x - W(g.x1) <= w && W(g.x2) - p.x <= w && p.y - W(g.y1) <= h && W(g.y2) - p.y <= h;
    }
    /// The box that a prior has to lie in: sides below small_side grow about their middle.
    BOXGRAD_FN box<T> area_of(const box<T>& g) const {
        const auto grow = [&](T low, T high, T& from, T& to) {
            const bool small = high - low < small_side;
            const T middle = (low + high) / T(2);
            from = small ? middle - grown_side / T(2) : low;
            to = small ? middle + grown_side / T(2) : high;
        };
        box<T> r{};
        grow(g.x1, g.x2, r.x1, r.x2);
        grow(g.y1, g.y2, r.y1, r.y2);
        return r;
    }
    template <plain_number W>
    BOXGRAD_FN W overlap_of(const box<T>& g, index b, index i, int count) const {
        const W o = measure(spread<W>(g), boxes.template at<W>(b, i, count));
        return max(o, W(T(0)));
    }
    template <plain_number W>
    BOXGRAD_FN W metric_of(W s, W o) const {
        return product(power(s, alpha), power(o, beta));
    }
};

template <class P>
struct task_aligned_start_kernel : P {
    using V = typename P::number;
    using T = scalar_t<V>;

    BOXGRAD_FN void operator()(index item) const {
        const index n = this->truth.extent[1];
        const index packs = packs_of<V>(n);
        const index b = item / packs;
        const index i = item % packs * width_v<V>;
        const int count = rows_left<V>(n, i);
        T largest[width_v<V>]{};
        for (int l = 0; l < count; ++l) largest[l] = largest_score<V>(this->scores, b, i + l);
        const V best = load<V>(largest, 1, width_v<V>);
        const auto p = this->priors.template at<V>(b, i, count);
        const auto sane =
            is_sane(p) && is_sane(this->boxes.template at<V>(b, i, count)) && abs(best) <= V(largest_coordinate<T>);
        const auto open = this->template start<V>(b, i, count, sane, is_ignored(this->truths, b, p.x, p.y));
        this->note(b, this->best_score, i, count, select(open, best, V(T(-1))));
        const box<V> x = this->boxes.template at<V>(b, i, count);
        const V side[] = {-x.x1, -x.y1, x.x2, x.y2};
        for (int c = 0; c < 4; ++c)
            this->hull(b, c, item % packs) = largest_lane(select(open, side[c], V(-infinity<T>)));
        store(V(T(0)), &this->metric(b, i), this->metric.stride[1], count);
        store(V(T(0)), &this->score(b, i), this->score.stride[1], count);
    }
};

/// A truth picks the priors of largest metric. Lists hold metrics with their sign turned, then overlaps.
template <class P>
struct task_aligned_pick_kernel : P {
    using V = typename P::number;
    using T = scalar_t<V>;

    BOXGRAD_FN void operator()(index g) const {
        const index b = this->truths.image_of(g);
        const index n = this->truth.extent[1];
        const box<T> t = this->truths.at(g);
        const box<T> area = this->area_of(t);
        auto list = this->list(g, 0, this->topk);
        const index packs = packs_of<V>(n);
        hits near;
        for (index k = 0; k < packs; k += width_v<V>) {
            const int count = rows_left<V>(packs, k);
            const auto at = [&](int c) { return load<V>(&this->hull(b, c, k), this->hull.stride[2], count); };
            auto meets = first_lanes<V>(count);
            // Without a power of the overlap a prior may be picked from anywhere.
            if (this->beta > T(0)) {
                meets = meets && at(0) > V(-t.x2) && at(1) > V(-t.y2) && at(2) > V(t.x1) && at(3) > V(t.y1);
            }
            for (std::int32_t bits = lane_bits(meets); bits != 0; bits &= bits - 1) {
                near.pack[near.size++] = static_cast<std::int32_t>(k + lowest_lane(bits));
            }
            if (near.size > most_hits - width_v<V>) pick(list, near, g, b, t, area);
        }
        pick(list, near, g, b, t, area);
        int kept = 0;
        for (int j = 0; j < list.size; ++j) {
            const index i = list.prior(j);
            if constexpr (!P::rules::inside_first) {
                if (!this->holds(area, t, this->priors.template at<T>(b, i, 1))) continue;
            }
            this->value(g, kept) = this->template overlap_of<T>(t, b, i, 1);
            this->prior(g, kept++) = static_cast<std::int32_t>(i);
        }
        this->picks(g) = kept;
    }

private:
    static constexpr int most_hits = 4 * width_v<V>;
    /// Packs of priors whose boxes may meet the truth.
    struct hits {
        int size = 0;
        std::int32_t pack[static_cast<std::size_t>(most_hits)];
    };
    /// First what the best classes of all packs are worth, where nothing waits for the list; then the truth's own
    /// class, where that may enter it.
    BOXGRAD_FN void pick(nearest_list<T>& list, hits& near, index g, index b, const box<T>& t,
                         const box<T>& area) const {
        const V zero(T(0));
        const V never(infinity<T>);
        // Rounding may make a smaller score's power larger, by far less than this.
        const V slack(T(1) + T(0x1p-10));
        const index n = this->truth.extent[1];
        T overlaps[static_cast<std::size_t>(most_hits * width_v<V>)];
        T keys[static_cast<std::size_t>(most_hits * width_v<V>)];
        for (int k = 0; k < near.size; ++k) {
            const index i = index{near.pack[k]} * width_v<V>;
            const int count = rows_left<V>(n, i);
            const V best = this->template load_noted<V>(b, this->best_score, i, count);
            mask_t<V> may = best >= zero && first_lanes<V>(count);
            if constexpr (P::rules::inside_first) {
                may = may && this->holds(area, t, this->priors.template at<V>(b, i, count));
            }
            const V o = select(may, this->template overlap_of<V>(t, b, i, count), zero);
            const V most = this->metric_of(best, o);
            store(o, overlaps + k * width_v<V>, 1, width_v<V>);
            if (this->beta > T(0)) may = may && o > zero;
            store(select(may, -madd(most, slack, V(smallest_normal<T>)), never), keys + k * width_v<V>, 1, width_v<V>);
        }
        const std::int32_t label = this->truths.label(g);
        for (int k = 0; k < near.size; ++k) {
            const auto may = load<V>(keys + k * width_v<V>, 1, width_v<V>) < V(list.bound());
            const std::int32_t lanes = lane_bits(may);
            if (lanes == 0) continue;
            const index i = index{near.pack[k]} * width_v<V>;
            T s[width_v<V>]{};
            for (std::int32_t bits = lanes; bits != 0; bits &= bits - 1) {
                const int l = lowest_lane(bits);
                s[l] = this->scores(b, i + l, label);
            }
            const V m = this->metric_of(max(load<V>(s, 1, width_v<V>), zero),
                                        load<V>(overlaps + k * width_v<V>, 1, width_v<V>));
            list.insert_pack(select(may && m > zero, -m, never), i);
        }
        near.size = 0;
    }
};

/// A prior that several truths picked goes to the one of largest overlap: of those truths, or of all that hold it.
template <class P>
struct task_aligned_claim_kernel : P {
    using T = typename P::T;

    BOXGRAD_FN void operator()(index b) const {
        const index first = this->truths.offset(b);
        for (index g = first; g < this->truths.offset(b + 1); ++g) {
            for (int j = 0; j < this->picks(g); ++j) {
                const index i = this->prior(g, j);
                if (this->truth(b, i) >= 0) {
                    if constexpr (P::rules::among_all) {
                        settle(b, i);
                        continue;
                    } else {
                        if (!(this->value(g, j) > this->overlap(b, i))) continue;
                    }
                }
                give(b, i, g, this->value(g, j));
            }
        }
    }

private:
    BOXGRAD_FN void give(index b, index i, index g, T o) const {
        this->truth(b, i) = static_cast<std::int32_t>(g - this->truths.offset(b));
        this->overlap(b, i) = o;
    }
    BOXGRAD_FN void settle(index b, index i) const {
        T& open = this->noted(b, this->best_score, i);
        if (!(open >= T(0))) return;  // settled before
        open = T(-1);
        const auto p = this->priors.template at<T>(b, i, 1);
        T most = T(-1);
        for (index g = this->truths.offset(b); g < this->truths.offset(b + 1); ++g) {
            const box<T> t = this->truths.at(g);
            if (!this->holds(this->area_of(t), t, p)) continue;
            const T o = this->template overlap_of<T>(t, b, i, 1);
            if (o > most) {
                most = o;
                give(b, i, g, o);
            }
        }
    }
};

/// Metrics of the positives; a second, smaller choice of them where it is asked for; their scores as targets.
template <class P>
struct task_aligned_score_kernel : P {
    using T = typename P::T;

    BOXGRAD_FN void operator()(index b) const {
        const index n = this->truth.extent[1];
        const index first = this->truths.offset(b);
        const index last = this->truths.offset(b + 1);
        for (index i = 0; i < n; ++i) {
            if (this->truth(b, i) < 0) continue;
            const T s = this->scores(b, i, this->truths.label(first + this->truth(b, i)));
            this->metric(b, i) = this->metric_of(s > T(0) ? s : T(0), this->overlap(b, i));
        }
        if (this->topk2 > 0) choose_again(b, n, first, last);
        for (index g = first; g < last; ++g) this->peak(0, g) = this->peak(1, g) = T(0);
        for (index i = 0; i < n; ++i) {
            if (this->truth(b, i) < 0) continue;
            const index g = first + this->truth(b, i);
            this->peak(0, g) = max(this->peak(0, g), this->metric(b, i));
            this->peak(1, g) = max(this->peak(1, g), this->overlap(b, i));
        }
        for (index i = 0; i < n; ++i) {
            if (this->truth(b, i) < 0) continue;
            const index g = first + this->truth(b, i);
            this->score(b, i) = product(this->metric(b, i), this->peak(1, g)) /
                                (this->peak(0, g) + static_cast<T>(P::rules::score_eps));
        }
    }

private:
    BOXGRAD_FN void choose_again(index b, index n, index first, index last) const {
        for (index g = first; g < last; ++g) this->picks(g) = 0;
        for (index i = 0; i < n; ++i) {
            if (this->truth(b, i) < 0) continue;
            const index g = first + this->truth(b, i);
            auto list = this->list(g, 0, this->topk2);
            list.size = this->picks(g);
            list.insert(-this->metric(b, i), i);
            this->picks(g) = list.size;
        }
        for (index i = 0; i < n; ++i) {
            if (this->truth(b, i) < 0) continue;
            const index g = first + this->truth(b, i);
            const auto list = this->list(g, 0, this->topk2);
            bool chosen = false;
            for (int j = 0; j < this->picks(g); ++j) chosen = chosen || list.prior(j) == i;
            if (chosen) continue;
            this->truth(b, i) = background;
            this->overlap(b, i) = this->metric(b, i) = T(0);
        }
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
