// SPDX-License-Identifier: Apache-2.0
//
// Several queries a truth, against costs in long double and another assignment algorithm.
#include "set_prediction.hpp"

#include <boxgrad/assigner/topk_hungarian.hpp>

namespace {

namespace assigner = boxgrad::assigner;
using test::assign;
using test::scene_number;

}  // namespace

TEMPLATE_LIST_TEST_CASE("topk_hungarian on every backend: a cheapest matching, the same bits", "[assigner]",
                        test::backends) {
    using T = typename TestType::scalar;
    const assigner::topk_hungarian<> a{.topk = 3};
    for (unsigned i = 0; i < 36; ++i) {
        INFO("scene " << i);
        const auto s = scene_number<T>(i);
        const auto r = assign(TestType{}, a, s);
        test::check_answer(s, r, 3, false);
        CHECK(r == assign(boxgrad::memory<T>{}, a, s));
    }
}

TEMPLATE_TEST_CASE("topk_hungarian: hundreds of scenes", "[assigner]", boxgrad::memory<float>,
                   boxgrad::memory<double>) {
    for (unsigned i = 100; i < 400; ++i) {
        INFO("scene " << i);
        const auto s = scene_number<typename TestType::scalar>(i);
        const int topk = 1 + static_cast<int>(i % 5);
        test::check_answer(s, assign(TestType{}, assigner::topk_hungarian<>{.topk = topk}, s),
                           static_cast<std::size_t>(topk), false);
    }
}

TEST_CASE("P17 topk_hungarian: dead queries are as if absent, and counted", "[assigner][promise]") {
    test::check_dead_queries(assigner::topk_hungarian<>{.topk = 4});
}

TEST_CASE("topk_hungarian: metric of the matched", "[assigner]") {
    const boxgrad::memory<double> b;
    for (const bool use_sigmoid : {false, true}) {
        const assigner::topk_hungarian<> a{.topk = 2, .alpha = 0.5, .beta = 3, .use_sigmoid = use_sigmoid};
        for (unsigned i = 0; i < 30; ++i) {
            const auto s = test::random_queries<double>(i, 1, 20, 1 + i % 6);
            const auto r = assign(b, a, s);
            for (std::size_t q = 0; q < s.queries; ++q) {
                double want = 0;
                if (r.truth[q] >= 0) {
                    const double x =
                        s.scores[0][q * s.classes +
                                    static_cast<std::size_t>(s.labels[0][static_cast<std::size_t>(r.truth[q])])];
                    const double score = use_sigmoid ? 1 / (1 + std::exp(-x)) : std::max(x, 0.0);
                    want = std::sqrt(score) * std::pow(r.overlap[q], 3);
                }
                CHECK(test::near(r.metric[q], want, 64));
            }
        }
    }
}

TEST_CASE("topk_hungarian with topk 1 is hungarian", "[assigner]") {
    const boxgrad::memory<double> b;
    assigner::hungarian<assigner::focal_costs> h;
    h.match_costs.rest.first.box_format = assigner::box_format::xyxy;
    for (unsigned i = 0; i < 60; ++i) {
        const auto s = scene_number<double>(i);
        auto r = assign(b, assigner::topk_hungarian<>{}, s);
        r.metric.clear();
        CHECK(r == assign(b, h, s));
    }
}

TEST_CASE("P22 scratch of topk_hungarian is the documented formula", "[assigner][promise]") {
    boxgrad::index bytes = 0;
    meter::counting<boxgrad::memory<float>> b;
    b.bytes = &bytes;
    for (unsigned i = 0; i < 20; ++i) {
        const auto s = scene_number<float>(i);
        const auto boxes = s.box_tensor(b);
        const auto scores = s.score_tensor(b);
        bytes = 0;
        assigner::hungarian<>{}.assign(b, boxes, scores, s.truth_list(), s.shapes);
        const boxgrad::index plain = bytes;
        bytes = 0;
        assigner::topk_hungarian<>{.topk = 3}.assign(b, boxes, scores, s.truth_list(), s.shapes);
        CHECK(bytes == plain + s.size() * static_cast<boxgrad::index>(s.queries) * 4);
    }
}

TEST_CASE("topk_hungarian refuses what it cannot use", "[assigner][errors]") {
    const boxgrad::memory<double> b;
    const auto s = test::random_queries<double>(2, 1, 5, 3);
    CHECK_THROWS_WITH(assign(b, assigner::topk_hungarian<>{.topk = 0}, s),
                      "topk_hungarian::assign: topk must be positive, got 0");
    CHECK_THROWS_WITH(assign(b, assigner::topk_hungarian<>{.alpha = -1}, s),
                      "topk_hungarian::assign: alpha must be finite and not negative, got -1.000000");
    CHECK_THROWS_AS(assign(b, assigner::topk_hungarian<>{.beta = boxgrad::not_a_number<double>}, s),
                    boxgrad::config_error);
}
