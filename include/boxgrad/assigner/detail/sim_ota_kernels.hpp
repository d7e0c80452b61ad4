// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/scene.hpp>
#include <boxgrad/assigner/result.hpp>
#include <boxgrad/core/truths.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// What SimOTA's kernels share: the scene, the truths, the parameters and views of the scratch.
/// Candidates, the priors that some truth can reach, are kept in ascending order, field by field.
template <class Scene, class Rules, class Overlap>
struct sim_ota_problem {
    using V = typename Scene::number;
    using T = scalar_t<V>;
    using rules = Rules;
    enum field { px, py, sx, sy, x1, y1, x2, y2, others, fields };

    Scene scene;
    boxgrad::detail::truth_view<T> truths;
    Overlap overlap;
    T center_radius, iou_weight, cls_weight;
    int topk;

    view<std::int32_t, 2> truth;          // [B, N] the result
    view<T, 2> assigned_overlap;          // [B, N] the result
    view<std::int32_t, 2> reached, unpenalised;  // [B, chunks] a bit a lane: for some truth, unpenalised
    view<std::int32_t, 2> start;          // [B, chunks] candidates before this chunk
    view<std::int32_t, 2> insane;         // [B, chunks] quarantined priors
    view<std::int32_t, 1> candidates;     // [B]
    view<std::int32_t, 1> quarantined;    // [B]
    view<std::int32_t, 2> prior_of;       // [B, N] of a candidate
    view<T, 3> kept;                      // [B, fields, N] of a candidate
    view<std::int32_t, 2> claims, owner;  // [B, N] of a candidate: how many truths, which
    view<T, 2> owner_overlap;             // [B, N]
    view<T, 2> best_overlap, pick_cost, pick_overlap;  // [G, topk] sorted
    view<std::int32_t, 2> pick;                        // [G, topk] candidate
    view<std::int32_t, 1> picks, undecided;            // [G] how many; 1: those at a penalty matter too
    view<std::int32_t, 1> incomplete;                  // [B] 1: some truth is undecided
    view<std::int32_t, 1> positives;                   // [B]
    view<std::int32_t, 2> positive_prior, positive_truth;  // [B, N]
    view<std::int32_t, 1> truth_positives;                 // [G]

    BOXGRAD_FN V load_field(index b, field f, index k, int count) const {
        return load<V>(&kept(b, f, k), kept.stride[2], count);
    }
    BOXGRAD_FN box<V> load_box(index b, index k, int count) const {
        return {load_field(b, x1, k, count), load_field(b, y1, k, count), load_field(b, x2, k, count),
                load_field(b, y2, k, count)};
    }
    BOXGRAD_FN static mask_t<V> in_box(const box<T>& g, const prior::point<V>& p) {
        return p.x > V(g.x1) && p.x < V(g.x2) && p.y > V(g.y1) && p.y < V(g.y2);
    }
    BOXGRAD_FN mask_t<V> in_centre(const box<T>& g, const prior::point<V>& p) const {
        const V cx((g.x1 + g.x2) / T(2));
        const V cy((g.y1 + g.y2) / T(2));
        const V rx = V(center_radius) * p.sx;
        const V ry = V(center_radius) * p.sy;
        return p.x > cx - rx && p.x < cx + rx && p.y > cy - ry && p.y < cy + ry;
    }
    BOXGRAD_FN mask_t<V> can_reach(const box<T>& g, const prior::point<V>& p) const {
        if constexpr (Rules::reach == reach::centre) {
            return in_centre(g, p);
        } else {
            return in_box(g, p) || in_centre(g, p);
        }
    }
    BOXGRAD_FN mask_t<V> is_free(const box<T>& g, const prior::point<V>& p) const {
        if constexpr (Rules::reach == reach::centre) {
            return in_centre(g, p);
        } else {
            return in_box(g, p) && in_centre(g, p);
        }
    }
    BOXGRAD_FN mask_t<V> is_free(const box<T>& g, index b, index k, int count) const {
        return is_free(g, {load_field(b, px, k, count), load_field(b, py, k, count),
                           load_field(b, sx, k, count), load_field(b, sy, k, count)});
    }
    /// Not quarantined for its class scores. A class cost that is not known yet is NaN, so alive.
    BOXGRAD_FN mask_t<V> is_alive(index b, index k, int count) const {
        return first_lanes<V>(count) && load_field(b, others, k, count) != V(infinity<T>);
    }
    /// Candidates k to k + count at the price of truth g.
    BOXGRAD_FN V cost(index g, index b, index k, int count, V iou, mask_t<V> free) const {
        constexpr T eps = static_cast<T>(Rules::log_eps);
        constexpr T penalty = static_cast<T>(Rules::penalty);
        std::int32_t prior[width_v<V>];
        for (int l = 0; l < count; ++l) prior[l] = prior_of(b, k + l);
        const V classes = load_field(b, others, k, count) + scene.own_class(b, prior, count, truths.label(g));
        const V distance = -log(iou + V(eps));
        return classes * V(cls_weight) + distance * V(iou_weight) + select(free, V(T(0)), V(penalty));
    }
    BOXGRAD_FN index image_of(index g) const {
        index b = 0;
        while (truths.offset(b + 1) <= g) ++b;
        return b;
    }
    BOXGRAD_FN static int lanes_from(index k, index n) {
        return n - k < width_v<V> ? static_cast<int>(n - k) : width_v<V>;
    }
};

