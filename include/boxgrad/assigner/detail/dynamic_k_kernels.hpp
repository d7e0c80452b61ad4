// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// The kernels of assigners by dynamic k, SimOTA's and RTMDet's: each truth takes the k cheapest of the
/// priors that it can have, k being the sum of its best overlaps. `Pricing` says who can have whom, and at
/// what price:
///
///     pricing.can_reach(truth, points)       for a prior that no truth can reach all is over
///     pricing.is_free(truth, points)         of those: no penalty; where none has one: likely to be cheap
///     Pricing::penalised                     whether there are penalties
///     pricing(truth, points, classes, overlap, free)
///     pricing.is_dearer(truth, points, others, free, bar)    certainly, whatever the label and the overlap cost
///     Pricing::on_conflict                   what becomes of a prior that several truths pick

#include <boxgrad/assigner/detail/ignored.hpp>
#include <boxgrad/assigner/detail/scene.hpp>
#include <boxgrad/assigner/result.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// Points strictly within a box.
template <plain_number V>
BOXGRAD_FN mask_t<V> in_box(const box<scalar_t<V>>& g, const prior::point<V>& p) {
    return p.x > V(g.x1) && p.x < V(g.x2) && p.y > V(g.y1) && p.y < V(g.y2);
}

/// What the kernels share: the scene, the truths, the parameters and views of the scratch.
/// Candidates, the priors that some truth can reach, are kept in ascending order, field by field.
template <class Scene, class Pricing>
struct dynamic_k_problem {
    using V = typename Scene::number;
    using T = scalar_t<V>;
    using pricing_type = Pricing;
    enum field { px, py, sx, sy, x1, y1, x2, y2, others, fields };

    Scene scene;
    boxgrad::detail::truth_view<T> truths;
    Pricing pricing;
    int topk;
    T reg_max;  // 0: no limit

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
    BOXGRAD_FN prior::point<V> load_point(index b, index k, int count) const {
        return {load_field(b, px, k, count), load_field(b, py, k, count), load_field(b, sx, k, count),
                load_field(b, sy, k, count)};
    }
    BOXGRAD_FN bool limited() const { return reg_max > T(0); }
    /// No side of the truth further from the point than reg_max strides.
    BOXGRAD_FN mask_t<V> within_limit(const box<T>& g, const prior::point<V>& p) const {
        const V rx = V(reg_max) * p.sx;
        const V ry = V(reg_max) * p.sy;
        return p.x - V(g.x1) <= rx && V(g.x2) - p.x <= rx && p.y - V(g.y1) <= ry && V(g.y2) - p.y <= ry;
    }
    /// Candidates that truth g may have: not quarantined for their class scores, and within the limit. A class
    /// cost that is not known yet is NaN, so not quarantined.
    BOXGRAD_FN mask_t<V> may_have(const box<T>& g, index b, index k, int count) const {
        const mask_t<V> alive = first_lanes<V>(count) && load_field(b, others, k, count) != V(infinity<T>);
        return limited() ? alive && within_limit(g, load_point(b, k, count)) : alive;
    }
    /// Candidates k to k + count at the price of truth g, which is t.
    BOXGRAD_FN V price_of(index g, const box<T>& t, index b, index k, int count, const prior::point<V>& p, V iou,
                          mask_t<V> free) const {
        std::int32_t prior[width_v<V>];
        for (int l = 0; l < count; ++l) prior[l] = prior_of(b, k + l);
        const V classes = load_field(b, others, k, count) + scene.own_class(b, prior, count, truths.label(g), iou);
        return pricing(t, p, classes, iou, free);
    }
};

/// Marks the priors that some truth of their image can reach, and those in ignored regions, which none can;
/// clears the result.
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
        const auto p = this->scene.points(b, k);
        mask_t<V> usable = used && sane;
        if (this->truths.ignored_offset(b) < this->truths.ignored_offset(b + 1)) {
            const mask_t<V> crowd = is_ignored<V>(this->truths, b, p.x, p.y);
            const std::int32_t bits = lane_bits(crowd);
            for (int l = 0; l < k.count; ++l) {
                if (bits >> l & 1) this->truth(b, k.first + l) = ignored;
            }
            usable = usable && !crowd;
        }
        mask_t<V> hit = !first_lanes<V>(width_v<V>);
        mask_t<V> free = hit;
        const auto meet = [&](auto limited) {
            for (index g = this->truths.offset(b); g < this->truths.offset(b + 1); ++g) {
                const box<T> t = this->truths.at(g);
                mask_t<V> reach = this->pricing.can_reach(t, p);
                mask_t<V> cheap = this->pricing.is_free(t, p);
                if constexpr (limited.value) {
                    const mask_t<V> near = this->within_limit(t, p);
                    reach = reach && near;
                    cheap = cheap && near;
                }
                hit = hit || reach;
                if constexpr (P::pricing_type::penalised) free = free || cheap;
            }
        };
        if (this->limited()) {
            meet(std::true_type{});
        } else {
            meet(std::false_type{});
        }
        if constexpr (!P::pricing_type::penalised) free = hit;
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
        const auto p = this->scene.points(b, k);
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
/// Where there is no penalty those that are free tell how dear others may be, and all are picked from.
enum class among { free, all };

template <class P, among Among>
struct pick_kernel : P {
    using typename P::T;
    using typename P::V;

