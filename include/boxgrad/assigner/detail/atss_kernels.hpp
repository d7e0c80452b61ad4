// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/picks.hpp>
#include <boxgrad/core/levels.hpp>
#include <boxgrad/overlap/iou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// Overlaps of priors with truths.
template <class V, class S, class O>
struct prior_overlaps {
    using number = V;
    using T = scalar_t<V>;
    S priors;
    O overlap;

    /// Which lanes are sound.
    BOXGRAD_FN mask_t<V> is_sound(index, index, int, const box<V>& prior) const { return is_sane(prior); }
    BOXGRAD_FN T operator()(const boxgrad::detail::truth_view<T>& truths, index b, index i, index g) const {
        return overlap(priors.template at<T>(b, i, 1), truths.at(g));
    }
};

/// The cost of DDOD: what predictions are worth for a truth.
template <class V, class S, class O>
struct predicted_overlaps : prior_overlaps<V, S, O> {
    using T = scalar_t<V>;
    stored_images<stored_boxes, T> boxes;
    view<const T, 3> scores;
    T alpha;

    BOXGRAD_FN mask_t<V> is_sound(index b, index i, int count, const box<V>& prior) const {
        T largest[width_v<V>]{};
        for (int l = 0; l < count; ++l) largest[l] = largest_score<V>(scores, b, i + l);
        return is_sane(prior) && is_sane(boxes.template at<V>(b, i, count)) &&
               is_finite(load<V>(largest, 1, width_v<V>));
    }
    BOXGRAD_FN T operator()(const boxgrad::detail::truth_view<T>& truths, index b, index i, index g) const {
        const T score = sigmoid(scores(b, i, truths.label(g)));
        const T iou = max(this->overlap(boxes.template at<T>(b, i, 1), truths.at(g)), T(0));
        return product(power(score, T(1) - alpha), power(iou, alpha));
    }
};

template <class M>
struct atss_problem : pick_board<scalar_t<typename M::number>> {
    using V = typename M::number;
    using T = scalar_t<V>;
    enum field { x, y, fields };  // the centre; infinite for priors that no truth may have
    M measure;
    per_level<index> ends;  // of each level's priors
    per_level<double> side_limits;
    int topk;
    T ignore_iof_thr;
};

template <class M>
struct atss_start_kernel : atss_problem<M> {
    using V = typename M::number;
    using T = scalar_t<V>;

    BOXGRAD_FN void operator()(index item) const {
        const index n = this->truth.extent[1];
        const index packs = packs_of<V>(n);
        const index b = item / packs;
        const index i = item % packs * width_v<V>;
        const int count = rows_left<V>(n, i);
        const box<V> p = this->measure.priors.template at<V>(b, i, count);
        const auto sane = this->measure.is_sound(b, i, count, p);
        const auto open =
            this->template start<V>(b, i, count, sane, is_ignored(this->truths, b, p, this->ignore_iof_thr));
        const V far(infinity<T>);
        this->note(b, this->x, i, count, select(open, (p.x1 + p.x2) / V(T(2)), far));
        this->note(b, this->y, i, count, select(open, (p.y1 + p.y2) / V(T(2)), far));
    }
};

/// A truth's nearest priors of each level, of which it keeps those above mean and deviation whose centre it holds.
template <class M>
struct atss_pick_kernel : atss_problem<M> {
    using V = typename M::number;
    using T = scalar_t<V>;

    BOXGRAD_FN void operator()(index g) const {
        const index b = this->truths.image_of(g);
        const box<T> t = this->truths.at(g);
        const V cx((t.x1 + t.x2) / T(2));
        const V cy((t.y1 + t.y2) / T(2));
        T limit = infinity<T>;
        const auto distance = [&](index i, int count) {
            const V px = this->template load_noted<V>(b, this->x, i, count);
            const V py = this->template load_noted<V>(b, this->y, i, count);
            const V dx = px - cx;
            const V dy = py - cy;
            const V far(infinity<T>);
            V d = product(dx, dx) + product(dy, dy);
            if (count < width_v<V>) d = select(first_lanes<V>(count), d, far);
            if (limit < infinity<T>) {
                const V side = max(max(px - V(t.x1), V(t.x2) - px), max(py - V(t.y1), V(t.y2) - py));
                d = select(side <= V(limit), d, far);
            }
            return d;
        };
        int n = 0;  // candidates, without gaps
        index first = 0;
        for (int l = 0; l < this->ends.size(); ++l) {
            if (!this->side_limits.empty()) limit = static_cast<T>(this->side_limits[l]);
            const index end = this->ends[l];
            auto list = this->list(g, n, end - first < this->topk ? static_cast<int>(end - first) : this->topk);
            enter_nearest<V>(list, first, end, distance);
            n += list.size;
            first = end;
        }
        // Sums of differences from the first, so that equal values have no deviation.
        double sum = 0;
        for (int j = 0; j < n; ++j) {
            this->value(g, j) = this->measure(this->truths, b, this->prior(g, j), g);
            sum += difference(g, j);
        }
        const double mean = n > 0 ? sum / n : 0;
        double squares = 0;
        for (int j = 0; j < n; ++j) {
            const double d = difference(g, j) - mean;
            squares += product(d, d);
        }
        const double first_value = n > 0 ? static_cast<double>(this->value(g, 0)) : 0;
        const T least = static_cast<T>(first_value + mean + (n > 1 ? sqrt(squares / (n - 1)) : 0.0));
        int kept = 0;
        for (int j = 0; j < n; ++j) {
            const index i = this->prior(g, j);
            if (!(this->value(g, j) >= least) || !holds(t, this->noted(b, this->x, i), this->noted(b, this->y, i)))
                continue;
            this->value(g, kept) = this->value(g, j);
            this->prior(g, kept++) = static_cast<std::int32_t>(i);
        }
        this->picks(g) = kept;
    }

private:
    BOXGRAD_FN double difference(index g, int j) const {
        return static_cast<double>(this->value(g, j)) - static_cast<double>(this->value(g, 0));
    }
    BOXGRAD_FN static bool holds(const box<T>& t, T x, T y) {
        const T margin = static_cast<T>(0.01);
        return x - t.x1 > margin && y - t.y1 > margin && t.x2 - x > margin && t.y2 - y > margin;
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
