// SPDX-License-Identifier: Apache-2.0
//
// Assigners by picks: what holds whatever the numbers, and edges.
#include "pick_assigners.hpp"

#include <boxgrad/prior/anchor_grid.hpp>

namespace {

using namespace test;
namespace assigner = boxgrad::assigner;

}  // namespace

TEST_CASE("task_aligned with the overlap of YOLOv8", "[assigner]") {
    using rules = assigner::yolov8_rules;
    const boxgrad::memory<double> b;
    int told = 0;
    for (unsigned i = 0; i < 200; ++i) {
        INFO("scene " << i);
        const auto s = points_number(i);
        const auto q = predictions_number(i, s);
        const assigner::task_aligned<rules> a{.topk = 1 + static_cast<int>(i % 12)};
        const auto ciou = [&](const row4& p, const row4& t) {
            const auto as_box = [](const row4& r) { return boxgrad::box<double>{r[0], r[1], r[2], r[3]}; };
            return a.overlap(as_box(t), as_box(p));
        };
        const auto e = test::naive::task_aligned<double>(s, q, rules_of(a), ciou, 1e-9);
        if (!e.clear) continue;
        ++told;
        const auto r = assign_task(b, a, s, q);
        CHECK(test::agree<double>(r.assigned, e.assigned));
        CHECK(test::near(r.score, e.score, 1e4));
    }
    CHECK(told > 100);
}

TEST_CASE("assigners by picks: the same bits on every backend, whatever the digits", "[assigner][promise]") {
    for (unsigned i = 0; i < 40; ++i) {
        INFO("scene " << i);
        const auto s = test::smooth_place(i, 5 * i, 1 + i % 3);
        auto points = s;
        for (auto& p : points.priors) p[2] = p[3] = 8;
        const auto q = predictions_number(i, s);
        const auto a = atss_number(i);
        auto t = task_number<assigner::tood_rules>(i);
        auto y = task_number<assigner::yolov8_rules>(i);
        if (i % 4 == 0) t.alpha = y.alpha = 0.7;
        const auto same = [&](const auto& b, const auto& other) {
            CHECK(assign_atss(b, a, i, s) == assign_atss(other, a, i, s));
            CHECK(assign_atss(b, a, i, s, q) == assign_atss(other, a, i, s, q));
            const auto equal = [](const test::naive::task_answer& x, const test::naive::task_answer& z) {
                return x.assigned == z.assigned && x.metric == z.metric && x.score == z.score;
            };
            CHECK(equal(assign_task(b, t, points, q), assign_task(other, t, points, q)));
            CHECK(equal(assign_task(b, y, points, q), assign_task(other, y, points, q)));
        };
        same(boxgrad::memory<float>{}, boxgrad::reference<float>{});
        same(boxgrad::memory<double>{}, boxgrad::reference<double>{});
    }
}

