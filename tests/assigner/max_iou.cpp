// SPDX-License-Identifier: Apache-2.0
//
// Assigners by largest overlap against every pair of prior and truth: max_iou, matcher, grid; what holds of
// approx_max_iou and multi_instance too. Overlaps are the same numbers here and there, so results are, ties included.
#include "catch.hpp"
#include "overlap_assigners.hpp"

#include <boxgrad/prior/anchor_grid.hpp>

namespace {

using namespace test;
namespace assigner = boxgrad::assigner;

/// Assigners whose kernels are the same, on scene i.
template <class B>
void check_all(const B& b, unsigned i) {
    using T = typename B::scalar;
    INFO("scene " << i);
    const auto s = test::overlap_number(i);
    const auto a = max_iou_number(i);
    CHECK(assign(b, a, s) == test::naive::by_overlap(s, rules_of<T>(a)));
    const auto m = matcher_number(i);
    CHECK(assign(b, m, s) == test::naive::by_overlap(s, rules_of<T>(m)));
    const auto flags = flags_number(i, s);
    const auto g = grid_number(i);
    CHECK(assign_grid(b, g, s, flags) == test::naive::by_overlap(s, rules_of<T>(g, flags)));
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("assigners by overlap are what every pair says, on every backend", "[assigner]",
                        test::backends) {
    for (unsigned i = 0; i < 60; ++i) check_all(TestType{}, i);
}

TEMPLATE_TEST_CASE("assigners by overlap are what every pair says: many scenes", "[assigner]", boxgrad::memory<float>,
                   boxgrad::memory<double>) {
    using T = typename TestType::scalar;
    const TestType b;
    test::index positives = 0, ignored = 0;
    for (unsigned i = 100; i < 700; ++i) {
        check_all(b, i);
        const auto s = test::overlap_number(i);
        const auto a = max_iou_number<boxgrad::overlap::giou>(i);
        const auto e = test::naive::by_overlap(s, rules_of<T>(a));
        CHECK(assign(b, a, s) == e);
        positives += std::accumulate(e.positives.begin(), e.positives.end(), test::index{0});
        ignored += std::count(e.truth.begin(), e.truth.end(), assigner::ignored);
    }
    CHECK(positives > 2000);
    CHECK(ignored > 5000);
}

TEST_CASE("max_iou: more priors than a block, and than 64 of them", "[assigner]") {
    const std::size_t sizes[] = {1023, 1024, 1025, 2048, 2049, 5000, 70003};
    for (unsigned i = 0; i < 28; ++i) {
        const std::size_t n = sizes[i % 7];
        INFO("scene " << i << ", " << n << " priors");
        auto s = test::many_places(i, n, n > 5000 ? 1 : 1 + i % 3, n > 5000 ? 3 : i % 10, i % 2 == 0 ? 8 : 0.25);
        // The best of a truth in several blocks, and in the last row.
        if (!s.images[0].truths.empty()) s.priors[1] = s.priors[n / 2] = s.priors[n - 1] = s.images[0].truths[0];
        auto a = max_iou_number(i);
        a.gt_max_assign_all = i % 14 < 7;
        const auto e = assign(boxgrad::memory<float>{}, a, s);
        CHECK(e == test::naive::by_overlap(s, rules_of<float>(a)));
        CHECK(e == assign(boxgrad::reference<float>{}, a, s));
        if (n < 6000) CHECK(assign(boxgrad::memory<double>{}, a, s) == test::naive::by_overlap(s, rules_of<double>(a)));
    }
}

TEST_CASE("max_iou: the same bits on every backend, whatever the digits", "[assigner][promise]") {
    for (unsigned i = 0; i < 40; ++i) {
        const auto s = test::smooth_place(i, 3 * i, 1 + i % 3);
        const auto a = max_iou_number(i);
        CHECK(assign(boxgrad::memory<float>{}, a, s) == assign(boxgrad::reference<float>{}, a, s));
        CHECK(assign(boxgrad::memory<double>{}, a, s) == assign(boxgrad::reference<double>{}, a, s));
        CHECK(assign(boxgrad::memory<double>{}, a, s) == assign(boxgrad::testing::archetype<double>{}, a, s));
    }
}

TEST_CASE("max_iou: priors of their own, shared and computed alike; an image alone as in a batch",
          "[assigner][property]") {
    const boxgrad::memory<float> b;
    const boxgrad::prior::anchor_grid<float> anchors({{-8, -8, 8, 8}, {-4, -12, 4, 12}, {-16, -6, 16, 6}}, 8, {9, 7});
    for (unsigned i = 0; i < 60; ++i) {
        INFO("scene " << i);
        auto s = test::many_places(i, 0, 1 + i % 4, 5, 0.5);
        if (s.images.size() > 1) s.images[1].truths.clear(), s.images[1].labels.clear();
        for (test::index k = 0; k < anchors.size(); ++k) {
            const auto p = anchors[k];
            s.priors.push_back({static_cast<double>(p.x1), static_cast<double>(p.y1), static_cast<double>(p.x2),
                                static_cast<double>(p.y2)});
        }
        const auto a = max_iou_number(i);
        const auto e = assign(b, a, s);
        CHECK(e == assign(b, a, anchors, s));
        std::vector<row4> repeated;
        for (std::size_t k = 0; k < s.images.size(); ++k)
            repeated.insert(repeated.end(), s.priors.begin(), s.priors.end());
        const auto own = test::from_host(
            b, test::extents<3>{{static_cast<test::index>(s.images.size()), static_cast<test::index>(s.size()), 4}},
            test::flat_of<float>(repeated));
        CHECK(e == assign(b, a, own, s));
        std::size_t truths = 0;
        for (std::size_t k = 0; k < s.images.size(); ++k) {
            const auto one = assign(b, a, test::alone(s, k));
            const auto from = static_cast<std::ptrdiff_t>(k * s.size());
            CHECK(std::equal(one.truth.begin(), one.truth.end(), e.truth.begin() + from));
            CHECK(std::equal(one.overlap.begin(), one.overlap.end(), e.overlap.begin() + from));
            CHECK(one.positives[0] == e.positives[k]);
            CHECK(std::equal(one.truth_positives.begin(), one.truth_positives.end(),
                             e.truth_positives.begin() + static_cast<std::ptrdiff_t>(truths)));
            truths += s.images[k].truths.size();
        }
    }
}

TEST_CASE("max_iou and multi_instance follow permutations", "[assigner][property]") {
    const boxgrad::memory<double> b;
    for (unsigned i = 0; i < 100; ++i) {
        INFO("scene " << i);
        const auto s = test::smooth_place(i, 70, 2);
        auto turned = s;
        std::reverse(turned.priors.begin(), turned.priors.end());
        for (auto& image : turned.images) std::reverse(image.truths.begin(), image.truths.end());
        auto a = max_iou_number(i);
        // A later truth overwrites: reassignment depends on the order of truths.
        if (a.match_low_quality == low_quality::reassign) a.match_low_quality = low_quality::label_only;
        CHECK(test::turned_back(assign(b, a, turned), s) == assign(b, a, s));
        const auto k = several_number(4 * i);  // one instance
        CHECK(test::turned_back(assign_several(b, k, turned), s) == assign_several(b, k, s));
    }
}

TEST_CASE("P17 priors that are far or no numbers change nothing else, and are counted", "[assigner][promise]") {
    const boxgrad::memory<float> b;
    const double inf = std::numeric_limits<double>::infinity();
    for (unsigned i = 0; i < 60; ++i) {
        const auto s = test::many_places(i, 40, 2, 4, i % 2 == 0 ? 8 : 0.25);
        const auto a = max_iou_number(i);
        const auto e = assign(b, a, s);
        const auto g = grid_number(i);
        std::vector<std::uint8_t> flags(80, 1);
        const auto eg = assign_grid(b, g, s, flags);
        const auto several = several_number(4 * i);
        const auto es = assign_several(b, several, s);
        flags.resize(82, 1);
        for (const row4& p : {row4{1e6, 1e6, 1e6 + 9, 1e6 + 9}, row4{std::nan(""), 0, 9, 9},
                              row4{0, 0, 9, std::nan("")}, row4{-inf, -inf, inf, inf}, row4{0, 0, 1e30, 1e30}}) {
            auto more = s;
            more.priors.insert(more.priors.begin() + 7, p);
            const test::index bad = p[0] == 1e6 ? 0 : 2;
            const auto without = [&](place_answer m) {
                CHECK(m.nonfinite == bad);
                for (const std::ptrdiff_t at : {41 + 7, 7}) {
                    CHECK(m.truth[static_cast<std::size_t>(at)] < 0);
                    if (bad > 0) CHECK(m.truth[static_cast<std::size_t>(at)] == assigner::background);
                    CHECK(m.overlap[static_cast<std::size_t>(at)] == 0);
                    m.truth.erase(m.truth.begin() + at);
                    m.overlap.erase(m.overlap.begin() + at);
                }
                m.nonfinite = 0;
                return m;
            };
            CHECK(without(assign(b, a, more)) == e);
            CHECK(without(assign_grid(b, g, more, flags)) == eg);
            CHECK(without(assign_several(b, several, more)) == es);
        }
    }
}

TEST_CASE("inputs stay, and a second call gives the same bits", "[assigner][promise]") {
    const boxgrad::memory<float> b;
    const auto s = test::smooth_place(3, 200, 3);
    const auto priors = s.tensor(b);
    const auto before = test::to_host<2>(b, priors);
    const auto truths = s.truths<float>();
    const auto boxes = truths.boxes;
    const auto a = max_iou_number(0);
    const auto first = test::answer_of(b, a.assign(b, priors, truths));
    CHECK(first == test::answer_of(b, a.assign(b, priors, truths)));
    CHECK(before == test::to_host<2>(b, priors));
    CHECK(boxes == truths.boxes);
}

#if defined(_OPENMP)
TEST_CASE("max_iou: the same bits on any number of threads", "[assigner][promise]") {
    for (unsigned i = 0; i < 8; ++i) {
        const auto s = test::many_places(i, 5000, 3, 9);
        const boxgrad::memory<float> one;
        boxgrad::memory<float> many;
        many.threads = 2 + static_cast<int>(i);
        CHECK(assign(one, max_iou_number(i), s) == assign(many, max_iou_number(i), s));
        CHECK(assign_several(one, several_number(i), s) == assign_several(many, several_number(i), s));
    }
}
#endif

TEST_CASE("P1 P3 no truths, no priors, no images", "[assigner][promise]") {
    const boxgrad::memory<float> b;
    place_scene s = test::many_places(1, 30, 2, 0);
    for (auto& image : s.images) image.regions.clear();
    for (unsigned i = 0; i < 30; ++i) {
        const auto e = assign(b, max_iou_number(i), s);
        CHECK(e.truth == std::vector<std::int32_t>(60, assigner::background));
        CHECK(e.overlap == std::vector<double>(60, 0.0));
        CHECK(e.positives == std::vector<test::index>{0, 0});
    }
    const auto none = test::many_places(2, 0, 3, 4);
    const auto r = max_iou_number(0).assign(b, none.tensor(b), none.truths<float>());
    CHECK(test::to_host<2>(b, r.truth).empty());
    CHECK(r.positives == std::vector<test::index>(3, 0));
    CHECK(r.truth_positives == std::vector<test::index>(12, 0));
    CHECK(r.unmatched_truths() == 12);
    CHECK(r.total_positives() == 0);
    CHECK(assign(b, max_iou_number(0), test::many_places(1, 30, 0, 0)).truth.empty());
    CHECK(assign_several(b, {}, none).truth_positives == std::vector<test::index>(12, 0));
}

TEST_CASE("P19 a truth that nothing overlaps takes nothing", "[assigner][promise]") {
    const boxgrad::memory<double> b;
    boxgrad::truth_list<double> t;
    t.add_image({{1000, 1000, 1010, 1010}, {0, 0, 8, 8}}, {5, 6});
    const auto priors = test::rows(b, 4, {0, 0, 8, 8, 20, 20, 28, 28, 4, 0, 12, 8});
    for (const auto quality : {low_quality::none, low_quality::reassign, low_quality::label_only}) {
        for (const bool all : {true, false}) {
            const assigner::max_iou<> a{.min_pos_iou = 0, .gt_max_assign_all = all, .match_low_quality = quality};
            const auto r = a.assign(b, priors, t);
            CHECK(test::to_host(b, r.truth) == std::vector<std::int32_t>{1, -1, -1});
            CHECK(r.truth_positives == std::vector<test::index>{0, 1});
            CHECK(r.unmatched_truths() == 1);
            CHECK(test::to_host(b, assigner::labels(b, r, t)) == std::vector<std::int32_t>{6, -1, -1});
        }
    }
}

TEST_CASE("low quality: a later truth takes over, or only the label changes", "[assigner]") {
    const boxgrad::memory<double> b;
    boxgrad::truth_list<double> t;
    // The first prior overlaps the first truth by more, and is the second's best.
    t.add_image({{0, 0, 8, 8}, {4, 0, 24, 8}}, {0, 1});
    const auto priors = test::rows(b, 4, {0, 0, 8, 8, 60, 0, 68, 8, 0, 0, 8, 8});
    const assigner::max_iou<> reassign{};
    CHECK(test::to_host(b, reassign.assign(b, priors, t).truth) == std::vector<std::int32_t>{1, -1, 1});
    const assigner::max_iou<> lowest{.gt_max_assign_all = false};
    CHECK(test::to_host(b, lowest.assign(b, priors, t).truth) == std::vector<std::int32_t>{1, -1, 0});
    const assigner::max_iou<> label{.match_low_quality = low_quality::label_only};
    const auto r = label.assign(b, priors, t);
    CHECK(test::to_host(b, r.truth) == std::vector<std::int32_t>{0, -1, 0});
    CHECK(r.truth_positives == std::vector<test::index>{2, 0});
}

TEST_CASE("ignored regions are honoured where there is no truth, and rows keep their numbers where some are dropped",
          "[assigner][promise]") {
    const boxgrad::memory<float> b;
    boxgrad::truth_list<float> t;
    t.add_image({}, {}, {{0, 0, 16, 16}});
    t.add_image({{5, 5, 5, 9}, {0, 0, 8, 8}, {0, 0, std::numeric_limits<float>::infinity(), 8}, {40, 40, 48, 48}},
                {0, 1, 2, 3}, {{30, 30, 20, 40}, {40, 40, 48, 48}});
    const auto priors = test::rows(b, 4, {0, 0, 8, 8, 40, 40, 48, 48, 12, 12, 20, 20});
    const auto flags = test::from_host(b, test::extents<2>{{2, 3}}, std::vector<std::uint8_t>(6, 1));
    const std::vector<std::int32_t> expected{-2, -1, -1, 1, -2, -1};
    const auto is_expected = [&](const auto& r) {
        CHECK(test::to_host(b, r.truth) == expected);
        CHECK(r.positives == std::vector<test::index>{0, 1});
        CHECK(r.truth_positives == std::vector<test::index>{0, 1, 0, 0});
        CHECK(r.dropped_truths == 3);
    };
    is_expected(assigner::max_iou<>{.ignore_iof_thr = 0.5}.assign(b, priors, t, drop));
    is_expected(assigner::matcher<>{}.assign(b, priors, t, drop));
    is_expected(assigner::grid<>{}.assign(b, priors, flags, t, drop));
    const auto labels = assigner::labels(b, assigner::matcher<>{}.assign(b, priors, t, drop), t);
    CHECK(test::to_host(b, labels) == std::vector<std::int32_t>{-2, -1, -1, 1, -2, -1});
    // A truth stays a truth for several instances: there a region counts only for what is not positive.
    const auto r = assigner::multi_instance<>{.num_instance = 1}.assign(b, priors, t, drop);
    CHECK(test::to_host<3>(b, r.truth) == std::vector<std::int32_t>{-2, -1, -1, 1, 3, -1});
    CHECK(r.dropped_truths == 3);
    CHECK_THROWS_AS(assigner::max_iou<>{}.assign(b, priors, t), boxgrad::gt_error);
}

TEST_CASE("multi_instance: overlaps of GIoU keep their sign", "[assigner]") {
    const boxgrad::memory<double> b;
    for (unsigned i = 0; i < 60; ++i) {
        const auto s = test::overlap_number(i);
        const assigner::multi_instance<boxgrad::overlap::giou> a{
            .num_instance = 3, .pos_iou_thr = 0.25, .neg_iou_thr = -0.25};
        const auto r = a.assign(b, s.tensor(b), s.truths<double>(), drop);
        const auto e = test::naive::several<double>(s, 3, 0.25, -0.25, test::naive::giou<double>);
        CHECK(test::to_host<3>(b, r.truth) == e.truth);
        CHECK(test::to_host<3>(b, r.overlap) == e.overlap);
    }
}

TEST_CASE("assigners by overlap refuse what they cannot mean", "[assigner][errors]") {
    const boxgrad::memory<float> b;
    boxgrad::truth_list<float> t;
    t.add_image({{0, 0, 8, 8}}, {0});
    const auto priors = test::rows(b, 4, {0, 0, 8, 8, 1, 1, 9, 9});
    const auto triples = test::rows(b, 3, {0, 0, 8, 8, 1, 1});
    const double nan = std::nan("");
    const auto refuses = [&](const auto& a, const char* text) {
        using boxgrad::config_error;
        INFO(text);
        try {
            a.assign(b, priors, t);
            FAIL_CHECK("no error");
        } catch (const config_error& e) {
            CHECK_THAT(e.what(), Catch::Matchers::StartsWith(text));
        }
    };
    refuses(assigner::max_iou<>{.pos_iou_thr = nan}, "max_iou::assign: pos_iou_thr must be finite, got nan");
    refuses(assigner::max_iou<>{.neg_iou_thr = {0.5, 0.25}}, "max_iou::assign: neg_iou_thr must be ascending, got 0.5");
    refuses(assigner::max_iou<>{.min_pos_iou = nan}, "max_iou::assign: min_pos_iou must be finite");
    refuses(assigner::max_iou<>{.ignore_iof_thr = nan}, "max_iou::assign: ignore_iof_thr must be finite");
    refuses(assigner::matcher<>{.thresholds = {0.5}}, "matcher::assign: labels must be 2 for 1 thresholds, got 3");
    refuses(assigner::matcher<>{.thresholds = {0.7, 0.3}}, "matcher::assign: thresholds must be ascending");
    refuses(assigner::matcher<>{.thresholds = {0.3, nan}}, "matcher::assign: thresholds must be finite");
    refuses(assigner::matcher<>{.ignore_iof_thr = nan}, "matcher::assign: ignore_iof_thr must be finite");
    refuses(assigner::multi_instance<>{.num_instance = 0},
            "multi_instance::assign: num_instance must be from 1 to 4, got 0");
    refuses(assigner::multi_instance<>{.num_instance = 5},
            "multi_instance::assign: num_instance must be from 1 to 4, got 5");
    refuses(assigner::multi_instance<>{.pos_iou_thr = nan}, "multi_instance::assign: pos_iou_thr must be finite");
    refuses(assigner::multi_instance<>{.pos_iou_thr = 0.5, .neg_iou_thr = 0.6},
            "multi_instance::assign: neg_iou_thr must be");
    CHECK_THROWS_AS((assigner::matcher<>{.thresholds = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}),
                    boxgrad::config_error);

    CHECK_THROWS_WITH(assigner::max_iou<>{}.assign(b, triples, t),
                      Catch::Matchers::StartsWith("max_iou::assign: priors"));
    CHECK_THROWS_AS(assigner::max_iou<>{}.assign(b, triples, t), boxgrad::shape_error);
    const auto two_images = test::from_host(b, test::extents<3>{{2, 1, 4}}, std::vector<float>(8));
    CHECK_THROWS_AS(assigner::max_iou<>{}.assign(b, two_images, t), boxgrad::shape_error);
    const auto flags = test::from_host(b, test::extents<2>{{1, 3}}, std::vector<std::uint8_t>(3));
    CHECK_THROWS_WITH(assigner::grid<>{}.assign(b, priors, flags, t),
                      Catch::Matchers::StartsWith("grid::assign: responsible_flags"));
    const auto fit = test::from_host(b, test::extents<2>{{1, 2}}, std::vector<std::uint8_t>(2));
    CHECK_THROWS_AS((assigner::grid<>{.pos_iou_thr = nan}.assign(b, priors, fit, t)), boxgrad::config_error);
    CHECK_THROWS_AS((assigner::grid<>{.neg_iou_thr = nan}.assign(b, priors, fit, t)), boxgrad::config_error);
    const auto approxs = [&](test::index n, test::index each, test::index columns) {
        return test::from_host(b, test::extents<3>{{n, each, columns}},
                               std::vector<float>(static_cast<std::size_t>(n * each * columns)));
    };
    for (const auto& x : {approxs(2, 0, 4), approxs(2, 17, 4), approxs(3, 2, 4), approxs(2, 2, 5)}) {
        CHECK_THROWS_AS(assigner::approx_max_iou<>{}.assign(b, x, priors, t), boxgrad::shape_error);
    }
    CHECK_NOTHROW(assigner::approx_max_iou<>{}.assign(b, approxs(2, 16, 4), priors, t));
    CHECK_THROWS_AS(
        (assigner::approx_max_iou<>{.matching = {.pos_iou_thr = nan}}.assign(b, approxs(2, 1, 4), priors, t)),
        boxgrad::config_error);
    const auto r = assigner::max_iou<>{}.assign(b, priors, t);
    auto other = t;
    other.add_image({}, {});
    CHECK_THROWS_WITH(assigner::labels(b, r, other), Catch::Matchers::StartsWith("assigner::labels: truths"));
    t.boxes[0][2] = 0;
    CHECK_THROWS_WITH(assigner::max_iou<>{}.assign(b, priors, t),
                      Catch::Matchers::StartsWith("max_iou::assign: ground truth of image 0, row 0"));
}
