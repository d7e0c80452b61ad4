// SPDX-License-Identifier: Apache-2.0
//
// Base anchors of every generator against the published formulas, in long double.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxgrad.hpp>

#include <cmath>
#include <random>

namespace {

namespace prior = boxgrad::prior;
using boxgrad::box;
using boxgrad::numbers;
using boxgrad::stride;
using prior::anchor_generator;
using prior::anchor_order;
using prior::anchor_rounding;
using prior::legacy_anchor_generator;
using wide = long double;

template <class G = anchor_generator>
constexpr G anchors(const boxgrad::per_level<stride>& strides, const numbers& ratios, const numbers& scales) {
    G g;
    g.strides = strides;
    g.ratios = ratios;
    g.scales = scales;
    return g;
}

struct wide_box {
    wide x1, y1, x2, y2;
};

/// A box of size w, h around a centre; legacy: (w - 1)/2 to each side, rounded, as rounded boxes are.
wide_box around(wide cx, wide cy, wide w, wide h, bool legacy, bool rounded) {
    const wide less = legacy ? 1 : 0;
    wide_box b{cx - (w - less) / 2, cy - (h - less) / 2, cx + (w - less) / 2, cy + (h - less) / 2};
    if (legacy || rounded) b = {std::nearbyint(b.x1), std::nearbyint(b.y1), std::nearbyint(b.x2), std::nearbyint(b.y2)};
    return b;
}

/// How far anchors lie from what they should be, in ε of T times the largest corner of the box. The true
/// corners are rounded to whole numbers where the anchors are; they have to stay clear of halves.
template <class T>
double off(const prior::base_anchor_list<T>& got, const std::vector<wide_box>& expected) {
    if (got.size() != static_cast<int>(expected.size())) return boxgrad::infinity<double>;
    double worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const box<T> a = got[static_cast<int>(i)];
        const wide_box& b = expected[i];
        const wide size = std::max({std::abs(b.x1), std::abs(b.y1), std::abs(b.x2), std::abs(b.y2), wide(1)});
        for (const auto& [x, y] : {std::pair{a.x1, b.x1}, {a.y1, b.y1}, {a.x2, b.x2}, {a.y2, b.y2}}) {
            worst = std::max(worst, static_cast<double>(std::abs(static_cast<wide>(x) - y) / size) /
                                        static_cast<double>(std::numeric_limits<T>::epsilon()));
        }
    }
    return worst;
}

/// The rule of mmdetection's AnchorGenerator, written out.
template <class G>
std::vector<wide_box> published(const G& g, int level, bool legacy, bool rounded = false) {
    const auto base = static_cast<wide>(g.base_sizes.empty() ? std::min(g.strides[level].w, g.strides[level].h) : g.base_sizes[level]);
    std::vector<wide> scales;
    for (const double s : g.scales) scales.push_back(static_cast<wide>(s));
    if (g.octave_base_scale) {
        for (int i = 0; i < *g.scales_per_octave; ++i) {
            scales.push_back(wide(*g.octave_base_scale) * std::exp2(wide(i) / wide(*g.scales_per_octave)));
        }
    }
    const wide less = legacy ? 1 : 0;
    wide cx = wide(g.center_offset) * (base - less);
    wide cy = cx;
    if (!g.centers.empty()) {
        cx = static_cast<wide>(g.centers[level].x);
        cy = static_cast<wide>(g.centers[level].y);
    }
    std::vector<wide_box> r;
    const auto add = [&](wide scale, double ratio) {
        r.push_back(around(cx, cy, base * scale / std::sqrt(wide(ratio)), base * scale * std::sqrt(wide(ratio)), legacy, rounded));
    };
    if (g.order == anchor_order::scale_fastest) {
        for (const double ratio : g.ratios) {
            for (const wide s : scales) add(s, ratio);
        }
    } else {
        for (const wide s : scales) {
            for (const double ratio : g.ratios) add(s, ratio);
        }
    }
    return r;
}

}  // namespace