/// Marks the priors that some truth of their image can reach; clears the result.
template <class P>
struct mark_kernel : P {
    using typename P::T;
    using typename P::V;

    BOXGRAD_FN void operator()(index item) const {
        const index b = item / this->scene.chunks();
        const index c = item % this->scene.chunks();
        const chunk k = this->scene.at(c);
        for (int l = 0; l < k.count; ++l) {
            this->truth(b, k.first + l) = background;
            this->assigned_overlap(b, k.first + l) = T(0);
        }
        const mask_t<V> used = first_lanes<V>(k.count);
        mask_t<V> sane = used;
        this->scene.boxes(b, k, sane);
        const auto p = this->scene.points(k);
        const mask_t<V> usable = used && sane;
        mask_t<V> hit = !first_lanes<V>(width_v<V>);
        mask_t<V> free = hit;
        for (index g = this->truths.offset(b); g < this->truths.offset(b + 1); ++g) {
            const box<T> t = this->truths.at(g);
            hit = hit || this->can_reach(t, p);
            free = free || this->is_free(t, p);
        }
        this->reached(b, c) = any(hit) ? lane_bits(hit && usable) : 0;
        this->unpenalised(b, c) = any(free) ? lane_bits(free && usable) : 0;
        this->insane(b, c) = all(sane) ? 0 : __builtin_popcount(static_cast<unsigned>(lane_bits(used && !sane)));
    }
};

/// Numbers the candidates of an image.
template <class P>
struct number_kernel : P {
    BOXGRAD_FN void operator()(index b) const {
        std::int32_t n = 0;
        std::int32_t bad = 0;
        for (index c = 0; c < this->scene.chunks(); ++c) {
            this->start(b, c) = n;
            n += __builtin_popcount(static_cast<unsigned>(this->reached(b, c)));
            bad += this->insane(b, c);
        }
        this->candidates(b) = n;
        this->quarantined(b) = bad;
    }
};

/// A group of chunks, gathered for one pass over the classes.
template <class V>
struct chunk_list {
    chunk at[chunk_group<V>];
    index number[chunk_group<V>];
    bool wanted[chunk_group<V>];  ///< the class cost, rather than whether the scores are finite
    V cost[chunk_group<V>];
    int size = 0;

    BOXGRAD_FN static index groups(index chunks) { return (chunks + chunk_group<V> - 1) / chunk_group<V>; }
    BOXGRAD_FN void add(const chunk& c, index n, bool want) {
        number[size] = n;
        wanted[size] = want;
        at[size++] = c;
    }
};

/// Keeps what is needed of each candidate. The class cost is summed where a prior is free for some
/// truth and is NaN, not known, elsewhere. A candidate whose class scores are not finite has an
/// infinite one, by which the kernels below pass over it.
template <class P>
struct keep_kernel : P {
    using typename P::T;
    using typename P::V;

