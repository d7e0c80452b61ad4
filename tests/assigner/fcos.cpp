// SPDX-License-Identifier: Apache-2.0
//
// FCOS's rule against every pair of point and truth.
#include "catch.hpp"
#include "place_scene.hpp"

#include <boxgrad/assigner/fcos.hpp>

namespace {

using test::place_answer;
using test::place_scene;
using test::row4;
namespace assigner = boxgrad::assigner;

/// Two levels, the first with two thirds of the points.
boxgrad::per_level<test::index> level_sizes(std::size_t n) {
    const auto all = static_cast<test::index>(n);
    return {2 * all / 3, all - 2 * all / 3};
}
assigner::fcos assigner_number(unsigned i) {
    assigner::fcos a{.regress_ranges = {{-1, 20}, {12, 40}}};
    a.center_sampling = i % 2 == 0;
    a.center_sample_radius = i % 4 == 0 ? 0.25 : 0.5;
    return a;
}

place_answer naive(const assigner::fcos& a, const place_scene& s) {
    place_answer e;
    const auto first_level = static_cast<std::size_t>(level_sizes(s.size())[0]);
    for (const auto& image : s.images) {
        for (std::size_t k = 0; k < s.size(); ++k) {
            const row4& p = s.priors[k];
            const auto range = a.regress_ranges[k < first_level ? 0 : 1];
            std::int32_t t = assigner::background;
            double least = std::numeric_limits<double>::infinity();
            for (std::size_t g = 0; g < image.truths.size(); ++g) {
                const row4& x = image.truths[g];
                if (!test::is_box(x)) continue;
                row4 part = x;
                if (a.center_sampling) {
                    const double cx = (x[0] + x[2]) / 2, cy = (x[1] + x[3]) / 2;
                    const double rx = a.center_sample_radius * p[2], ry = a.center_sample_radius * p[3];
                    part = {std::max(x[0], cx - rx), std::max(x[1], cy - ry), std::min(x[2], cx + rx),
                            std::min(x[3], cy + ry)};
                }
                const double far = std::max({p[0] - x[0], p[1] - x[1], x[2] - p[0], x[3] - p[1]});
                if (!test::holds(part, p[0], p[1]) || far < range.lower || far > range.upper) continue;
                if (test::area_of(x) < least) {
                    least = test::area_of(x);
                    t = static_cast<std::int32_t>(g);
                }
            }
            for (const row4& r : image.regions) t = test::holds(r, p[0], p[1]) ? assigner::ignored : t;
            if (!test::is_number(p)) {
                t = assigner::background;
                ++e.nonfinite;
            }
            e.truth.push_back(t);
            e.overlap.push_back(0);
        }
    }
    e.count(s);
    return e;
}

template <class B>
place_answer assign(const B& b, const assigner::fcos& a, const place_scene& s) {
    using T = typename B::scalar;
    return test::answer_of(b, a.assign(b, s.tensor(b), level_sizes(s.size()), s.truths<T>(), boxgrad::bad_truth::drop));
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("fcos is what every pair says, on every backend", "[assigner]", test::backends) {
    for (unsigned i = 0; i < 60; ++i) {
        INFO("scene " << i);
        const auto s = test::place_number(i);
        const auto a = assigner_number(i);
        CHECK(test::agree<double>(assign(TestType{}, a, s), naive(a, s)));
    }
}

TEST_CASE("fcos is what every pair says: many scenes", "[assigner]") {
    test::index positives = 0;
    test::index ignored = 0;
    for (unsigned i = 100; i < 800; ++i) {
        INFO("scene " << i);
        const auto s = test::place_number(i);
        const auto a = assigner_number(i);
        const auto e = naive(a, s);
        CHECK(test::agree<double>(assign(boxgrad::memory<double>{}, a, s), e));
        CHECK(test::agree<double>(assign(boxgrad::memory<float>{}, a, s), e));
        positives += std::accumulate(e.positives.begin(), e.positives.end(), test::index{0});
        ignored += std::count(e.truth.begin(), e.truth.end(), assigner::ignored);
    }
    CHECK(positives > 2000);
    CHECK(ignored > 1000);
}

TEST_CASE("fcos: an image alone as in a batch, points of their own and shared alike", "[assigner][property]") {
    const boxgrad::memory<double> b;
    for (unsigned i = 0; i < 100; ++i) {
        const auto s = test::place_number(3 * i + 2);
        const auto a = assigner_number(i);
        CHECK(test::same_alone(s, [&](const place_scene& x) { return assign(b, a, x); }));
        std::vector<row4> repeated;
        for (std::size_t k = 0; k < s.images.size(); ++k) {
            repeated.insert(repeated.end(), s.priors.begin(), s.priors.end());
        }
        const auto flat = place_scene::rows_tensor(b, repeated);
        const auto n = static_cast<test::index>(s.size());
        const boxgrad::view<const double, 3> own(flat.data.data(), {{static_cast<test::index>(s.images.size()), n, 4}});
        const auto r = a.assign(b, own, level_sizes(s.size()), s.truths<double>(), boxgrad::bad_truth::drop);
        CHECK(test::answer_of(b, r) == assign(b, a, s));
    }
}

TEST_CASE("fcos follows permutations; points far away or broken change nothing else", "[assigner][property]") {
    const boxgrad::memory<double> b;
    for (unsigned i = 0; i < 100; ++i) {
        const auto s = test::smooth_place(i, 40, 2);
        const assigner::fcos a{.regress_ranges = {{-1, 30}}, .center_sampling = i % 2 == 0};
        const auto run = [&](const place_scene& x) {
            return test::answer_of(b,
                                   a.assign(b, x.tensor(b), {static_cast<test::index>(x.size())}, x.truths<double>()));
        };
        CHECK(test::same_reversed(s, run));
        for (const row4& x : test::strangers()) CHECK(test::same_beside(s, x, run));
    }
}

TEST_CASE("fcos: bounds of levels are included, bounds of boxes are not, and equal areas go to the first",
          "[assigner]") {
    const boxgrad::memory<double> b;
    boxgrad::truth_list<double> t;
    t.add_image({{0, 0, 16, 16}, {0, 0, 16, 16}, {100, 0, 140, 40}}, {0, 1, 2});
    const auto points = test::rows(b, 2, {8, 8, 0, 8, 4, 4, 110, 10, 110, 10, 8, 8});
    const assigner::fcos a{.regress_ranges = {{8, 8}, {8, 12}, {30, 30}, {0, 29}, {8, 8.5}}};
    const auto r = a.assign(b, points, {1, 2, 1, 1, 1}, t);
    CHECK(test::to_host(b, r.truth) == std::vector<std::int32_t>{0, -1, 0, 2, -1, 0});
    CHECK(r.truth_positives == std::vector<test::index>{3, 0, 1});
    CHECK(r.unmatched_truths() == 1);
    // The published ranges.
    const assigner::fcos published;
    CHECK(published.regress_ranges.size() == 5);
    CHECK(published.regress_ranges[4].upper == boxgrad::infinity<double>);
}

TEMPLATE_TEST_CASE("P22 fcos's scratch is the documented formula", "[assigner][promise]", boxgrad::memory<float>,
                   boxgrad::reference<double>) {
    using T = typename TestType::scalar;
    for (unsigned i = 0; i < 20; ++i) {
        counted::byte_counter<TestType> b;
        test::index bytes = 0;
        b.bytes = &bytes;
        const auto s = test::smooth_place(i, i * 9, 1 + i % 3);
        const auto points = s.tensor(b);
        const auto t = s.truths<T>();
        bytes = 0;
        assigner::fcos{.regress_ranges = {{}}}.assign(b, points, {static_cast<test::index>(s.size())}, t);
        const auto n = static_cast<test::index>(s.size());
        CHECK(bytes == t.images() * n * static_cast<test::index>(sizeof(T) + 4) + 8 * t.images() + 4 * t.size() +
                           test::truth_bytes(t));
    }
}

TEST_CASE("fcos refuses what it cannot mean, before it writes", "[assigner][errors]") {
    const boxgrad::memory<float> b;
    boxgrad::truth_list<float> t;
    t.add_image({{0, 0, 1, 1}}, {0});
    const auto points = test::rows(b, 4, {0, 0, 1, 1, 1, 1, 1, 1});
    const assigner::fcos one{.regress_ranges = {{}}};
    CHECK_THROWS_WITH(one.assign(b, points, {1, 1}, t), "fcos::assign: level_sizes must be 1 levels, got 2");
    CHECK_THROWS_WITH(one.assign(b, points, {3}, t), "fcos::assign: level_sizes must be 2 points in all, got 3");
    CHECK_THROWS_AS((assigner::fcos{.regress_ranges = {{}, {}}}.assign(b, points, {3, -1}, t)), boxgrad::shape_error);
    CHECK_THROWS_AS(one.assign(b, test::rows(b, 3, {0, 0, 1, 1, 1, 1}), {2}, t), boxgrad::shape_error);
    CHECK_THROWS_AS((assigner::fcos{.regress_ranges = {{4, 2}}}.assign(b, points, {2}, t)), boxgrad::config_error);
    CHECK_THROWS_AS((assigner::fcos{.regress_ranges = {{}}, .center_sample_radius = 0}.assign(b, points, {2}, t)),
                    boxgrad::config_error);
    t.boxes[0] = {1, 0, 1, 1};
    CHECK_THROWS_AS(one.assign(b, points, {2}, t), boxgrad::gt_error);
    CHECK(one.assign(b, points, {2}, t, boxgrad::bad_truth::drop).dropped_truths == 1);
}
