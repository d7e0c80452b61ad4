// SPDX-License-Identifier: Apache-2.0
//
// SSD's anchors against the published rules, in long double: mmdetection's four tables of sizes, given
// sizes, both orders, the legacy variant; torchvision's default boxes.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxgrad.hpp>

#include <cmath>

namespace {

namespace prior = boxgrad::prior;
using boxgrad::box;
using boxgrad::numbers;
using boxgrad::per_level;
using boxgrad::stride;
using prior::anchor_order;
using prior::default_box_generator;
using prior::legacy_ssd_anchor_generator;
using prior::ssd_anchor_generator;
using wide = long double;
using wide_box = std::array<wide, 4>;

wide_box around(wide cx, wide cy, wide w, wide h, bool legacy) {
    const wide less = legacy ? 1 : 0;
    wide_box b{cx - (w - less) / 2, cy - (h - less) / 2, cx + (w - less) / 2, cy + (h - less) / 2};
    if (legacy) {
        for (wide& x : b) x = std::nearbyint(x);
    }
    return b;
}

/// In ε of T times the largest corner.
template <class T>
double off(const prior::base_anchor_list<T>& got, const std::vector<wide_box>& expected) {
    if (got.size() != static_cast<int>(expected.size())) return boxgrad::infinity<double>;
    double worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const box<T> a = got[static_cast<int>(i)];
        const T corners[] = {a.x1, a.y1, a.x2, a.y2};
        wide size = 1;
        for (const wide x : expected[i]) size = std::max(size, std::abs(x));
        for (std::size_t c = 0; c < 4; ++c) {
            worst = std::max(worst, static_cast<double>(std::abs(static_cast<wide>(corners[c]) - expected[i][c]) / size) /
                                        static_cast<double>(std::numeric_limits<T>::epsilon()));
        }
    }
    return worst;
}

/// mmdetection's rule for one level, from its smallest and largest size.
std::vector<wide_box> published(stride s, double smallest, double largest, const numbers& ratios, anchor_order order, bool legacy) {
    const wide less = legacy ? 1 : 0;
    std::vector<wide> shapes{1};
    for (const double r : ratios) {
        shapes.push_back(1 / wide(r));
        shapes.push_back(static_cast<wide>(r));
    }
    const std::vector<wide> scales{1, std::sqrt(wide(largest) / wide(smallest))};
    std::vector<wide_box> all;
    const auto add = [&](wide scale, wide ratio) {
        all.push_back(around((wide(s.w) - less) / 2, (wide(s.h) - less) / 2, wide(smallest) * scale / std::sqrt(ratio),
                             wide(smallest) * scale * std::sqrt(ratio), legacy));
    };
    if (order == anchor_order::scale_fastest) {
        for (const wide ratio : shapes) {
            for (const wide scale : scales) add(scale, ratio);
        }
    } else {
        for (const wide scale : scales) {
            for (const wide ratio : shapes) add(scale, ratio);
        }
    }
    // Indices 0 to R - 1, with index R put second.
    std::vector<wide_box> kept(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shapes.size()));
    kept.insert(kept.begin() + 1, all[shapes.size()]);
    return kept;
}

const per_level<numbers> six_ratios{{2}, {2, 3}, {2, 3}, {2, 3}, {2}, {2}};
const per_level<numbers> seven_ratios{{2}, {2, 3}, {2, 3}, {2, 3}, {2, 3}, {2}, {2}};
const per_level<stride> six_strides{8, 16, 32, 64, 100, 300};
const per_level<stride> seven_strides{8, 16, 32, 64, 128, 256, 512};

ssd_anchor_generator anchors(const per_level<stride>& strides, const per_level<numbers>& ratios, const per_level<double>& min_sizes = {},
                             const per_level<double>& max_sizes = {}) {
    ssd_anchor_generator g;
    g.strides = strides;
    g.ratios = ratios;
    g.min_sizes = min_sizes;
    g.max_sizes = max_sizes;
    return g;
}
default_box_generator boxes(const per_level<stride>& strides, const per_level<numbers>& ratios, boxgrad::featmap_size image) {
    default_box_generator g;
    g.strides = strides;
    g.aspect_ratios = ratios;
    g.image = image;
    return g;
}

struct table {
    int input_size;
    double low;
    std::vector<int> smallest, largest;
};
/// By hand from mmdetection's rule: whole percentages, the last step may pass the end of the range.
const table tables[] = {{300, 0.15, {21, 45, 99, 153, 207, 261}, {45, 99, 153, 207, 261, 315}},
                        {300, 0.2, {30, 60, 111, 162, 213, 264}, {60, 111, 162, 213, 264, 315}},
                        {512, 0.1, {20, 51, 133, 215, 296, 378, 460}, {51, 133, 215, 296, 378, 460, 542}},
                        {512, 0.15, {35, 76, 153, 230, 307, 384, 460}, {76, 153, 230, 307, 384, 460, 537}}};

}  // namespace