TEMPLATE_TEST_CASE("base anchors are mmdetection's rule for every combination of parameters", "[prior][property]", float, double) {
    using T = TestType;
    double worst = 0;
    double worst_legacy = 0;
    int combinations = 0;
    const auto try_all = [&](auto g, bool legacy) {
        for (const numbers& ratios : {numbers{1}, numbers{0.5, 1, 2}, numbers{2.3, 0.41, 1, 0.1, 7}}) {
            for (const bool octaves : {false, true}) {
                for (const anchor_order order : {anchor_order::scale_fastest, anchor_order::ratio_fastest}) {
                    for (int centred = 0; centred < 4; ++centred) {
                        for (const bool sized : {false, true}) {
                            g.strides = {8, {16, 12}, 7.3};
                            g.ratios = ratios;
                            g.scales = octaves ? numbers{} : numbers{8, 1.3, 30};
                            g.octave_base_scale = octaves ? std::optional(4.0) : std::nullopt;
                            g.scales_per_octave = octaves ? std::optional(3) : std::nullopt;
                            g.order = order;
                            g.center_offset = centred == 1 ? 0.5 : centred == 2 ? 0.37 : 0;
                            g.centers = {};
                            if (centred == 3) g.centers = {{1, 2}, {-3.7, 100.25}, {0, 0}};
                            g.base_sizes = {};
                            if (sized) g.base_sizes = {5, 31.7, 256};
                            for (int l = 0; l < 3; ++l) {
                                const auto got = g.template base_anchors<T>(l);
                                CHECK(g.num_base_priors(l) == got.size());
                                double& worst_here = legacy ? worst_legacy : worst;
                                worst_here = std::max(worst_here, off(got, published(g, l, legacy)));
                                ++combinations;
                            }
                        }
                    }
                }
            }
        }
    };
    try_all(anchor_generator{}, false);
    try_all(legacy_anchor_generator{}, true);
    CHECK(combinations == 2 * 3 * 2 * 2 * 4 * 2 * 3);
    INFO("off by " << worst << " and, rounded to whole pixels, " << worst_legacy << " eps");
    CHECK(worst <= 2);  // five roundings
    CHECK(worst_legacy == 0);
}

TEST_CASE("legacy and torchvision anchors round halves to even, on both sides of 0", "[prior]") {
    // (w - 1)/2 of w = 4, 6, 8, 10: 1.5, 2.5, 3.5, 4.5.
    const auto g = anchors<legacy_anchor_generator>({2}, {1}, {2, 3, 4, 5});
    const double even[] = {2, 2, 4, 4};
    const auto a = g.base_anchors<double>(0);
    REQUIRE(a.size() == 4);
    for (int i = 0; i < 4; ++i) {
        CHECK((a[i].x1 == -even[i] && a[i].y1 == -even[i] && a[i].x2 == even[i] && a[i].y2 == even[i]));
    }
    const auto t = anchor_generator::torchvision({{3, 5, 7, 9}}, {1}, {8}).base_anchors<float>(0);
    for (int i = 0; i < 4; ++i) {
        CHECK((t[i].x1 == static_cast<float>(-even[i]) && t[i].y2 == static_cast<float>(even[i])));
    }
    CHECK(prior::detail::round_half_to_even(0.5) == 0);
    CHECK(prior::detail::round_half_to_even(-0.5) == 0);
    CHECK(prior::detail::round_half_to_even(0.49999999999999994) == 0);
    CHECK(prior::detail::round_half_to_even(1.5) == 2);
    CHECK(prior::detail::round_half_to_even(-2.5) == -2);
    for (const double big : {0x1p51 + 0.5, 0x1p51 + 1.5, 0x1p52 - 0.5, 0x1p52 + 1, 0x1p53 + 2, 1e300}) {
        CHECK(prior::detail::round_half_to_even(big) == std::nearbyint(big));
        CHECK(prior::detail::round_half_to_even(-big) == std::nearbyint(-big));
    }
}

TEMPLATE_TEST_CASE("detectron2's anchors: sizes outside, ratios inside, cells hit in their middle", "[prior]", float, double) {
    using T = TestType;
    const auto g = anchor_generator::detectron2({{32, 50.8}, {64}}, {0.5, 1, 2.2}, {4, {8, 6}});
    CHECK(g.num_base_priors(0) == 6);
    CHECK(g.num_base_priors(1) == 3);
    for (int l = 0; l < 2; ++l) {
        std::vector<wide_box> expected;
        for (const double size : l == 0 ? std::vector<double>{32, 50.8} : std::vector<double>{64}) {
            for (const double ratio : {0.5, 1.0, 2.2}) {
                const wide w = std::sqrt(wide(size) * wide(size) / wide(ratio));
                expected.push_back(around(wide(g.strides[l].w) / 2, wide(g.strides[l].h) / 2, w, w * wide(ratio), false, false));
            }
        }
        CHECK(off(g.base_anchors<T>(l), expected) <= 1);
    }
    const auto shifted = anchor_generator::detectron2({{32}}, {1}, {8}, 0).template base_anchors<T>(0);
    CHECK((shifted[0].x1 == -16 && shifted[0].y2 == 16));
}

