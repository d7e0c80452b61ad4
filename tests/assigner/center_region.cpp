// SPDX-License-Identifier: Apache-2.0
//
// FSAF's regions against matrices of priors and truths.
#include "catch.hpp"
#include "place_scene.hpp"

#include <boxgrad/assigner/center_region.hpp>

namespace {

using test::place_scene;
using test::row4;
namespace assigner = boxgrad::assigner;

/// An assignment with its rows.
struct answer : test::place_answer {
    std::vector<std::int32_t> rows;
    std::vector<test::index> offsets;
};

assigner::center_region assigner_number(unsigned i) {
    const double scales[][2] = {{0.2, 0.5}, {0.5, 0.75}, {0.6, 0.9}, {0.25, 0.25}};
    const double iof[] = {0.01, 0.21, 0.5};
    return {.pos_scale = scales[i % 4][0],
            .neg_scale = scales[i % 4][1],
            .min_pos_iof = iof[i % 3],
            .ignore_gt_scale = i % 2 == 0 ? 0.5 : 1.1,
            .foreground_dominate = i % 5 < 2};
}

answer naive(const assigner::center_region& a, const place_scene& s, bool& clear) {
    answer e;
    test::careful tell;
    e.offsets.push_back(0);
    for (const auto& image : s.images) {
        std::vector<std::int32_t> shadow_rows, core_rows;
        for (std::size_t k = 0; k < s.size(); ++k) {
            const row4& p = s.priors[k];
            if (!test::is_number(p)) {
                e.truth.push_back(assigner::background);
                e.overlap.push_back(0);
                ++e.nonfinite;
                continue;
            }
            const double x = (p[0] + p[2]) / 2, y = (p[1] + p[3]) / 2;
            std::vector<std::size_t> core, shadow;
            for (std::size_t g = 0; g < image.truths.size(); ++g) {
                const row4& t = image.truths[g];
                if (!test::is_box(t)) continue;
                if (test::holds(t, x, y) &&
                    tell.above(test::naive_iof(p, test::naive_scale(t, a.pos_scale)), a.min_pos_iof)) {
                    core.push_back(g);
                } else if (tell.above(test::naive_iof(p, test::naive_scale(t, a.neg_scale)), a.min_pos_iof)) {
                    shadow.push_back(g);
                }
            }
            const auto least = std::min_element(core.begin(), core.end(), [&](std::size_t g, std::size_t h) {
                return test::area_of(image.truths[g]) < test::area_of(image.truths[h]);
            });
            std::int32_t owner = least == core.end() ? assigner::background : static_cast<std::int32_t>(*least);
            if (least != core.end()) core.erase(least);
            for (const row4& r : image.regions) {
                const row4 part = test::naive_scale(r, a.ignore_gt_scale);
                for (const double edge : {part[0] - x, part[2] - x, part[1] - y, part[3] - y}) {
                    tell.clear = tell.clear && (edge == 0 || std::abs(edge) > 1e-4);
                }
                if (a.ignore_gt_scale != 0.5)
                    tell.clear = tell.clear && part[0] != x && part[2] != x && part[1] != y && part[3] != y;
                if (test::holds(part, x, y)) owner = assigner::ignored;
            }
            const int own_label = owner >= 0 ? image.labels[static_cast<std::size_t>(owner)] : -1;
            std::int32_t after = owner;
            const auto list = [&](const std::vector<std::size_t>& of, std::vector<std::int32_t>& rows) {
                for (const std::size_t g : of) {
                    if (image.labels[g] == own_label) {
                        if (a.foreground_dominate) continue;
                        after = assigner::background;
                    }
                    rows.push_back(static_cast<std::int32_t>(k));
                    rows.push_back(image.labels[g]);
                }
            };
            list(shadow, shadow_rows);
            list(core, core_rows);
            e.truth.push_back(after);
            e.overlap.push_back(after < 0 ? 0 : test::naive_iou(p, image.truths[static_cast<std::size_t>(after)]));
        }
        e.rows.insert(e.rows.end(), shadow_rows.begin(), shadow_rows.end());
        e.rows.insert(e.rows.end(), core_rows.begin(), core_rows.end());
        e.offsets.push_back(static_cast<test::index>(e.rows.size()) / 2);
    }
    e.count(s);
    clear = tell.clear;
    return e;
}

template <class B>
answer assign(const B& b, const assigner::center_region& a, const place_scene& s) {
    const auto r = a.assign(b, s.tensor(b), s.truths<typename B::scalar>(), boxgrad::bad_truth::drop);
    return {test::answer_of(b, r), test::to_host<2>(b, r.shadowed_labels), r.shadowed_offsets};
}

template <class B>
bool agrees(const B& b, unsigned i) {
    INFO("scene " << i);
    const auto s = test::place_number(i);
    const auto a = assigner_number(i);
    bool clear = false;
    const auto e = naive(a, s, clear);
    if (!clear) return false;
    const auto r = assign(b, a, s);
    CHECK(test::agree<typename B::scalar>(r, e));
    CHECK(r.rows == e.rows);
    CHECK(r.offsets == e.offsets);
    return true;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("center_region is what its matrices say, on every backend", "[assigner]", test::backends) {
    int told = 0;
    for (unsigned i = 0; i < 60; ++i) told += agrees(TestType{}, i) ? 1 : 0;
    CHECK(told > 40);
}

TEST_CASE("center_region is what its matrices say: many scenes", "[assigner]") {
    int told = 0;
    for (unsigned i = 100; i < 900; ++i) {
        told += agrees(boxgrad::memory<double>{}, i) ? 1 : 0;
        told += agrees(boxgrad::memory<float>{}, i) ? 1 : 0;
    }
    CHECK(told > 1200);
}

TEST_CASE("center_region follows permutations; an image alone as in a batch; strangers change nothing",
          "[assigner][property]") {
    const boxgrad::memory<double> b;
    for (unsigned i = 0; i < 100; ++i) {
        const auto a = assigner_number(i);
        const auto run = [&](const place_scene& x) { return static_cast<test::place_answer>(assign(b, a, x)); };
        CHECK(test::same_alone(test::place_number(3 * i + 2), run));
        const auto s = test::smooth_place(i, 40, 2);
        CHECK(test::same_reversed(s, run));
        for (const row4& x : test::strangers()) CHECK(test::same_beside(s, x, run));
    }
}

TEST_CASE("center_region: a smaller truth first, then the lower; its own class's shadow takes a prior away",
          "[assigner]") {
    const boxgrad::memory<double> b;
    boxgrad::truth_list<double> t;
    // In the cores of three; two of them equal.
    t.add_image({{0, 0, 40, 40}, {10, 10, 30, 30}, {10, 10, 30, 30}}, {0, 1, 2});
    // The core of one, the shadow of another of its class.
    t.add_image({{0, 0, 20, 20}, {0, 0, 60, 20}}, {5, 5});
    t.add_image({}, {}, {{0, 0, 40, 40}});
    const auto priors = test::rows(b, 4, {18, 18, 22, 22, 8, 8, 12, 12});
    const assigner::center_region a{.pos_scale = 0.2, .neg_scale = 0.75};
    const auto r = a.assign(b, priors, t);
    CHECK(test::to_host(b, r.truth) == std::vector<std::int32_t>{1, -1, -1, -1, -2, -1});
    CHECK(test::to_host(b, r.shadowed_labels) == std::vector<std::int32_t>{1, 0, 0, 0, 0, 2, 1, 5});
    CHECK(r.shadowed_offsets == std::vector<test::index>{0, 3, 4, 4});
    CHECK(r.unmatched_truths() == 4);
    auto dominant = a;
    dominant.foreground_dominate = true;
    const auto d = dominant.assign(b, priors, t);
    CHECK(d.positives == std::vector<test::index>{1, 1, 0});
    CHECK(test::to_host(b, assigner::labels(b, d, t)) == std::vector<std::int32_t>{1, -1, -1, 5, -2, -1});
}

TEMPLATE_TEST_CASE("P22 center_region's scratch is the documented formula", "[assigner][promise]",
                   boxgrad::memory<float>, boxgrad::reference<double>) {
    using T = typename TestType::scalar;
    for (unsigned i = 0; i < 20; ++i) {
        counted::byte_counter<TestType> b;
        test::index bytes = 0;
        b.bytes = &bytes;
        const auto s = test::smooth_place(i, i * 9, 1 + i % 3);
        const auto priors = s.tensor(b);
        const auto t = s.truths<T>();
        bytes = 0;
        const auto r = assigner::center_region{}.assign(b, priors, t);
        const auto n = static_cast<test::index>(s.size());
        const auto scalar = static_cast<test::index>(sizeof(T));
        CHECK(bytes == t.images() * n * (scalar + 24) + t.size() * (8 * scalar + 4) + 32 * t.images() +
                           8 * r.shadowed_offsets.back() + test::truth_bytes(t));
    }
}

TEST_CASE("center_region refuses what it cannot mean, before it writes", "[assigner][errors]") {
    const boxgrad::memory<float> b;
    boxgrad::truth_list<float> t;
    t.add_image({{0, 0, 1, 1}}, {0});
    const auto priors = test::rows(b, 4, {0, 0, 1, 1});
    CHECK_THROWS_WITH((assigner::center_region{.pos_scale = 0}.assign(b, priors, t)),
                      "center_region::assign: pos_scale must be finite and above 0, got 0.000000");
    CHECK_THROWS_AS((assigner::center_region{.neg_scale = -1}.assign(b, priors, t)), boxgrad::config_error);
    CHECK_THROWS_AS((assigner::center_region{.min_pos_iof = 1}.assign(b, priors, t)), boxgrad::config_error);
    CHECK_THROWS_AS((assigner::center_region{.ignore_gt_scale = 1e300}.assign(b, priors, t)), boxgrad::config_error);
    CHECK_THROWS_AS(assigner::center_region{}.assign(b, test::rows(b, 3, {0, 0, 1}), t), boxgrad::shape_error);
    t.boxes[0] = {1, 0, 1, 1};
    CHECK_THROWS_AS(assigner::center_region{}.assign(b, priors, t), boxgrad::gt_error);
}