    BOXGRAD_FN void operator()(index g) const {
        if constexpr (Among == among::all) {
            if (this->undecided(g) == 0) return;
        } else {
            this->picks(g) = wanted(g);
            this->truth_positives(g) = 0;
        }
        sorted_row<T> costs(this->pick_cost, g, this->picks(g));
        if (this->picks(g) == 0) {
            this->undecided(g) = 0;
            return;
        }
        scan<Among>(costs, g, infinity<T>);
        if constexpr (!P::pricing_type::penalised) {
            const T bar = costs.full() ? costs.worst() : infinity<T>;
            costs.size = 0;
            scan<among::all>(costs, g, bar);
        } else if constexpr (Among == among::free) {
            this->undecided(g) = costs.full() && costs.worst() < P::pricing_type::least_penalised ? 0 : 1;
        } else {
            this->picks(g) = costs.size;
        }
    }

private:
    /// Picks among the candidates that are free, or among all; none dearer than `bar`.
    template <among Whom>
    BOXGRAD_FN void scan(sorted_row<T>& costs, index g, T bar) const {
        const index b = this->truths.image_of(g);
        const index n = this->candidates(b);
        const box<T> t = this->truths.at(g);
        const box<V> target{V(t.x1), V(t.y1), V(t.x2), V(t.y2)};
        for (index k = 0; k < n; k += width_v<V>) {
            const int count = rows_left<V>(n, k);
            const auto p = this->load_point(b, k, count);
            const mask_t<V> free = this->pricing.is_free(t, p);
            mask_t<V> eligible = this->may_have(t, b, k, count);
            if constexpr (Whom == among::free) {
                eligible = eligible && free;
            } else {
                const V most(costs.full() ? costs.worst() : bar);
                eligible = eligible && !this->pricing.is_dearer(t, p, this->load_field(b, P::others, k, count), free, most);
            }
            if (!any(eligible)) continue;
            const V iou = this->pricing.overlap(this->load_box(b, k, count), target);
            const V raw = this->price_of(g, t, b, k, count, p, iou, free);
            const V price = select(raw == raw, raw, V(infinity<T>));  // NaN comes last
            const mask_t<V> cheaper = costs.full() ? eligible && price < V(costs.worst()) : eligible;
            if (any(cheaper)) insert_costs(costs, g, k, price, iou, lane_bits(cheaper));
        }
    }
    /// max(1, ⌊Σ of the topk best overlaps⌋), at most the candidates that the truth may have.
    BOXGRAD_FN int wanted(index g) const {
        const index b = this->truths.image_of(g);
        const index n = this->candidates(b);
        const box<T> t = this->truths.at(g);
        const box<V> target{V(t.x1), V(t.y1), V(t.x2), V(t.y2)};
        sorted_row<T> overlaps(this->best_overlap, g, this->topk);  // keys are negated: best first
        for (index k = 0; k < n; k += width_v<V>) {
            const int count = rows_left<V>(n, k);
            const V key = -this->pricing.overlap(this->load_box(b, k, count), target);
            const mask_t<V> eligible = this->may_have(t, b, k, count);
            const mask_t<V> better = overlaps.full() ? eligible && key < V(overlaps.worst()) : eligible;
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
                } else if (P::pricing_type::on_conflict == conflict::keep_all) {
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
        const int count = rows_left<V>(n, k);
        T least[width_v<V>];
        bool contested = false;
        for (int l = 0; l < width_v<V>; ++l) {
            const bool wanted = l < count && this->claims(b, k + l) > 1;
            contested = contested || wanted;
            least[l] = wanted ? infinity<T> : -infinity<T>;
        }
        if (!contested) return;

        const box<V> x = this->load_box(b, k, count);
        const auto p = this->load_point(b, k, count);
        const V background_cost = this->load_field(b, P::others, k, count);
        T overlap_there[width_v<V>]{};
        index cheapest[width_v<V>];
        bool stuck[width_v<V>];  // a NaN is the least of all, and the first NaN stays
        for (int l = 0; l < width_v<V>; ++l) {
            cheapest[l] = -1;
            stuck[l] = false;
        }
        for (index g = this->truths.offset(b); g < this->truths.offset(b + 1); ++g) {
            const box<T> t = this->truths.at(g);
            const mask_t<V> free = this->pricing.is_free(t, p);
            if constexpr (P::pricing_type::has_bound) {
                const V most = load<V>(least, 1, width_v<V>);
                if (all(most == V(-infinity<T>) || this->pricing.is_dearer(t, p, background_cost, free, most))) continue;
            }
            const V iou = this->pricing.overlap(x, box<V>{V(t.x1), V(t.y1), V(t.x2), V(t.y2)});
            const V price = this->price_of(g, t, b, k, count, p, iou, free);
            const std::int32_t near = this->limited() ? lane_bits(this->within_limit(t, p)) : ~0;
            T prices[width_v<V>];
            T ious[width_v<V>];
            store(price, prices, 1, width_v<V>);
            store(iou, ious, 1, width_v<V>);
            for (int l = 0; l < count; ++l) {
                if (least[l] == -infinity<T>) continue;
                const bool nan = !(prices[l] == prices[l]);
                if ((near >> l & 1) == 0 || stuck[l] || (cheapest[l] >= 0 && !nan && !(prices[l] < least[l]))) continue;
                stuck[l] = nan;
                cheapest[l] = g;
                least[l] = prices[l];
                overlap_there[l] = ious[l];
            }
        }
        for (int l = 0; l < count; ++l) {
            if (this->claims(b, k + l) <= 1) continue;
            const auto g = static_cast<std::int32_t>(cheapest[l]);
            if constexpr (P::pricing_type::on_conflict == conflict::least_cost) {
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