TEST_CASE("assigners by picks: an image alone as in a batch; priors of their own, shared and computed alike",
          "[assigner][property]") {
    const boxgrad::memory<float> b;
    const boxgrad::prior::anchor_grid<float> anchors({{-8, -8, 8, 8}, {-4, -12, 4, 12}}, 8, {9, 7});
    const boxgrad::prior::point_grid<float> cells{{9, 7}, 8, 0.5};
    for (unsigned i = 0; i < 40; ++i) {
        INFO("scene " << i);
        auto s = test::many_places(i, 0, 1 + i % 4, 5);
        if (s.images.size() > 2) s.images[1].truths.clear(), s.images[1].labels.clear();
        auto points = s;
        for (test::index k = 0; k < anchors.size(); ++k) {
            const auto p = anchors[k];
            s.priors.push_back({static_cast<double>(p.x1), static_cast<double>(p.y1), static_cast<double>(p.x2),
                                static_cast<double>(p.y2)});
        }
        for (test::index k = 0; k < cells.size(); ++k) {
            const auto p = cells.at<float>(k, 1);
            points.priors.push_back({static_cast<double>(p.x), static_cast<double>(p.y), static_cast<double>(p.sx),
                                     static_cast<double>(p.sy)});
        }
        const auto truths = s.truths<float>();
        const auto levels = list_of(levels_number(i, s.size()));
        const auto a = atss_number(i);
        const auto e = assign_atss(b, a, i, s);
        CHECK(e == test::answer_of(b, a.assign(b, anchors, levels, truths)));
        const auto own = [&](const place_scene& x) {
            std::vector<row4> repeated;
            for (std::size_t k = 0; k < x.images.size(); ++k)
                repeated.insert(repeated.end(), x.priors.begin(), x.priors.end());
            return test::from_host(
                b, test::extents<3>{{static_cast<test::index>(x.images.size()), static_cast<test::index>(x.size()), 4}},
                test::flat_of<float>(repeated));
        };
        CHECK(e == test::answer_of(b, a.assign(b, own(s), levels, truths)));
        const auto q = predictions_number(3 * i, points);
        const auto t = task_number<assigner::yolov8_rules>(i);
        const auto et = assign_task(b, t, points, q);
        const auto boxes = boxes_tensor(b, q);
        const auto scores = scores_tensor(b, q);
        CHECK(et.assigned == test::answer_of(b, t.assign(b, cells, boxes, scores, truths)));
        CHECK(et.assigned == test::answer_of(b, t.assign(b, own(points), boxes, scores, truths)));
        for (std::size_t k = 0; k < s.images.size(); ++k) {
            const auto from = [&](const auto& v, const place_scene& x) {
                return v.begin() + static_cast<std::ptrdiff_t>(k * x.size());
            };
            const auto one = assign_atss(b, a, i, test::alone(s, k));
            CHECK(std::equal(one.truth.begin(), one.truth.end(), from(e.truth, s)));
            CHECK(std::equal(one.overlap.begin(), one.overlap.end(), from(e.overlap, s)));
            const test::naive::predictions part{{q.boxes[k]}, {q.scores[k]}, q.classes};
            const auto single = assign_task(b, t, test::alone(points, k), part);
            CHECK(std::equal(single.assigned.truth.begin(), single.assigned.truth.end(),
                             from(et.assigned.truth, points)));
            CHECK(std::equal(single.score.begin(), single.score.end(), from(et.score, points)));
            // A matrix is the one image's.
            const auto matrix = [&](const auto& x, test::index columns) {
                return boxgrad::view<const float, 2>(x.data.data(),
                                                     {{static_cast<test::index>(points.size()), columns}});
            };
            const auto box = boxes_tensor(b, part);
            const auto score = scores_tensor(b, part);
            const auto alone = test::alone(points, k);
            CHECK(single.assigned == test::answer_of(b, t.assign(b, cells, matrix(box, 4), matrix(score, classes),
                                                                 alone.truths<float>())));
        }
    }
}