    BOXGRAD_FN void operator()(index item) const {
        const index chunks = this->scene.chunks();
        const index b = item / chunk_list<V>::groups(chunks);
        const index first = item % chunk_list<V>::groups(chunks) * chunk_group<V>;
        chunk_list<V> list;
        for (index c = first; c < chunks && c < first + chunk_group<V>; ++c) {
            this->insane(b, c) = 0;
            if (this->reached(b, c) != 0) list.add(this->scene.at(c), c, this->unpenalised(b, c) != 0);
        }
        this->scene.all_background(b, list.at, list.wanted, list.size, list.cost);
        for (int i = 0; i < list.size; ++i) keep(b, list.number[i], list.at[i], list.cost[i]);
    }

private:
    BOXGRAD_FN void keep(index b, index c, const chunk& k, V background_cost) const {
        const std::int32_t bits = this->reached(b, c);
        const auto p = this->scene.points(k);
        mask_t<V> sane = first_lanes<V>(k.count);
        const box<V> x = this->scene.boxes(b, k, sane);
        const V value[P::fields] = {p.x, p.y, p.sx, p.sy, x.x1, x.y1, x.x2, x.y2, background_cost};
        const index at = this->start(b, c);
        int lanes[width_v<V>];
        int n = 0;
        for (int l = 0; l < k.count; ++l) {
            if ((bits >> l & 1) == 0) continue;
            this->prior_of(b, at + n) = static_cast<std::int32_t>(k.first + l);
            this->claims(b, at + n) = 0;
            lanes[n++] = l;
        }
        for (int f = 0; f < P::fields; ++f) {
            T lane_of[width_v<V>];
            store(value[f], lane_of, 1, width_v<V>);
            T* row = &this->kept(b, f, at);
            for (int i = 0; i < n; ++i) row[i * this->kept.stride[2]] = lane_of[lanes[i]];
        }
        const mask_t<V> bad = background_cost == V(infinity<T>);
        if (any(bad)) this->insane(b, c) = __builtin_popcount(static_cast<unsigned>(lane_bits(bad) & bits));
    }
};

/// Sums the class costs that are not known yet, in images where some truth is undecided.
template <class P>
struct complete_kernel : P {
    using typename P::T;
    using typename P::V;

    BOXGRAD_FN void operator()(index item) const {
        const index chunks = this->scene.chunks();
        const index b = item / chunk_list<V>::groups(chunks);
        if (this->incomplete(b) == 0) return;
        const index first = item % chunk_list<V>::groups(chunks) * chunk_group<V>;
        chunk_list<V> list;
        for (index c = first; c < chunks && c < first + chunk_group<V>; ++c) {
            if (this->reached(b, c) != 0 && this->unpenalised(b, c) == 0) list.add(this->scene.at(c), c, true);
        }
        this->scene.all_background(b, list.at, list.wanted, list.size, list.cost);
        for (int i = 0; i < list.size; ++i) {
            const index c = list.number[i];
            T cost[width_v<V>];
            store(list.cost[i], cost, 1, width_v<V>);
            index at = this->start(b, c);
            for (int l = 0; l < list.at[i].count; ++l) {
                if (this->reached(b, c) >> l & 1) this->kept(b, P::others, at++) = cost[l];
            }
        }
    }
};

/// A short sorted list in scratch memory: the k smallest keys, ties to the earlier.
template <class T>
struct sorted_row {
    T* keys;
    index stride;
    int capacity;
    int size = 0;

    BOXGRAD_FN sorted_row(const view<T, 2>& v, index row, int most)
        : keys(v.data + row * v.stride[0]), stride(v.stride[1]), capacity(most) {}
    BOXGRAD_FN T& key(int i) const { return keys[i * stride]; }
    BOXGRAD_FN bool full() const { return size == capacity; }
    BOXGRAD_FN T worst() const { return key(size - 1); }
    /// Where `x` belongs; the last entry falls off a full list. Entries from there on moved by one.
    template <class Move>
    BOXGRAD_FN int insert(T x, Move&& move) {
        int at = full() ? size - 1 : size++;
        while (at > 0 && x < key(at - 1)) {
            key(at) = key(at - 1);
            move(at, at - 1);
            --at;
        }
        key(at) = x;
        return at;
    }
};

/// Each truth picks its k cheapest candidates, k = the sum of its best overlaps: first among those that
/// are free for it, which is enough unless they are too few or dearer than a penalty. `Among` says which.
enum class among { free, all };

template <class P, among Among>
struct pick_kernel : P {
    using typename P::T;
    using typename P::V;
    // No penalised candidate costs less than this, since no other part of a cost is below -1e-5.
    static constexpr T least_penalised = static_cast<T>(P::rules::penalty * (1 - 0x1p-10));