TEMPLATE_TEST_CASE("torchvision's anchors: ratios outside, sizes inside, whole pixels around the corner of a cell", "[prior]", float, double) {
    using T = TestType;
    const auto g = anchor_generator::torchvision({{32, 51}, {63}}, {0.5, 1, 2}, {8, 16});
    std::vector<wide_box> expected;
    for (const double ratio : {0.5, 1.0, 2.0}) {
        for (const double size : {32.0, 51.0}) {
            const wide h = std::sqrt(wide(ratio));
            expected.push_back(around(0, 0, wide(size) / h, wide(size) * h, false, true));
        }
    }
    CHECK(off(g.base_anchors<T>(0), expected) == 0);
    const auto s = prior::torchvision_strides({800, 1344}, {{25, 42}, {13, 21}, {800, 1}});
    REQUIRE(s.size() == 3);
    CHECK((s[0].h == 32 && s[0].w == 32 && s[1].h == 61 && s[1].w == 64 && s[2].h == 1 && s[2].w == 1344));
    CHECK_THROWS_AS(prior::torchvision_strides({800, 1344}, {{25, 0}}), boxgrad::shape_error);
}

TEMPLATE_TEST_CASE("YOLO's anchors: given sizes around the middle of a cell", "[prior]", float, double) {
    using T = TestType;
    const prior::yolo_anchor_generator g{{{32, 24}, 16.6}, {{{116, 90}, {156.3, 198}}, {{30, 61}, {62, 45}}}};
    CHECK(off(g.base_anchors<T>(0), {around(16, 12, 116, 90, false, false), around(16, 12, 156.3L, 198, false, false)}) <= 1);
    CHECK(off(g.base_anchors<T>(1), {around(8.3L, 8.3L, 30, 61, false, false), around(8.3L, 8.3L, 62, 45, false, false)}) <= 1);
}