TEST_CASE("assigners by picks follow permutations", "[assigner][property]") {
    const boxgrad::memory<double> b;
    for (unsigned i = 0; i < 100; ++i) {
        INFO("scene " << i);
        const auto s = test::smooth_place(i, 60, 2);
        auto points = s;
        for (auto& p : points.priors) p[2] = p[3] = 8;
        auto q = predictions_number(3 * i + 1, s);
        std::mt19937_64 random(i);
        for (auto& image : q.boxes) {
            for (auto& r : image) {  // all overlap all truths: no ties
                r = test::smooth_place(static_cast<unsigned>(random()), 1, 0).priors[0];
                for (std::size_t c = 0; c < 4; ++c) r[c] += c < 2 ? -100 : 100;
            }
        }
        for (auto& image : q.scores) {
            for (auto& x : image) x = std::uniform_real_distribution<double>(0.1, 1)(random);
        }
        const auto turn = [](place_scene x) {
            std::reverse(x.priors.begin(), x.priors.end());
            for (auto& image : x.images) {
                std::reverse(image.truths.begin(), image.truths.end());
                std::reverse(image.labels.begin(), image.labels.end());
            }
            return x;
        };
        auto turned = q;
        for (auto& image : turned.boxes) std::reverse(image.begin(), image.end());
        for (auto& image : turned.scores) {
            std::reverse(image.begin(), image.end());
            for (std::size_t k = 0; k < s.size(); ++k)
                std::reverse(image.begin() + static_cast<std::ptrdiff_t>(k * classes),
                             image.begin() + static_cast<std::ptrdiff_t>((k + 1) * classes));
        }
        auto a = atss_number(i);
        a.alpha = 0.25 + 0.25 * (i % 4);
        const auto level = 0u;
        CHECK(test::turned_back(assign_atss(b, a, level, turn(s)), s) == assign_atss(b, a, level, s));
        // Sums of candidates may be in another order: overlaps and scores are compared to rounding.
        CHECK(test::agree<double>(test::turned_back(assign_atss(b, a, level, turn(s), turned), s),
                                  assign_atss(b, a, level, s, q)));
        const task<assigner::tood_rules> t{.topk = 1 + static_cast<int>(i % 15), .topk2 = static_cast<int>(i % 4)};
        const task<assigner::yolov8_rules> y{.topk = 1 + static_cast<int>(i % 15), .topk2 = static_cast<int>(i % 4)};
        CHECK(test::turned_back(assign_task(b, t, turn(points), turned).assigned, s) ==
              assign_task(b, t, points, q).assigned);
        CHECK(test::turned_back(assign_task(b, y, turn(points), turned).assigned, s) ==
              assign_task(b, y, points, q).assigned);
    }
}

TEST_CASE("P17 priors, boxes and scores that are no numbers change nothing else, and are counted",
          "[assigner][promise]") {
    const boxgrad::memory<float> b;
    const double inf = std::numeric_limits<double>::infinity();
    const double nan = std::nan("");
    for (unsigned i = 0; i < 60; ++i) {
        INFO("scene " << i);
        const auto s = test::many_places(i, 40, 2, 4, i % 2 == 0 ? 8 : 0.25);
        auto points = s;
        for (auto& p : points.priors) p[2] = p[3] = 8;
        const auto q = predictions_number(15 * i, s);
        const auto a = atss_number(i);
        const auto t = task_number<assigner::tood_rules>(i);
        const auto y = task_number<assigner::yolov8_rules>(i);
        struct dead {
            row4 prior, box;
            std::array<double, classes> score;
        };
        const row4 at = s.images[0].truths[0];
        const row4 point{(at[0] + at[2]) / 2, (at[1] + at[3]) / 2, 8, 8};
        const dead kinds[] = {{at, {0, 0, nan, 9}, {1, 1, 1}},
                              {at, {-inf, 0, inf, 9}, {1, 1, 1}},
                              {at, {0, 0, 1e30, 1e30}, {1, 1, 1}},
                              {at, at, {nan, 1, 1}},
                              {at, at, {1, 1, inf}},
                              {at, at, {1, -inf, 1}},
                              {{nan, at[1], 8, 8}, at, {1, 1, 1}},
                              {{at[0], inf, 8, 8}, at, {1, 1, 1}},
                              {{at[0], at[1], 8, nan}, at, {1, 1, 1}},
                              {{1e30, 1e30, 8, 8}, at, {1, 1, 1}}};
        for (const dead& d : kinds) {
            auto more = s;
            auto more_points = points;
            auto more_q = q;
            constexpr std::ptrdiff_t where = 7;
            more.priors.insert(more.priors.begin() + where, d.prior);
            const bool sound_prior = test::is_number(d.prior);
            more_points.priors.insert(more_points.priors.begin() + where, sound_prior ? point : d.prior);
            for (auto& image : more_q.boxes) image.insert(image.begin() + where, d.box);
            for (auto& image : more_q.scores)
                image.insert(image.begin() + where * classes, d.score.begin(), d.score.end());
            const auto without = [&](place_answer m) {
                for (const std::ptrdiff_t k : {41 + where, where}) {
                    CHECK(m.truth[static_cast<std::size_t>(k)] == assigner::background);
                    CHECK(m.overlap[static_cast<std::size_t>(k)] == 0);
                    m.truth.erase(m.truth.begin() + k);
                    m.overlap.erase(m.overlap.begin() + k);
                }
                m.nonfinite -= 2;
                return m;
            };
            const auto rest = [](std::vector<double> v) {
                for (const std::ptrdiff_t k : {41 + where, where}) {
                    CHECK(v[static_cast<std::size_t>(k)] == 0);
                    v.erase(v.begin() + k);
                }
                return v;
            };
            if (!sound_prior) CHECK(without(assign_atss(b, a, 0, more)) == assign_atss(b, a, 0, s));
            CHECK(without(assign_atss(b, a, 0, more, more_q)) == assign_atss(b, a, 0, s, q));
            const auto et = assign_task(b, t, points, q);
            const auto rt = assign_task(b, t, more_points, more_q);
            CHECK(without(rt.assigned) == et.assigned);
            CHECK(rest(rt.score) == et.score);
            const auto ey = assign_task(b, y, points, q);
            const auto ry = assign_task(b, y, more_points, more_q);
            CHECK(without(ry.assigned) == ey.assigned);
            CHECK(rest(ry.metric) == ey.metric);
        }
    }
}

