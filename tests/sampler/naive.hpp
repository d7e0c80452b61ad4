// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What samplers must pick where an order of keys says it.

#include "images.hpp"

#include <algorithm>
#include <functional>

namespace test {

using picks = std::vector<index>;

/// An image with its truths in front, as candidates.
template <class T>
assigned_image<T> with_truths(assigned_image<T> x) {
    for (std::size_t g = x.boxes.size(); g-- > 0;) {
        x.truth.insert(x.truth.begin(), static_cast<std::int32_t>(g));
        x.overlap.insert(x.overlap.begin(), T(1));
        x.priors.insert(x.priors.begin(), x.boxes[g].begin(), x.boxes[g].end());
    }
    return x;
}

/// Gathers what a result must hold for given picks of candidates `c`; the first `added` are truths.
template <class T>
sampled gathered(const assigned_image<T>& c, std::size_t added, picks pos, picks neg) {
    std::sort(pos.begin(), pos.end());
    std::sort(neg.begin(), neg.end());
    sampled s;
    s.pos = pos;
    s.neg = neg;
    s.positives = static_cast<index>(pos.size());
    s.negatives = static_cast<index>(neg.size());
    s.num_gts = static_cast<index>(c.boxes.size());
    const auto append = [](std::vector<double>& to, const auto* from) { to.insert(to.end(), from, from + 4); };
    for (const auto i : pos) {
        const auto at = static_cast<std::size_t>(i);
        const auto g = static_cast<std::size_t>(c.truth[at]);
        s.assigned.push_back(c.truth[at]);
        s.is_gt.push_back(at < added ? 1 : 0);
        s.labels.push_back(c.labels[g]);
        append(s.pos_priors, c.priors.data() + 4 * at);
        append(s.pos_gt_boxes, c.boxes[g].data());
    }
    for (const auto i : neg) append(s.neg_priors, c.priors.data() + 4 * static_cast<std::size_t>(i));
    s.priors = s.pos_priors;
    s.priors.insert(s.priors.end(), s.neg_priors.begin(), s.neg_priors.end());
    return s;
}

/// The candidates whose row is such.
template <class T, class F>
picks where(const assigned_image<T>& c, const F& f) {
    picks r;
    for (std::size_t i = 0; i < c.truth.size(); ++i) {
        if (f(c.truth[i])) r.push_back(static_cast<index>(i));
    }
    return r;
}

/// true where the first row goes before the second.
using order = std::function<bool(index, index)>;

inline picks first(picks pool, index n, const order& before) {
    std::stable_sort(pool.begin(), pool.end(), before);
    pool.resize(static_cast<std::size_t>(std::clamp<index>(n, 0, static_cast<index>(pool.size()))));
    return pool;
}

/// The parameters that all samplers share.
struct quota {
    index num;
    double pos_fraction, neg_pos_ub;
    bool add_gt_as_proposals;

    template <class Sampler>
    Sampler given_to(Sampler s) const {
        s.num = num;
        s.pos_fraction = pos_fraction;
        s.neg_pos_ub = neg_pos_ub;
        s.add_gt_as_proposals = add_gt_as_proposals;
        return s;
    }
};
inline quota quota_number(unsigned i) {
    const index num[] = {12, 0, 1, 7, 16, 40, 512};
    const double fraction[] = {0.5, 0.25, 0, 1, 0.9};
    const double bound[] = {-1, 1, 0, 2.5};
    return {num[i % std::size(num)], fraction[i % std::size(fraction)], bound[i % std::size(bound)], i % 3 != 0};
}

/// What a sampler that orders positives and negatives picks.
template <class T>
sampled picked(const assigned_image<T>& x, const quota& q, const order& positives, const order& negatives) {
    const auto c = q.add_gt_as_proposals ? with_truths(x) : x;
    const picks pos = first(where(c, [](auto g) { return g >= 0; }),
                            static_cast<index>(static_cast<double>(q.num) * q.pos_fraction), positives);
    index n = q.num - static_cast<index>(pos.size());
    if (q.neg_pos_ub >= 0) {
        n = std::min(n, static_cast<index>(q.neg_pos_ub * static_cast<double>(std::max<std::size_t>(1, pos.size()))));
    }
    return gathered(c, q.add_gt_as_proposals ? x.boxes.size() : 0, pos,
                    first(where(c, [](auto g) { return g == -1; }), n, negatives));
}

/// Three images of as many priors.
template <class T>
std::vector<assigned_image<T>> images(unsigned i) {
    const std::size_t n[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 65, 257};
    const std::size_t g[] = {3, 0, 1, 7};
    std::vector<assigned_image<T>> list;
    for (unsigned k = 0; k < 3; ++k) list.push_back(random_image<T>(3 * i + k, n[i % std::size(n)], g[(i + k) % 4]));
    return list;
}

template <class B, class R>
std::vector<sampled> on_host(const B& b, const std::vector<R>& results) {
    std::vector<sampled> all;
    for (const auto& r : results) all.push_back(on_host<B>(b, r));
    return all;
}

}  // namespace test
