// SPDX-License-Identifier: Apache-2.0
//
// The Hungarian assigner against costs in long double and another assignment algorithm, and what must hold whatever
// the numbers.
#include "set_prediction.hpp"

#include <boxgrad/assigner/hungarian.hpp>

#include <numeric>

namespace {

namespace assigner = boxgrad::assigner;
using test::query_scene;

using test::answer;
using test::assign;
using test::check_answer;
using test::scene_number;
using focal = assigner::hungarian<assigner::focal_costs>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("hungarian on every backend: a cheapest matching, the same bits", "[assigner]",
                        test::backends) {
    using T = typename TestType::scalar;
    const focal a;
    for (unsigned i = 0; i < 36; ++i) {
        INFO("scene " << i);
        const auto s = scene_number<T>(i);
        const auto r = assign(TestType{}, a, s);
        check_answer(s, r, 1, true);
        CHECK(r == assign(boxgrad::memory<T>{}, a, s));
    }
}

TEMPLATE_TEST_CASE("hungarian: hundreds of scenes", "[assigner]", boxgrad::memory<float>, boxgrad::memory<double>) {
    using T = typename TestType::scalar;
    for (unsigned i = 100; i < 400; ++i) {
        INFO("scene " << i);
        const auto s = scene_number<T>(i);
        check_answer(s, assign(TestType{}, focal{}, s), 1, true);
    }
}

TEST_CASE("hungarian: an image alone is as in its batch", "[assigner][promise]") {
    const boxgrad::memory<double> b;
    for (unsigned i = 0; i < 60; ++i) {
        const auto s = scene_number<double>(400 + i);
        const auto all = assign(b, focal{}, s);
        answer<double> joined;
        for (std::size_t k = 0; k < s.images(); ++k) {
            const auto one = assign(b, focal{}, s.image(k));
            const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
            append(joined.truth, one.truth);
            append(joined.overlap, one.overlap);
            append(joined.positives, one.positives);
            append(joined.truth_positives, one.truth_positives);
        }
        CHECK(joined == all);
        const auto alone = s.image(0);  // matrices
        const auto n = static_cast<boxgrad::index>(s.queries);
        std::vector<double> flat;
        for (const auto& x : alone.boxes[0]) flat.insert(flat.end(), x.begin(), x.end());
        const auto r = focal{}.assign(
            b, test::from_host(b, test::extents<2>{{n, 4}}, flat),
            test::from_host(b, test::extents<2>{{n, static_cast<boxgrad::index>(s.classes)}}, alone.scores[0]),
            alone.truth_list(), alone.shapes);
        CHECK(test::to_host<2>(b, r.truth) == assign(b, focal{}, alone).truth);
    }
}

TEMPLATE_TEST_CASE("P17 dead queries are as if absent, and counted", "[assigner][promise]", focal,
                   assigner::hungarian<>) {
    test::check_dead_queries(TestType{});
}

TEST_CASE("hungarian follows a permutation of queries and of truths; a far query changes nothing",
          "[assigner][property]") {
    const boxgrad::memory<double> b;
    std::mt19937 random(6);
    for (unsigned i = 0; i < 100; ++i) {
        INFO("scene " << i);
        const auto s = test::random_queries<double>(500 + i, 1, 12 + i % 20, 1 + i % 9);
        const auto e = assign(b, focal{}, s);
        std::vector<std::size_t> to(s.queries);
        std::iota(to.begin(), to.end(), std::size_t{0});
        std::shuffle(to.begin(), to.end(), random);
        auto moved = s;
        for (std::size_t q = 0; q < s.queries; ++q) {
            moved.boxes[0][to[q]] = s.boxes[0][q];
            for (std::size_t c = 0; c < s.classes; ++c)
                moved.scores[0][to[q] * s.classes + c] = s.scores[0][q * s.classes + c];
        }
        const auto r = assign(b, focal{}, moved);
        for (std::size_t q = 0; q < s.queries; ++q)
            CHECK((r.truth[to[q]] == e.truth[q] && r.overlap[to[q]] == e.overlap[q]));

        auto turned = s;
        std::reverse(turned.truths[0].begin(), turned.truths[0].end());
        std::reverse(turned.labels[0].begin(), turned.labels[0].end());
        auto renamed = assign(b, focal{}, turned);
        const auto last = static_cast<std::int32_t>(s.truths[0].size()) - 1;
        for (auto& t : renamed.truth) t = t < 0 ? t : last - t;
        std::reverse(renamed.truth_positives.begin(), renamed.truth_positives.end());
        CHECK(renamed == e);

        auto far = s;
        far.boxes[0].push_back({1e5, 1e5, 1e5 + 10, 1e5 + 10});
        far.scores[0].insert(far.scores[0].end(), s.classes, -5.0);
        ++far.queries;
        auto same = assign(b, focal{}, far);
        CHECK(same.truth.back() == assigner::background);
        same.truth.pop_back();
        same.overlap.pop_back();
        CHECK(same == e);
    }
}

TEST_CASE("hungarian: ties, few queries, no truths, ignored regions, dropped truths", "[assigner]") {
    const boxgrad::memory<double> b;
    query_scene<double> s;
    s.queries = 4;
    s.classes = 1;
    s.boxes = {{{0, 0, 10, 10}, {0, 0, 10, 10}, {0, 0, 10, 10}, {30, 30, 40, 40}}};
    s.scores = {{0, 0, 0, 0}};
    s.truths = {{{0, 0, 10, 10}, {0, 0, 10, 10}}};
    s.labels = {{0, 0}};
    s.regions = {{}};
    s.shapes = {{60, 80}};
    CHECK(assign(b, focal{}, s).truth == std::vector<std::int32_t>{0, 1, -1, -1});

    s.truths[0].assign(6, {0, 0, 10, 10});  // the far query takes one, two truths stay alone
    s.labels[0].assign(6, 0);
    const auto few = assign(b, focal{}, s);
    CHECK(few.positives[0] == 4);
    CHECK(few.truth_positives == std::vector<boxgrad::index>{1, 1, 1, 1, 0, 0});

    s.truths[0].clear();
    s.labels[0].clear();
    s.regions[0] = {{0, 0, 10, 6}};
    CHECK(assign(b, focal{}, s).truth == std::vector<std::int32_t>{-2, -2, -2, -1});
    CHECK(assign(b, focal{.ignore_iof_thr = 0.6}, s).truth == std::vector<std::int32_t>(4, -1));
    CHECK(assign(b, focal{.ignore_iof_thr = 0}, s).truth == std::vector<std::int32_t>(4, -1));
    s.truths[0] = {{5, 5, 5, 9}, {0, 0, 10, 10}};
    s.labels[0] = {0, 0};
    const auto dropped = assign(b, focal{}, s, boxgrad::bad_truth::drop);  // a match comes before a region
    CHECK(dropped.truth == std::vector<std::int32_t>{1, -2, -2, -1});
    CHECK(dropped.truth_positives == std::vector<boxgrad::index>{0, 1});
    CHECK(dropped.dropped == 1);
    CHECK_THROWS_AS(assign(b, focal{}, s), boxgrad::gt_error);
}

TEMPLATE_TEST_CASE("P22 scratch of the Hungarian assigners is the documented formula", "[assigner][promise]",
                   boxgrad::memory<float>, boxgrad::memory<double>) {
    using T = typename TestType::scalar;
    boxgrad::index bytes = 0;
    meter::counting<TestType> b;
    b.bytes = &bytes;
    for (unsigned i = 0; i < 20; ++i) {
        const auto s = scene_number<T>(i);
        const auto boxes = s.box_tensor(b);
        const auto scores = s.score_tensor(b);
        const auto truths = s.truth_list();
        const auto size = static_cast<boxgrad::index>(sizeof(T));
        const boxgrad::index g = truths.size(), q = static_cast<boxgrad::index>(s.queries), n = s.size();
        const auto regions = static_cast<boxgrad::index>(truths.ignored.size());
        const boxgrad::index uploaded =
            g * (4 * size + 8) + regions * 4 * size + 2 * (n + 1) * 8;  // the truths themselves
        const boxgrad::index formula = g * q * size + n * q * (size + 8) + 8 * n + 4 * g + 2 * n * size;
        bytes = 0;
        focal{}.assign(b, boxes, scores, truths, s.shapes);
        CHECK(bytes == formula + uploaded);
        bytes = 0;
        assigner::match_costs(b, assigner::iou_cost<>{}, boxes, scores, truths, s.shapes);
        CHECK(bytes == size * (g * q + 2 * n) + 4 * n * q + uploaded);
    }
}

TEST_CASE("Hungarian assigners refuse what they cannot use", "[assigner][errors]") {
    const boxgrad::memory<double> b;
    auto s = test::random_queries<double>(2, 1, 5, 3);
    focal bad;
    bad.match_costs.rest.first.weight = boxgrad::not_a_number<double>;
    CHECK_THROWS_WITH(assign(b, bad, s), "hungarian::assign: weight must be finite, got nan");
    CHECK_THROWS_WITH(assign(b, focal{.ignore_iof_thr = boxgrad::not_a_number<double>}, s),
                      "hungarian::assign: ignore_iof_thr must be a number, got nan");
    s.labels[0][1] = 7;
    CHECK_THROWS_AS(assign(b, focal{}, s), boxgrad::gt_error);
}