TEST_CASE("P20 one candidate, equal candidates, more asked for than there are", "[assigner][promise]") {
    const boxgrad::memory<double> b;
    boxgrad::truth_list<double> t;
    t.add_image({{0, 0, 10, 10}}, {0});
    const auto at = [&](int topk, std::initializer_list<double> priors) {
        const auto x = test::rows(b, 4, priors);
        const assigner::atss<> a{.topk = topk};
        return test::to_host(b, a.assign(b, x, {static_cast<test::index>(priors.size() / 4)}, t).truth);
    };
    using rows = std::vector<std::int32_t>;
    CHECK(at(1, {4, 4, 9, 9, 3, 3, 9, 9, 20, 20, 30, 30}) == rows{-1, 0, -1});
    CHECK(at(100, {2, 2, 9, 9}) == rows{0});
    CHECK(at(std::numeric_limits<int>::max(), {2, 2, 9, 9}) == rows{0});
    // Three equal overlaps, whose mean in double is above each of them: 0.1.
    CHECK(at(9, {2, 2, 7, 4, 2, 4, 7, 6, 2, 6, 7, 8}) == rows{0, 0, 0});
    // The mean and deviation of two different ones are above both.
    CHECK(at(9, {2, 2, 9, 9, 2, 2, 8, 8}) == rows{-1, -1});
    // Ties of distance go to the lower prior.
    CHECK(at(1, {1, 1, 5, 5, 5, 1, 9, 5, 1, 5, 5, 9}) == rows{0, -1, -1});
    const auto pair = test::rows(b, 2, {5, 5, 6, 6});
    const auto boxes = test::rows(b, 4, {0, 0, 10, 10, 0, 0, 10, 10});
    const auto scores = test::rows(b, 1, {0.5, 0.5});
    CHECK(test::to_host(b, assigner::task_aligned<>{.topk = 100}.assign(b, pair, boxes, scores, t).truth) ==
          rows{0, 0});
    CHECK(test::to_host(b, assigner::task_aligned<>{.topk = 1}.assign(b, pair, boxes, scores, t).truth) == rows{0, -1});
    CHECK(test::to_host(b, assigner::task_aligned<>{.topk2 = 1}.assign(b, pair, boxes, scores, t).truth) ==
          rows{0, -1});
}