TEMPLATE_TEST_CASE("SSD: the four tables of sizes, both orders, legacy or not", "[prior][property]", float, double) {
    using T = TestType;
    for (const table& t : tables) {
        const bool seven = t.input_size == 512;
        for (const anchor_order order : {anchor_order::scale_fastest, anchor_order::ratio_fastest}) {
            const auto check = [&](auto g, bool legacy) {
                g.strides = seven ? seven_strides : six_strides;
                g.ratios = seven ? seven_ratios : six_ratios;
                g.basesize_ratio_range[0] = t.low;
                g.input_size = t.input_size;
                g.order = order;
                REQUIRE(g.num_levels() == static_cast<int>(t.smallest.size()));
                for (int l = 0; l < g.num_levels(); ++l) {
                    INFO(t.input_size << " from " << t.low << ", level " << l);
                    const auto k = static_cast<std::size_t>(l);
                    const auto got = g.template base_anchors<T>(l);
                    CHECK(got.size() == g.num_base_priors(l));
                    CHECK(off(got, published(g.strides[l], t.smallest[k], t.largest[k], g.ratios[l], order, legacy)) <= (legacy ? 0 : 2));  // five roundings
                }
            };
            check(ssd_anchor_generator{}, false);
            check(legacy_ssd_anchor_generator{}, true);
        }
    }
}

TEMPLATE_TEST_CASE("SSD: given sizes need no table, and ratio_fastest puts the large square second", "[prior]", float, double) {
    using T = TestType;
    ssd_anchor_generator g = anchors({{8, 6}, 16}, {{2.5}, {}}, {20.5, 60}, {61.3, 111});
    g.input_size = 77;
    for (const anchor_order order : {anchor_order::scale_fastest, anchor_order::ratio_fastest}) {
        g.order = order;
        for (int l = 0; l < 2; ++l) {
            CHECK(off(g.base_anchors<T>(l), published(g.strides[l], g.min_sizes[l], g.max_sizes[l], g.ratios[l], order, false)) <= 1);
        }
    }
    const auto a = g.base_anchors<T>(0);
    REQUIRE(a.size() == 4);
    CHECK(a[1].width() == Approx(std::sqrt(20.5 * 61.3)));
    CHECK(a[1].height() == Approx(std::sqrt(20.5 * 61.3)));
    CHECK(a[3].height() / a[3].width() == Approx(2.5));
}

TEMPLATE_TEST_CASE("torchvision's default boxes, evenly spread or of given scales, clipped or not, one level", "[prior][property]", float, double) {
    using T = TestType;
    const auto check = [](const default_box_generator& g, const std::vector<wide>& scales) {
        for (int l = 0; l < g.num_levels(); ++l) {
            std::vector<wide_box> expected;
            const auto k = static_cast<std::size_t>(l);
            const auto add = [&](wide w, wide h) {
                const auto within = [&](wide x) { return g.clip ? std::min(std::max(x, wide(0)), wide(1)) : x; };
                expected.push_back(around(wide(g.strides[l].w) / 2, wide(g.strides[l].h) / 2, within(w) * wide(g.image.w),
                                          within(h) * wide(g.image.h), false));
            };
            const wide s = scales[k];
            add(s, s);
            add(std::sqrt(s * scales[k + 1]), std::sqrt(s * scales[k + 1]));
            for (const double r : g.aspect_ratios[l]) {
                add(s * std::sqrt(wide(r)), s / std::sqrt(wide(r)));
                add(s / std::sqrt(wide(r)), s * std::sqrt(wide(r)));
            }
            INFO("level " << l << " of " << g.num_levels());
            CHECK(g.num_base_priors(l) == static_cast<int>(expected.size()));
            CHECK(off(g.base_anchors<T>(l), expected) <= 2);
        }
    };
    for (const bool clip : {true, false}) {
        default_box_generator g = boxes({8, 16, 100}, {{2}, {2, 3}, {}}, {300, 400});
        g.clip = clip;
        check(g, {0.15L, 0.15L + (0.9L - 0.15L) / 2, 0.9L, 1});
        g.scales = {0.07, 0.15, 0.8, 1.05};
        check(g, {0.07L, 0.15L, 0.8L, 1.05L});
        // Of a single level torchvision takes the second scale from max_ratio.
        g = boxes({8}, {{2}}, {64, 48});
        g.clip = clip;
        g.min_ratio = 0.2;
        g.max_ratio = 0.7;
        check(g, {0.2L, 0.7L});
    }
}