TEST_CASE("P15 P26 anchors: parameters that contradict one another are refused", "[prior][promise]") {
    const auto refused = [](auto change) {
        anchor_generator g = anchors({8, 16}, {0.5, 1}, {8});
        g.base_anchors<float>(0);  // as it is, it serves
        change(g);
        CHECK_THROWS_AS(g.base_anchors<float>(0), boxgrad::config_error);
        CHECK_THROWS_AS(prior::single_level_grid_priors(boxgrad::memory<float>{}, g, {2, 2}, 0), boxgrad::config_error);
        CHECK_THROWS_AS(prior::single_level_valid_flags(boxgrad::memory<float>{}, g, {2, 2}, {9, 9}, 0), boxgrad::config_error);
    };
    const double nan = boxgrad::not_a_number<double>;
    const double inf = boxgrad::infinity<double>;
    refused([](auto& g) { g.scales = {}; });
    refused([](auto& g) { g.octave_base_scale = 4; });
    refused([](auto& g) { g.octave_base_scale = 4, g.scales_per_octave = 3; });
    refused([](auto& g) { g.scales = {}, g.octave_base_scale = 4; });
    refused([](auto& g) { g.scales = {}, g.scales_per_octave = 3; });
    refused([](auto& g) { g.scales = {}, g.octave_base_scale = 4, g.scales_per_octave = 0; });
    refused([](auto& g) { g.scales = {}, g.octave_base_scale = 4, g.scales_per_octave = -2; });
    refused([](auto& g) { g.scales = {}, g.octave_base_scale = 4, g.scales_per_octave = 17; });
    refused([](auto& g) { g.sizes = {{8}, {16}}; });
    refused([](auto& g) { g.scales = {}, g.sizes = {{8}}; });
    refused([](auto& g) { g.ratios = {}; });
    refused([](auto& g) { g.center_offset = 0.5, g.centers = {{1, 1}, {2, 2}}; });
    refused([](auto& g) { g.centers = {{1, 1}}; });
    refused([](auto& g) { g.centers = {{1, 1}, {1, 1}, {1, 1}}; });
    refused([](auto& g) { g.base_sizes = {8}; });
    for (const double bad : {-0.1, 1.1, nan}) refused([&](auto& g) { g.center_offset = bad; });
    for (const double bad : {0.0, -1.0, nan, inf}) {
        INFO(bad);
        refused([&](auto& g) { g.ratios = {1, bad}; });
        refused([&](auto& g) { g.scales = {1, bad}; });
        refused([&](auto& g) { g.base_sizes = {bad, 8}; });
        refused([&](auto& g) { g.scales = {}, g.octave_base_scale = bad, g.scales_per_octave = 3; });
        refused([&](auto& g) { g.scales = {}, g.sizes = {{8, bad}, {8}}; });
        refused([&](auto& g) { g.scales = {}, g.sizes = {{8, 16}, {8, bad}}; });
    }
    for (const double bad : {nan, inf}) refused([&](auto& g) { g.centers = {{bad, 1}, {1, 1}}; });
    // More than 32 anchors a cell.
    refused([](auto& g) { g.ratios = {1, 2, 3, 4, 5, 6}, g.scales = {1, 2, 3, 4, 5, 6}; });
    const anchor_generator most = anchors({8}, {1, 2, 3, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
    CHECK(most.base_anchors<float>(0).size() == 32);
    // More than 8 levels, more than 16 numbers.
    CHECK_THROWS_AS((boxgrad::per_level<stride>{1, 2, 3, 4, 5, 6, 7, 8, 9}), boxgrad::config_error);
    numbers list;
    for (int i = 0; i < 16; ++i) list.push_back(i);
    CHECK_THROWS_AS(list.push_back(1), boxgrad::config_error);
    CHECK(list.size() == 16);
}

TEST_CASE("P26 anchors: levels out of range and strides that are not positive are refused", "[prior][promise]") {
    const boxgrad::memory<float> b;
    const anchor_generator g = anchors({8, 16}, {1}, {8});
    for (const int level : {-1, 2, 100}) {
        CHECK_THROWS_AS(g.base_anchors<float>(level), boxgrad::shape_error);
        CHECK_THROWS_AS(prior::single_level_grid_priors(b, g, {2, 2}, level), boxgrad::shape_error);
        CHECK_THROWS_AS(prior::single_level_valid_flags(b, g, {2, 2}, {9, 9}, level), boxgrad::shape_error);
    }
    const double nan = boxgrad::not_a_number<double>;
    for (const stride& bad : {stride{0}, stride{8, -1}, stride{nan, 8}, stride{boxgrad::infinity<double>}}) {
        anchor_generator h = g;
        h.strides = {bad, 16};
        CHECK_THROWS_AS(prior::single_level_grid_priors(b, h, {2, 2}, 0), boxgrad::config_error);
        CHECK_THROWS_AS(prior::single_level_valid_flags(b, h, {2, 2}, {9, 9}, 0), boxgrad::config_error);
    }
    CHECK_THROWS_AS((prior::yolo_anchor_generator{{8, 16}, {{{1, 2}}}}.base_anchors<float>(0)), boxgrad::config_error);
    CHECK_THROWS_AS((prior::yolo_anchor_generator{{8, 16}, {{{1, 2}}, {{1, 2}, {3, 4}}}}.base_anchors<float>(0)), boxgrad::config_error);
    CHECK_THROWS_AS((prior::yolo_anchor_generator{{8}, {{{1, -2}}}}.base_anchors<float>(0)), boxgrad::config_error);
    CHECK_THROWS_AS((prior::yolo_anchor_generator{{8}, {{{nan, 2}}}}.base_anchors<float>(0)), boxgrad::config_error);
    CHECK_THROWS_AS((prior::yolo_anchor_generator{{8}, {{{1, 2}}}}.base_anchors<float>(1)), boxgrad::shape_error);
    CHECK_THROWS_AS((prior::single_level_grid_priors(b, prior::yolo_anchor_generator{{8}, {{}}}, {1, 1}, 0)), boxgrad::config_error);
}

TEMPLATE_LIST_TEST_CASE("anchors of a pyramid on every backend", "[prior]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    anchor_generator g = anchors({{16, 8}, 32}, {1}, {1, 2});
    g.base_sizes = {4, 8};
    const auto all = prior::grid_priors(b, g, {{2, 2}, {1, 1}});
    REQUIRE(all.size() == 2);
    CHECK(test::to_host<2>(b, all[0]) == std::vector<T>{-2, -2, 2, 2, -4, -4, 4, 4, 14, -2, 18, 2, 12, -4, 20, 4,
                                                        -2, 6,  2, 10, -4, 4, 4, 12, 14, 6, 18, 10, 12, 4, 20, 12});
    CHECK(test::to_host<2>(b, all[1]) == std::vector<T>{-4, -4, 4, 4, -8, -8, 8, 8});
}

constexpr anchor_generator fixed = anchors({16}, {0.25, 1, 4}, {8});
static_assert(fixed.num_base_priors(0) == 3);
static_assert(fixed.base_anchors<float>(0)[0].x1 == -128 && fixed.base_anchors<float>(0)[0].y1 == -32);
static_assert(fixed.base_anchors<double>(0)[2].x2 == 32 && fixed.base_anchors<double>(0)[2].y2 == 128);
static_assert(boxgrad::prior::at<float>(fixed, 0, {4, 5}, 3 * 7 + 1).x1 == -64 + 2 * 16);
static_assert(boxgrad::prior::at<float>(fixed, 0, {4, 5}, 3 * 7 + 1).y2 == 64 + 16);
// Centres (16 - 1)/2, sides (128 - 1)/2, and -56 rounds to itself.
static_assert([] {
    auto g = anchors<legacy_anchor_generator>({16}, {1}, {8});
    g.center_offset = 0.5;
    return g.base_anchors<float>(0)[0].x1;
}() == -56);
static_assert(boxgrad::prior::yolo_anchor_generator{{8}, {{{10, 13}}}}.base_anchors<float>(0)[0].y1 == 4 - 6.5F);