TEST_CASE("task_aligned: powers of 0, and conflicts with truths that do not hold the prior", "[assigner]") {
    const boxgrad::memory<float> b;
    boxgrad::truth_list<float> t;
    t.add_image({{40, 40, 50, 50}, {0, 0, 10, 10}, {0, 0, 12, 12}}, {0, 1, 1}, {{7, 7, 9, 9}});
    std::vector<float> points, boxes, scores;
    for (int k = 0; k < 20; ++k) {
        const float x = k == 19 ? 8.F : 3.F;  // the last lies in the region
        points.insert(points.end(), {x, x});
        boxes.insert(boxes.end(), {20, 20, 30, 30});
        scores.insert(scores.end(), {0.F, 0.5F});
    }
    const auto run = [&](const auto& a) {
        return test::to_host(b, a.assign(b, test::from_host(b, test::extents<2>{{20, 2}}, points),
                                         test::from_host(b, test::extents<2>{{20, 4}}, boxes),
                                         test::from_host(b, test::extents<2>{{20, 2}}, scores), t)
                                    .truth);
    };
    std::vector<std::int32_t> all(20, 1);
    all[19] = assigner::ignored;
    CHECK(run(assigner::task_aligned<assigner::yolov8_rules>{.topk = 40, .beta = 0}) == all);
    CHECK(run(assigner::task_aligned<>{.topk = 40, .beta = 0}) == all);
    for (float& x : scores) x = 0;
    CHECK(run(assigner::task_aligned<>{.topk = 40, .alpha = 0, .beta = 0}) == all);
    CHECK(run(assigner::task_aligned<>{.topk = 40, .beta = 0})[0] == assigner::background);
}

TEST_CASE("P1 P3 picks without truths, priors, images; regions are honoured all the same", "[assigner][promise]") {
    const boxgrad::memory<float> b;
    auto s = test::many_places(1, 30, 2, 0);
    s.images[0].regions = {{-100, -100, 200, 200}};
    s.images[1].regions.clear();
    auto points = s;
    const auto q = predictions_number(0, s);
    std::vector<std::int32_t> expected(60, assigner::background);
    std::fill_n(expected.begin(), 30, assigner::ignored);
    CHECK(assign_atss(b, {.ignore_iof_thr = 0.5}, 0, s).truth == expected);
    CHECK(assign_atss(b, {.ignore_iof_thr = 0.5}, 0, s, q).truth == expected);
    const auto r = assign_task(b, assigner::task_aligned<>{}, points, q);
    CHECK(r.assigned.truth == expected);
    CHECK(r.metric == std::vector<double>(60, 0.0));
    CHECK(r.score == r.metric);
    const auto none = test::many_places(2, 0, 3, 4);
    CHECK(assign_atss(b, {}, 1, none).truth_positives == std::vector<test::index>(12, 0));
    CHECK(assign_task(b, assigner::task_aligned<>{}, none, predictions_number(1, none)).assigned.truth_positives ==
          std::vector<test::index>(12, 0));
    const auto no_images = test::many_places(2, 5, 0, 4);
    CHECK(assign_atss(b, {}, 1, no_images).truth.empty());
}