    BOXGRAD_FN void operator()(index g) const {
        if constexpr (Among == among::all) {
            if (this->undecided(g) == 0) return;
        }
        const index b = this->image_of(g);
        const index n = this->candidates(b);
        const box<T> t = this->truths.at(g);
        const box<V> target{V(t.x1), V(t.y1), V(t.x2), V(t.y2)};
        if constexpr (Among == among::free) {
            this->picks(g) = wanted(g, b, n, target);
            this->truth_positives(g) = 0;
        }
        sorted_row<T> costs(this->pick_cost, g, this->picks(g));
        for (index k = 0; k < n; k += width_v<V>) {
            const int count = P::lanes_from(k, n);
            const mask_t<V> alive = this->is_alive(b, k, count);
            const mask_t<V> free = this->is_free(t, b, k, count);
            const mask_t<V> eligible = Among == among::free || (costs.full() && costs.worst() < least_penalised)
                                           ? alive && free
                                           : alive;
            if (!any(eligible)) continue;
            const V iou = this->overlap(this->load_box(b, k, count), target);
            const V raw = this->cost(g, b, k, count, iou, free);
            const V price = select(raw == raw, raw, V(infinity<T>));  // NaN comes last
            const mask_t<V> cheaper = costs.full() ? eligible && price < V(costs.worst()) : eligible;
            if (any(cheaper)) insert_costs(costs, g, k, price, iou, lane_bits(cheaper));
        }
        if constexpr (Among == among::free) {
            const bool enough = costs.full() && (costs.size == 0 || costs.worst() < least_penalised);
            this->undecided(g) = enough ? 0 : 1;
        } else {
            this->picks(g) = costs.size;
        }
    }

private:
    /// max(1, ⌊Σ of the topk best overlaps⌋), at most the candidates alive.
    BOXGRAD_FN int wanted(index g, index b, index n, const box<V>& target) const {
        sorted_row<T> overlaps(this->best_overlap, g, this->topk);  // keys are negated: best first
        for (index k = 0; k < n; k += width_v<V>) {
            const int count = P::lanes_from(k, n);
            const V key = -this->overlap(this->load_box(b, k, count), target);
            const mask_t<V> alive = this->is_alive(b, k, count);
            const mask_t<V> better = overlaps.full() ? alive && key < V(overlaps.worst()) : alive;
            if (any(better)) insert_overlaps(overlaps, key, lane_bits(better));
        }
        T sum = T(0);
        for (int j = 0; j < overlaps.size; ++j) sum -= overlaps.key(j);
        const int k = sum < T(1) ? 1 : sum < T(this->topk) ? static_cast<int>(sum) : this->topk;
        return k < overlaps.size ? k : overlaps.size;
    }
    BOXGRAD_FN void insert_overlaps(sorted_row<T>& list, V key, std::int32_t bits) const {
        T lanes[width_v<V>];
        store(key, lanes, 1, width_v<V>);
        for (int l = 0; l < width_v<V>; ++l) {
            if ((bits >> l & 1) == 0 || (list.full() && !(lanes[l] < list.worst()))) continue;
            list.insert(lanes[l], [](int, int) {});
        }
    }
    BOXGRAD_FN void insert_costs(sorted_row<T>& list, index g, index k, V price, V iou, std::int32_t bits) const {
        T prices[width_v<V>];
        T ious[width_v<V>];
        store(price, prices, 1, width_v<V>);
        store(iou, ious, 1, width_v<V>);
        for (int l = 0; l < width_v<V>; ++l) {
            if ((bits >> l & 1) == 0 || (list.full() && !(prices[l] < list.worst()))) continue;
            const int at = list.insert(prices[l], [&](int to, int from) {
                this->pick(g, to) = this->pick(g, from);
                this->pick_overlap(g, to) = this->pick_overlap(g, from);
            });
            this->pick(g, at) = static_cast<std::int32_t>(k + l);
            this->pick_overlap(g, at) = ious[l];
        }
    }
};

/// Tells images whose class costs must be complete.
template <class P>
struct incomplete_kernel : P {
    BOXGRAD_FN void operator()(index b) const {
        std::int32_t some = 0;
        for (index g = this->truths.offset(b); g < this->truths.offset(b + 1); ++g) some |= this->undecided(g);
        this->incomplete(b) = some;
    }
};

