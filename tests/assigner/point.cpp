// SPDX-License-Identifier: Apache-2.0
//
// RepPoints' nearest points against sorted lists of all of them.
#include "catch.hpp"
#include "place_scene.hpp"

#include <boxgrad/assigner/point.hpp>

namespace {

using test::place_answer;
using test::place_scene;
using test::row4;
namespace assigner = boxgrad::assigner;

assigner::point assigner_number(unsigned i) {
    return {.scale = i % 2 == 0 ? 4.0 : 2.0, .pos_num = 1 + static_cast<int>(i % 7)};
}
/// Points at the corners of priors, of strides 1/2 to 32.
place_scene points_number(unsigned i) {
    place_scene s = test::place_number(i);
    for (std::size_t k = 0; k < s.size(); ++k) {
        if (!test::is_number(s.priors[k])) continue;
        s.priors[k][2] = s.priors[k][3] =
            std::ldexp(k % 3 == 0 ? 1.0 : 1.25, static_cast<int>((i + k) % 4) - static_cast<int>(i % 2));
    }
    // Sides that divide without rounding.
    for (auto& image : s.images) {
        for (row4& t : image.truths) {
            if (!test::is_box(t)) continue;
            t[2] = t[0] + std::exp2(std::floor(std::log2(t[2] - t[0])));
            t[3] = t[1] + std::exp2(std::floor(std::log2(t[3] - t[1])));
        }
    }
    return s;
}

place_answer naive(const assigner::point& a, const place_scene& s) {
    place_answer e;
    const double inf = std::numeric_limits<double>::infinity();
    for (const auto& image : s.images) {
        std::vector<std::int32_t> truth(s.size(), assigner::background);
        std::vector<double> nearest(s.size(), inf);
        std::vector<bool> good(s.size());
        double low = inf, high = -inf;
        const auto level = [](double x) { return std::trunc(std::log2(x)); };
        for (std::size_t k = 0; k < s.size(); ++k) {
            good[k] = test::is_number(s.priors[k]);
            if (!good[k]) {
                ++e.nonfinite;
                continue;
            }
            low = std::min(low, level(s.priors[k][2]));
            high = std::max(high, level(s.priors[k][2]));
            for (const row4& r : image.regions) {
                if (test::holds(r, s.priors[k][0], s.priors[k][1])) truth[k] = assigner::ignored;
            }
        }
        for (std::size_t g = 0; g < image.truths.size(); ++g) {
            const row4& t = image.truths[g];
            if (!test::is_box(t)) continue;
            const double w = t[2] - t[0], h = t[3] - t[1];
            const double l = std::trunc((std::log2(w / a.scale) + std::log2(h / a.scale)) / 2);
            const double own = std::min(std::max(l, low), high);
            std::vector<std::pair<double, std::size_t>> list;
            for (std::size_t k = 0; k < s.size(); ++k) {
                if (!good[k] || truth[k] == assigner::ignored || level(s.priors[k][2]) != own) continue;
                const double dx = (s.priors[k][0] - (t[0] + t[2]) / 2) / w,
                             dy = (s.priors[k][1] - (t[1] + t[3]) / 2) / h;
                list.emplace_back(dx * dx + dy * dy, k);
            }
            std::sort(list.begin(), list.end());
            list.resize(std::min(list.size(), static_cast<std::size_t>(a.pos_num)));
            for (const auto& [d, k] : list) {
                if (!(d < nearest[k])) continue;
                nearest[k] = d;
                truth[k] = static_cast<std::int32_t>(g);
            }
        }
        e.truth.insert(e.truth.end(), truth.begin(), truth.end());
    }
    e.overlap.resize(e.truth.size());
    e.count(s);
    return e;
}

template <class B>
place_answer assign(const B& b, const assigner::point& a, const place_scene& s) {
    const auto r = a.assign(b, s.tensor(b), s.truths<typename B::scalar>(), boxgrad::bad_truth::drop);
    return test::answer_of(b, r);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("point is what sorted lists say, on every backend", "[assigner]", test::backends) {
    for (unsigned i = 0; i < 60; ++i) {
        INFO("scene " << i);
        const auto s = points_number(i);
        CHECK(test::agree<double>(assign(TestType{}, assigner_number(i), s), naive(assigner_number(i), s)));
    }
}

TEST_CASE("point is what sorted lists say: many scenes", "[assigner]") {
    test::index positives = 0;
    for (unsigned i = 100; i < 900; ++i) {
        INFO("scene " << i);
        const auto s = points_number(i);
        const auto e = naive(assigner_number(i), s);
        CHECK(test::agree<double>(assign(boxgrad::memory<double>{}, assigner_number(i), s), e));
        CHECK(test::agree<double>(assign(boxgrad::memory<float>{}, assigner_number(i), s), e));
        positives += std::accumulate(e.positives.begin(), e.positives.end(), test::index{0});
    }
    CHECK(positives > 5000);
}

TEST_CASE("point follows permutations; an image alone as in a batch; strangers change nothing",
          "[assigner][property]") {
    const boxgrad::memory<double> b;
    for (unsigned i = 0; i < 100; ++i) {
        const auto run = [&](const place_scene& x) { return assign(b, assigner_number(i), x); };
        CHECK(test::same_alone(points_number(3 * i + 2), run));
        auto s = test::smooth_place(i, 60, 2);
        for (row4& p : s.priors) p[2] = 8;  // enough on the one level
        CHECK(test::same_reversed(s, run));
        for (row4 x : test::strangers()) {
            if (test::is_number(x)) x[2] = 8;
            CHECK(test::same_beside(s, x, run));
        }
    }
}

TEST_CASE("point: rows of three numbers, levels between the lowest and the highest, ties, strides that are none",
          "[assigner]") {
    const boxgrad::memory<double> b;
    boxgrad::truth_list<double> t;
    // Level 5 moves to 3; level 0 moves to 2; and again, so that the first keeps the points.
    t.add_image({{0, 0, 128, 128}, {0, 0, 4, 4}, {0, 0, 4, 4}}, {0, 1, 2});
    const auto points = test::rows(b, 3, {60, 64, 8, 68, 64, 8, 0, 2, 4, 4, 2, 4, 2, 2, 0, 2, 2, -4});
    const auto r = assigner::point{.pos_num = 1}.assign(b, points, t);
    CHECK(test::to_host(b, r.truth) == std::vector<std::int32_t>{0, -1, 1, -1, -1, -1});
    CHECK(r.nonfinite_priors == 2);
    CHECK(r.truth_positives == std::vector<test::index>{1, 1, 0});
    // A level without points: nobody.
    const auto gap = test::rows(b, 3, {8, 8, 2, 8, 8, 32});
    t = {};
    t.add_image({{0, 0, 32, 32}}, {0});
    CHECK(assigner::point{}.assign(b, gap, t).unmatched_truths() == 1);
}

TEMPLATE_TEST_CASE("P22 point's scratch is the documented formula", "[assigner][promise]", boxgrad::memory<float>,
                   boxgrad::reference<double>) {
    using T = typename TestType::scalar;
    for (unsigned i = 0; i < 20; ++i) {
        counted::byte_counter<TestType> b;
        test::index bytes = 0;
        b.bytes = &bytes;
        const auto s = test::smooth_place(i, i * 90, 1 + i % 3);
        const auto points = s.tensor(b);
        const auto t = s.truths<T>();
        const auto a = assigner_number(i);
        bytes = 0;
        a.assign(b, points, t);
        const auto n = static_cast<test::index>(s.size());
        const auto scalar = static_cast<test::index>(sizeof(T));
        CHECK(bytes == t.images() * n * (scalar + 4) + 2 * t.images() * ((n + 1023) / 1024) * scalar +
                           t.size() * (std::min<test::index>(a.pos_num, n) * (scalar + 4) + 8) + 8 * t.images() + test::truth_bytes(t));
    }
}

TEST_CASE("point refuses what it cannot mean, before it writes", "[assigner][errors]") {
    const boxgrad::memory<float> b;
    boxgrad::truth_list<float> t;
    t.add_image({{0, 0, 1, 1}}, {0});
    const auto points = test::rows(b, 3, {0, 0, 1});
    CHECK_THROWS_WITH((assigner::point{.scale = 0}.assign(b, points, t)),
                      "point::assign: scale must be finite and positive, got 0.000000");
    CHECK_THROWS_WITH((assigner::point{.pos_num = 0}.assign(b, points, t)),
                      "point::assign: pos_num must be positive, got 0");
    CHECK_THROWS_AS(assigner::point{}.assign(b, test::rows(b, 2, {0, 0}), t), boxgrad::shape_error);
    t.boxes[0] = {1, 0, 1, 1};
    CHECK_THROWS_AS(assigner::point{}.assign(b, points, t), boxgrad::gt_error);
}
