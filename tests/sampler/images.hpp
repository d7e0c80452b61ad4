// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Assignments drawn at random, and results in host memory.

#include "backends.hpp"

#include <boxgrad/assigner/result.hpp>
#include <boxgrad/sampler/result.hpp>

#include <random>

namespace test {

/// One image: a row of a truth, background or ignored, and an overlap for every prior.
template <class T>
struct assigned_image {
    std::vector<std::int32_t> truth;
    std::vector<T> overlap;
    std::vector<T> priors;  // N times 4
    std::vector<std::array<T, 4>> boxes;
    std::vector<int> labels;

    index size() const { return static_cast<index>(truth.size()); }
};

template <class T>
assigned_image<T> random_image(unsigned seed, std::size_t n, std::size_t g) {
    std::mt19937 r(seed);
    const auto below = [&](std::size_t m) { return static_cast<std::size_t>(r() % m); };
    assigned_image<T> x;
    for (std::size_t k = 0; k < g; ++k) {
        const auto at = static_cast<T>(below(50));
        x.boxes.push_back({at, at + 1, at + 1 + static_cast<T>(below(9)), at + 3});
        x.labels.push_back(static_cast<int>(below(20)));
    }
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t kind = below(6);
        const bool positive = g > 0 && kind < 2;
        x.truth.push_back(positive    ? static_cast<std::int32_t>(below(g))
                          : kind == 5 ? boxgrad::assigner::ignored
                                      : boxgrad::assigner::background);
        x.overlap.push_back(positive ? T(0.5) + static_cast<T>(below(8)) / 16 : static_cast<T>(below(8)) / 16);
        for (int c = 0; c < 4; ++c) x.priors.push_back(static_cast<T>(below(100)));
    }
    return x;
}

/// Images of N priors as a batch: an assignment [B, N], priors [B, N, 4], truths.
template <class B>
struct assigned_batch {
    boxgrad::assigner::result<B> assignment;
    boxgrad::tensor_t<B, typename B::scalar, 3> priors;
    boxgrad::truth_list<typename B::scalar> truths;
};
template <class B>
assigned_batch<B> batch_of(const B& b, const std::vector<assigned_image<typename B::scalar>>& images) {
    using T = typename B::scalar;
    std::vector<std::int32_t> truth;
    std::vector<T> overlap;
    std::vector<T> priors;
    boxgrad::truth_list<T> truths;
    const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
    for (const auto& x : images) {
        append(truth, x.truth);
        append(overlap, x.overlap);
        append(priors, x.priors);
        truths.add_image(x.boxes, x.labels);
    }
    const auto count = static_cast<index>(images.size());
    const index n = images.front().size();
    return {{test::from_host(b, extents<2>{{count, n}}, truth),
             test::from_host(b, extents<2>{{count, n}}, overlap),
             {},
             {}},
            test::from_host(b, extents<3>{{count, n, 4}}, priors),
            std::move(truths)};
}

/// A result in host memory.
struct sampled {
    std::vector<index> pos, neg, assigned;
    std::vector<std::uint8_t> is_gt;
    std::vector<std::int64_t> labels;
    std::vector<double> pos_priors, neg_priors, priors, pos_gt_boxes;
    index positives = 0, negatives = 0, num_gts = 0;

    friend bool operator==(const sampled&, const sampled&) = default;
};
template <class B>
sampled on_host(const B& b, const boxgrad::sampler::result<B>& r) {
    const auto numbers = [&](const auto& x) {
        const auto v = test::to_host<2>(b, x);
        return std::vector<double>(v.begin(), v.end());
    };
    return {test::to_host<1>(b, r.pos_inds),
            test::to_host<1>(b, r.neg_inds),
            test::to_host<1>(b, r.pos_assigned_gt_inds),
            test::to_host<1>(b, r.pos_is_gt),
            test::to_host<1>(b, r.pos_gt_labels),
            numbers(r.pos_priors),
            numbers(r.neg_priors),
            numbers(r.priors(b)),
            numbers(r.pos_gt_boxes),
            r.positives,
            r.negatives,
            r.num_gts};
}

}  // namespace test