TEST_CASE("P15 P26 SSD: parameters that contradict one another are refused", "[prior][promise]") {
    const auto refused = [](auto change) {
        ssd_anchor_generator g = anchors({8, 16, 32}, {{2}, {2, 3}, {2}});
        g.base_anchors<float>(1);
        change(g);
        CHECK_THROWS_AS(g.base_anchors<float>(1), boxgrad::config_error);
    };
    refused([](auto& g) { g.input_size = 301; });
    refused([](auto& g) { g.input_size = 512, g.basesize_ratio_range[0] = 0.2; });
    refused([](auto& g) { g.basesize_ratio_range[0] = 0.1; });
    refused([](auto& g) { g.basesize_ratio_range[0] = boxgrad::not_a_number<double>; });
    refused([](auto& g) { g.basesize_ratio_range[1] = boxgrad::not_a_number<double>; });
    refused([](auto& g) { g.basesize_ratio_range[1] = 0.05; });
    refused([](auto& g) { g.strides = {8, 16}, g.ratios = {{2}, {2}}; });
    refused([](auto& g) { g.ratios = {{2}, {2}}; });
    refused([](auto& g) { g.ratios = {{2}, {2, -3}, {2}}; });
    refused([](auto& g) { g.min_sizes = {1, 2, 3}; });
    refused([](auto& g) { g.max_sizes = {1, 2, 3}; });
    refused([](auto& g) { g.min_sizes = {1, 2}, g.max_sizes = {1, 2, 3}; });
    refused([](auto& g) { g.min_sizes = {1, 2, 3}, g.max_sizes = {1, 2, 3, 4}; });
    refused([](auto& g) { g.min_sizes = {1, 0, 3}, g.max_sizes = {2, 3, 4}; });
    refused([](auto& g) { g.min_sizes = {1, 2, 3}, g.max_sizes = {2, boxgrad::infinity<double>, 4}; });
    refused([](auto& g) { g.ratios = {{2}, {1, 2, 3, 4, 5, 6, 7, 8}, {2}}; });
    const ssd_anchor_generator g = anchors({8, 16, 32}, {{2}, {2, 3}, {2}});
    CHECK_THROWS_AS(g.base_anchors<float>(3), boxgrad::shape_error);
    CHECK_THROWS_AS(g.base_anchors<float>(-1), boxgrad::shape_error);
}

TEST_CASE("P15 P26 default boxes: parameters that contradict one another are refused", "[prior][promise]") {
    const auto refused = [](auto change) {
        default_box_generator g = boxes({8, 16}, {{2}, {2, 3}}, {300, 300});
        g.base_anchors<float>(1);
        change(g);
        CHECK_THROWS_AS(g.base_anchors<float>(1), boxgrad::config_error);
    };
    refused([](auto& g) { g.aspect_ratios = {{2}}; });
    refused([](auto& g) { g.aspect_ratios = {{2}, {0}}; });
    refused([](auto& g) { g.scales = {0.1, 0.2}; });
    refused([](auto& g) { g.scales = {0.1, 0.2, 0.3, 0.4}; });
    refused([](auto& g) { g.scales = {0.1, -0.2, 0.3}; });
    refused([](auto& g) { g.scales = {0.1, 0.2, boxgrad::not_a_number<double>}; });
    refused([](auto& g) { g.min_ratio = boxgrad::not_a_number<double>; });
    refused([](auto& g) { g.image = {}; });
    refused([](auto& g) { g.image = {300, -1}; });
    const default_box_generator g = boxes({8, 16}, {{2}, {2, 3}}, {300, 300});
    CHECK_THROWS_AS(g.base_anchors<float>(2), boxgrad::shape_error);
}

TEMPLATE_LIST_TEST_CASE("SSD's priors on every backend", "[prior]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const ssd_anchor_generator g = anchors({8}, {numbers{}}, {4}, {16});
    CHECK(test::to_host<2>(b, prior::grid_priors(b, g, {{1, 2}})[0]) == std::vector<T>{2, 2, 6, 6, 0, 0, 8, 8, 10, 2, 14, 6, 8, 0, 16, 8});
    default_box_generator d = boxes({8}, {{4}}, {16, 32});
    d.scales = {0.25, 1};
    CHECK(test::to_host<2>(b, prior::grid_priors(b, d, {{1, 1}})[0]) ==
          std::vector<T>{0, 2, 8, 6, -4, 0, 12, 8, -4, 3, 12, 5, 2, 0, 6, 8});
}

static_assert([] {
    ssd_anchor_generator g;
    g.strides = {8};
    g.ratios = {numbers{}};
    g.min_sizes = {4};
    g.max_sizes = {16};
    return g.base_anchors<float>(0)[1].x2;
}() == 8);
