// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/states.hpp>
#include <boxgrad/assigner/detail/top_k.hpp>
#include <boxgrad/boxes/convert.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

template <class V, class Priors, class Predictions>
struct uniform_problem {
    using number = V;
    using T = scalar_t<V>;
    static constexpr T largest = infinity<T>;

    Priors priors;
    Predictions predictions;
    boxgrad::detail::truth_view<T> truths;
    T pos_ignore_thr, neg_ignore_thr, ignore_iof_thr;
    int match_times;
    view<const index, 1> offset;  // [B + 1] of the caller's truths, dropped ones included
    view<std::int32_t, 2> truth;  // [B, N]
    view<T, 2> overlap;           // [B, N] until it is one: 0 for priors that are free, else infinite
    view<T, 2> distance;          // [G, 2·match_times] of predictions, of priors
    view<std::int32_t, 2> pick;   // the same of their numbers
    view<std::int32_t, 2> picks;  // [G, 2] how many
    view<std::int32_t, 1> pos_prior;
    view<std::uint8_t, 1> pos_idx;
    view<T, 2> pos_predicted_boxes, target_boxes;
    view<T, 1> truth_overlap;

    BOXGRAD_FN index packs() const { return packs_of<V>(priors.size()); }
};

template <class P>
struct uniform_no_overlap : P {
    BOXGRAD_FN void operator()(index g) const { this->truth_overlap(g) = typename P::T(0); }
};
template <class P>
struct uniform_no_entry : P {
    BOXGRAD_FN void operator()(index e) const {
        this->pos_prior(e) = -1;
        this->pos_idx(e) = 0;
        for (int c = 0; c < 4; ++c) {
            this->pos_predicted_boxes(e, c) = typename P::T(0);
            this->target_boxes(e, c) = typename P::T(0);
        }
    }
};

/// Which priors are free, and which of them are ignored unless they are picked.
template <class P>
struct uniform_states : P {
    using typename P::T;
    using V = typename P::number;

    BOXGRAD_FN void operator()(index n) const {
        const index b = n / this->packs();
        const index i = n % this->packs() * width_v<V>;
        const int count = rows_left<V>(this->priors.size(), i);
        const box<V> p = this->priors.template at<V>(b, i, count);
        const box<V> q = this->predictions.template at<V>(b, i, count);
        const std::int32_t free = write_states<V>(this->truth, b, i, count, boxgrad::is_sane(p) && boxgrad::is_sane(q),
                                                  is_ignored(this->truths, b, p, this->ignore_iof_thr));
        mask_t<V> close = V(T(1)) < V(T(0));
        for (index g = this->truths.offset(b); g < this->truths.offset(b + 1); ++g) {
            close = close || overlap::iou{}(q, spread<V>(this->truths.at(g))) > V(this->neg_ignore_thr);
        }
        const std::int32_t ignore = lane_bits(close) & free;
        for (int l = 0; l < count; ++l) {
            if ((ignore >> l & 1) != 0) this->truth(b, i + l) = ignored;
            this->overlap(b, i + l) = (free >> l & 1) != 0 ? T(0) : P::largest;
        }
    }
};

/// A truth's nearest predictions and priors, and its best overlap.
template <class P>
struct uniform_picks : P {
    using typename P::T;
    using V = typename P::number;

    BOXGRAD_FN void operator()(index g) const {
        const index b = this->truths.image_of(g);
        const box<V> t = spread<V>(this->truths.at(g));
        pick_from(this->predictions, b, g, t, 0);
        pick_from(this->priors, b, g, t, 1);
        V best(T(0));
        for (index i = 0; i < this->priors.size(); i += width_v<V>) {
            const int count = rows_left<V>(this->priors.size(), i);
            const V iou = overlap::iou{}(this->priors.template at<V>(b, i, count), t);
            best = select(free(b, i, count) == V(T(0)) && best < iou, iou, best);
        }
        T highest = T(0);
        for (int l = 0; l < width_v<V>; ++l) highest = max(highest, lane(best, l));
        this->truth_overlap(this->offset(b) + this->truths.row(g)) = highest;
    }

private:
    BOXGRAD_FN V free(index b, index i, int count) const {
        return load<V>(&this->overlap(b, i), this->overlap.stride[1], count);
    }
    template <class Source>
    BOXGRAD_FN void pick_from(const Source& source, index b, index g, const box<V>& t, int side) const {
        const auto center = boxes::from_box<boxes::box_format::cxcywh>(t);
        nearest_list<T> nearest(this->distance, this->pick, g, index{side} * this->match_times, this->match_times);
        enter_nearest<V>(nearest, 0, source.size(), [&](index i, int count) {
            const auto x = boxes::from_box<boxes::box_format::cxcywh>(source.template at<V>(b, i, count));
            const V d = abs(x[0] - center[0]) + abs(x[1] - center[1]) + abs(x[2] - center[2]) + abs(x[3] - center[3]);
            return select(free(b, i, count) == V(T(0)) && first_lanes<V>(count), d, V(P::largest));
        });
        this->picks(g, side) = nearest.size;
    }
};

/// The entries of an image, in their order; the last of a prior decides.
template <class P>
struct uniform_entries : P {
    using typename P::T;

    BOXGRAD_FN void operator()(index b) const {
        const index first = this->truths.offset(b);
        const index last = this->truths.offset(b + 1);
        const index rows = this->offset(b + 1) - this->offset(b);
        for (int k = 0; k < this->match_times; ++k) {
            for (int side = 0; side < 2; ++side) {
                for (index g = first; g < last; ++g) {
                    const index at = index{2} * this->match_times * this->offset(b) + (index{2} * k + side) * rows +
                                     this->truths.row(g);
                    put(this->target_boxes, at, this->truths.at(g));
                    if (k >= this->picks(g, side)) continue;
                    enter(b, at, g - first, this->pick(g, index{side} * this->match_times + k));
                }
            }
        }
    }

private:
    BOXGRAD_FN void enter(index b, index at, index row, std::int32_t i) const {
        const box<T> p = this->priors.template at<T>(b, i, 1);
        const bool good = !(overlap::iou{}(p, this->truths.at(this->truths.offset(b) + row)) < this->pos_ignore_thr);
        this->truth(b, i) = good ? static_cast<std::int32_t>(row) : ignored;
        this->pos_prior(at) = i;
        this->pos_idx(at) = good ? 1 : 0;
        put(this->pos_predicted_boxes, at, this->predictions.template at<T>(b, i, 1));
    }
    BOXGRAD_FN static void put(const view<T, 2>& rows, index at, const box<T>& x) {
        store_fields<T, 4>(fields_of(x), rows, at, 1);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