TEST_CASE("assigners by picks refuse what they cannot mean", "[assigner][errors]") {
    const boxgrad::memory<float> b;
    boxgrad::truth_list<float> t;
    t.add_image({{0, 0, 8, 8}}, {1});
    const auto priors = test::rows(b, 4, {0, 0, 8, 8, 1, 1, 9, 9});
    const auto scores = test::rows(b, 2, {0, 1, 0, 1});
    using Catch::Matchers::StartsWith;
    const auto picks = [&](const assigner::atss<>& a, const boxgrad::per_level<test::index>& levels) {
        a.assign(b, priors, levels, t);
    };
    CHECK_THROWS_WITH(picks({.topk = 0}, {2}), "atss::assign: topk must be positive, got 0");
    CHECK_THROWS_WITH(picks({.alpha = 1.5}, {2}), StartsWith("atss::assign: alpha must be in [0, 1], got 1.5"));
    CHECK_THROWS_WITH(picks({.alpha = std::nan("")}, {2}), StartsWith("atss::assign: alpha"));
    CHECK_THROWS_WITH(picks({.ignore_iof_thr = std::nan("")}, {2}),
                      StartsWith("atss::assign: ignore_iof_thr must be finite"));
    CHECK_THROWS_WITH(picks({}, {1}), StartsWith("atss::assign: num_level_priors must be in sum 2 priors, got 1"));
    CHECK_THROWS_WITH(picks({}, {3, -1}), StartsWith("atss::assign: num_level_priors"));
    CHECK_THROWS_AS(picks({}, {}), boxgrad::shape_error);
    const assigner::atss<> a;
    const auto one = test::rows(b, 4, {0, 0, 8, 8});
    const auto flat = test::rows(b, 3, {0, 0, 8, 8, 1, 1});
    CHECK_THROWS_WITH(a.assign(b, flat, {2}, t), StartsWith("atss::assign: priors"));
    CHECK_THROWS_WITH(a.assign(b, priors, {2}, one, scores, t), StartsWith("atss::assign: boxes"));
    CHECK_THROWS_WITH(a.assign(b, priors, {2}, priors, test::rows(b, 2, {0, 1}), t),
                      StartsWith("atss::assign: scores"));
    CHECK_THROWS_WITH(a.assign(b, priors, {2}, priors, test::rows(b, 1, {0, 1}), t),
                      StartsWith("atss::assign: label 1 of image 0, row 0"));
    auto two = t;
    two.add_image({}, {});
    CHECK_THROWS_WITH(a.assign(b, priors, {2}, priors, scores, two), StartsWith("atss::assign: boxes"));

    const auto tasks = [&](const assigner::task_aligned<>& x) { x.assign(b, priors, priors, scores, t); };
    CHECK_THROWS_WITH(tasks({.topk = 0}), "task_aligned::assign: topk must be positive, got 0");
    CHECK_THROWS_WITH(tasks({.topk2 = -1}), "task_aligned::assign: topk2 must be not negative, got -1");
    CHECK_THROWS_WITH(tasks({.alpha = -1}),
                      StartsWith("task_aligned::assign: alpha must be finite and not negative, got -1"));
    CHECK_THROWS_WITH(tasks({.beta = std::nan("")}), StartsWith("task_aligned::assign: beta"));
    CHECK_THROWS_WITH(tasks({.reg_max = -1}), StartsWith("task_aligned::assign: reg_max"));
    CHECK_THROWS_WITH(tasks({.small_side = -1}), StartsWith("task_aligned::assign: small_side"));
    CHECK_THROWS_WITH(tasks({.grown_side = -1}), StartsWith("task_aligned::assign: grown_side"));
    const assigner::task_aligned<> x;
    CHECK_THROWS_WITH(x.assign(b, flat, priors, scores, t), StartsWith("task_aligned::assign: priors"));
    CHECK_THROWS_WITH(x.assign(b, priors, one, scores, t), StartsWith("task_aligned::assign: boxes"));
    CHECK_THROWS_WITH(x.assign(b, priors, flat, scores, t), StartsWith("task_aligned::assign: boxes"));
    CHECK_THROWS_WITH(x.assign(b, priors, priors, test::rows(b, 2, {0, 1}), t),
                      StartsWith("task_aligned::assign: scores"));
    CHECK_THROWS_WITH(x.assign(b, priors, priors, scores, two), StartsWith("task_aligned::assign: boxes"));
    CHECK_THROWS_AS(x.assign(b, priors, priors, test::rows(b, 1, {0, 1}), t), boxgrad::gt_error);
}

#if defined(_OPENMP)
TEST_CASE("assigners: the same bits on any number of threads", "[assigner][promise]") {
    for (unsigned i = 0; i < 6; ++i) {
        const auto s = test::many_places(i, 3000, 4, 7);
        auto points = s;
        for (auto& p : points.priors) p[2] = p[3] = 8;
        const auto q = predictions_number(3 * i, s);
        const boxgrad::memory<float> one;
        boxgrad::memory<float> many;
        many.threads = 2 + static_cast<int>(i);
        const auto a = atss_number(i);
        CHECK(assign_atss(one, a, i, s) == assign_atss(many, a, i, s));
        CHECK(assign_atss(one, a, i, s, q) == assign_atss(many, a, i, s, q));
        const auto t = task_number<assigner::yolov8_rules>(i);
        CHECK(assign_task(one, t, points, q).assigned == assign_task(many, t, points, q).assigned);
        CHECK(assign_task(one, t, points, q).score == assign_task(many, t, points, q).score);
    }
}
#endif
