// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Whether a set prediction is a cheapest matching.

#include "catch.hpp"
#include "naive_assignment.hpp"
#include "naive_costs.hpp"

#include <boxgrad/assigner/result.hpp>
#include <boxgrad/overlap/iou.hpp>

namespace test {

namespace assigner = boxgrad::assigner;

template <class T>
struct answer {
    std::vector<std::int32_t> truth;
    std::vector<T> overlap, metric;
    std::vector<boxgrad::index> positives, truth_positives;
    boxgrad::index nonfinite = 0, dropped = 0;
    friend bool operator==(const answer&, const answer&) = default;
};

template <class B, class Assigner>
auto assign(const B& b, const Assigner& a, const query_scene<typename B::scalar>& s,
            boxgrad::bad_truth policy = boxgrad::bad_truth::reject) {
    const auto r = a.assign(b, s.box_tensor(b), s.score_tensor(b), s.truth_list(), s.shapes, policy);
    answer<typename B::scalar> out{test::to_host<2>(b, r.truth),
                                   test::to_host<2>(b, r.overlap),
                                   {},
                                   r.positives,
                                   r.truth_positives,
                                   r.nonfinite_priors,
                                   r.dropped_truths};
    if constexpr (requires { r.metric; }) out.metric = test::to_host<2>(b, r.metric);
    return out;
}

/// The costs of Deformable DETR, a row a truth.
template <class T>
cost_table naive_costs(const query_scene<T>& s, std::size_t i, std::size_t copies, bool centres) {
    cost_table t{s.truths[i].size() * copies, s.queries, {}};
    for (std::size_t k = 0; k < t.rows; ++k) {
        const std::size_t g = k / copies;
        for (std::size_t q = 0; q < s.queries; ++q) {
            t.cost.push_back(static_cast<double>(2 * naive_focal_cost(s, i, q, g) +
                                                 5 * naive_l1_cost(s, i, q, g, centres) +
                                                 2 * naive_iou_cost(s, i, q, g, true)));
        }
    }
    return t;
}

/// Whether the answer is a cheapest matching with the overlaps and counts that it says.
template <class T>
void check_answer(const query_scene<T>& s, const answer<T>& a, std::size_t topk, bool centres) {
    std::size_t first_truth = 0;
    for (std::size_t i = 0; i < s.images(); ++i) {
        const std::size_t n = s.truths[i].size();
        const std::size_t copies = n == 0 ? 1 : std::clamp<std::size_t>(s.queries / n, 1, topk);
        const auto t = naive_costs(s, i, copies, centres);
        const auto best = best_by_paths(t);
        matching_value got;
        std::vector<std::size_t> count(n, 0);
        for (std::size_t q = 0; q < s.queries; ++q) {
            const std::size_t at = i * s.queries + q;
            const std::int32_t g = a.truth[at];
            const auto& x = s.boxes[i][q];
            if (g >= 0) {
                const auto k = static_cast<std::size_t>(g);
                REQUIRE(k < n);
                got.total += t.at(k * copies, q);
                ++got.pairs;
                ++count[k];
                CHECK(near(a.overlap[at], static_cast<T>(-naive_iou_cost(s, i, q, k, false)), 16));
            } else {
                CHECK(a.overlap[at] == 0);
                bool covered = false;
                for (const auto& r : s.regions[i]) {
                    covered = covered || boxgrad::overlap::iof{}(boxgrad::box<T>{x[0], x[1], x[2], x[3]},
                                                                 boxgrad::box<T>{r[0], r[1], r[2], r[3]}) > T(0.5);
                }
                CHECK(g == (covered ? assigner::ignored : assigner::background));
            }
        }
        CHECK(got.pairs == best.pairs);
        CHECK(got.total == Approx(best.total).margin(sizeof(T) == 4 ? 1e-3 : 1e-9));
        CHECK(a.positives[i] == static_cast<boxgrad::index>(got.pairs));
        for (std::size_t k = 0; k < n; ++k) {
            CHECK(count[k] <= copies);
            CHECK(a.truth_positives[first_truth + k] == static_cast<boxgrad::index>(count[k]));
        }
        first_truth += n;
    }
    CHECK(a.nonfinite == 0);
}

template <class T>
query_scene<T> scene_number(unsigned i) {
    const std::size_t queries[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 65};
    const std::size_t truths[] = {1, 0, 2, 5, 9, 3, 12};
    return random_queries<T>(i, 1 + i % 3, queries[i % std::size(queries)], truths[i % std::size(truths)], i % 4 == 3);
}

/// Dead queries change nothing for the others, and are counted (promise P17).
template <class Assigner>
void check_dead_queries(const Assigner& a) {
    const boxgrad::memory<double> b;
    const double nan = boxgrad::not_a_number<double>, inf = boxgrad::infinity<double>;
    std::mt19937 random(5);
    for (unsigned i = 0; i < 200; ++i) {
        INFO("scene " << i);
        const auto clean = random_queries<double>(i, 1, 2 + i % 40, i % 9, i % 4 == 3);
        auto spoilt = clean;
        auto without = clean;
        without.boxes[0].clear();
        without.scores[0].clear();
        std::vector<std::size_t> rest;
        for (std::size_t q = 0; q < clean.queries; ++q) {
            const auto row = clean.scores[0].begin() + static_cast<std::ptrdiff_t>(q * clean.classes);
            if (random() % 4 != 0) {
                rest.push_back(q);
                without.boxes[0].push_back(clean.boxes[0][q]);
                without.scores[0].insert(without.scores[0].end(), row,
                                         row + static_cast<std::ptrdiff_t>(clean.classes));
            } else if (random() % 2 == 0) {
                const double bad[] = {nan, inf, -inf, 0x1p501};
                spoilt.boxes[0][q][random() % 4] = bad[random() % 4];
            } else {
                const double bad[] = {nan, inf, -inf};
                spoilt.scores[0][q * clean.classes + random() % clean.classes] = bad[random() % 3];
            }
        }
        without.queries = rest.size();
        const auto r = assign(b, a, spoilt);
        const auto e = assign(b, a, without);
        CHECK(r.nonfinite == static_cast<boxgrad::index>(clean.queries - rest.size()));
        CHECK(r.truth_positives == e.truth_positives);
        std::vector<std::int32_t> truth(clean.queries, assigner::background);
        std::vector<double> overlap(clean.queries, 0.0);
        for (std::size_t k = 0; k < rest.size(); ++k) {
            truth[rest[k]] = e.truth[k];
            overlap[rest[k]] = e.overlap[k];
        }
        CHECK(r.truth == truth);
        CHECK(r.overlap == overlap);
    }
}

}  // namespace test

/// Apart from `test`, whose functions have names of the library's.
namespace meter {

/// Memory that counts what is asked for.
template <class Base>
struct counting : Base {
    boxgrad::index* bytes = nullptr;

    template <class U, int R>
    auto make(const boxgrad::extents<R>& e) const {
        *bytes += e.size() * static_cast<boxgrad::index>(sizeof(U));
        return Base::template make<U, R>(e);
    }
};

}  // namespace meter