/// Counts, in the order of truths, who picked each candidate.
template <class P>
struct claim_kernel : P {
    BOXGRAD_FN void operator()(index b) const {
        for (index g = this->truths.offset(b); g < this->truths.offset(b + 1); ++g) {
            for (int j = 0; j < this->picks(g); ++j) {
                const index k = this->pick(g, j);
                if (this->claims(b, k)++ == 0) {
                    this->owner(b, k) = static_cast<std::int32_t>(g);
                    this->owner_overlap(b, k) = this->pick_overlap(g, j);
                } else if (P::rules::conflict == conflict::keep_all) {
                    this->owner_overlap(b, k) += this->pick_overlap(g, j);
                }
            }
        }
    }
};

/// Settles candidates that several truths picked, a pack of candidates at a time.
template <class P>
struct settle_kernel : P {
    using typename P::T;
    using typename P::V;

    BOXGRAD_FN void operator()(index item) const {
        const index b = item / this->scene.chunks();
        const index k = item % this->scene.chunks() * width_v<V>;
        const index n = this->candidates(b);
        if (k >= n) return;
        const int count = P::lanes_from(k, n);
        bool contested = false;
        for (int l = 0; l < count; ++l) contested = contested || this->claims(b, k + l) > 1;
        if (!contested) return;

        const box<V> x = this->load_box(b, k, count);
        T least[width_v<V>]{};
        T overlap_there[width_v<V>]{};
        index cheapest[width_v<V>];
        bool stuck[width_v<V>];  // a NaN is the least of all, and the first NaN stays
        for (int l = 0; l < width_v<V>; ++l) {
            cheapest[l] = -1;
            stuck[l] = false;
        }
        for (index g = this->truths.offset(b); g < this->truths.offset(b + 1); ++g) {
            const box<T> t = this->truths.at(g);
            const V iou = this->overlap(x, box<V>{V(t.x1), V(t.y1), V(t.x2), V(t.y2)});
            const V price = this->cost(g, b, k, count, iou, this->is_free(t, b, k, count));
            T prices[width_v<V>];
            T ious[width_v<V>];
            store(price, prices, 1, width_v<V>);
            store(iou, ious, 1, width_v<V>);
            for (int l = 0; l < count; ++l) {
                const bool nan = !(prices[l] == prices[l]);
                if (stuck[l] || (cheapest[l] >= 0 && !nan && !(prices[l] < least[l]))) continue;
                stuck[l] = nan;
                cheapest[l] = g;
                least[l] = prices[l];
                overlap_there[l] = ious[l];
            }
        }
        for (int l = 0; l < count; ++l) {
            if (this->claims(b, k + l) <= 1) continue;
            const auto g = static_cast<std::int32_t>(cheapest[l]);
            if constexpr (P::rules::conflict == conflict::least_cost) {
                this->owner(b, k + l) = g;
                this->owner_overlap(b, k + l) = overlap_there[l];
            } else {
                if (!picked(g, static_cast<std::int32_t>(k + l))) this->owner_overlap(b, k + l) += overlap_there[l];
                if (g < this->owner(b, k + l)) this->owner(b, k + l) = g;
            }
        }
    }

private:
    BOXGRAD_FN bool picked(index g, std::int32_t k) const {
        for (int j = 0; j < this->picks(g); ++j) {
            if (this->pick(g, j) == k) return true;
        }
        return false;
    }
};

/// Writes the result and lists the positives of an image in ascending order.
template <class P>
struct list_kernel : P {
    BOXGRAD_FN void operator()(index b) const {
        std::int32_t listed = 0;
        for (index k = 0; k < this->candidates(b); ++k) {
            if (this->claims(b, k) == 0) continue;
            const std::int32_t g = this->owner(b, k);
            const std::int32_t n = this->prior_of(b, k);
            this->truth(b, n) = this->truths.row(g);
            this->assigned_overlap(b, n) = this->owner_overlap(b, k);
            this->positive_prior(b, listed) = n;
            this->positive_truth(b, listed) = g;
            ++this->truth_positives(g);
            ++listed;
        }
        this->positives(b) = listed;
        for (index c = 0; c < this->scene.chunks(); ++c) this->quarantined(b) += this->insane(b, c);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
