// SPDX-License-Identifier: Apache-2.0
//
// Which priors lie within a picture, and which cells of a box are left when its rim is cut off.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxgrad.hpp>

#include <cmath>
#include <random>

namespace {

namespace prior = boxgrad::prior;
using boxgrad::box;
using boxgrad::image_shape;
using boxgrad::prior::calc_region;
using boxgrad::prior::region;
using test::extents;

template <class T>
std::uint8_t inside_by_hand(const std::vector<T>& v, std::size_t i, bool valid, image_shape image, double border) {
    if (border < 0) return valid ? 1 : 0;
    const auto b = static_cast<T>(border);
    return valid && v[4 * i] >= -b && v[4 * i + 1] >= -b && v[4 * i + 2] < static_cast<T>(image.w) + b && v[4 * i + 3] < static_cast<T>(image.h) + b ? 1 : 0;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("inside flags are the rule at every border, edges included", "[prior]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    std::mt19937_64 random(11);
    const std::size_t n = 133;
    std::vector<T> v;
    std::vector<std::uint8_t> valid;
    for (std::size_t i = 0; i < n; ++i) {
        // Whole numbers around the borders, so that many lie on them.
        const auto at = [&](int low, int high) { return static_cast<T>(low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1))); };
        v.insert(v.end(), {at(-3, 9), at(-3, 9), at(20, 35), at(10, 23)});
        valid.push_back(random() % 4 != 0 ? static_cast<std::uint8_t>(1 + random() % 3) : std::uint8_t{0});
    }
    v[5] = boxgrad::not_a_number<T>;
    v[9] = -boxgrad::infinity<T>;
    const auto p = test::from_host(b, extents<2>{{133, 4}}, v);
    const auto f = test::from_host(b, extents<1>{{133}}, valid);
    const image_shape image{.h = 20, .w = 32};
    for (const double border : {0.0, 1.0, 2.5, -1.0, -0.5}) {
        std::vector<std::uint8_t> expected;
        for (std::size_t i = 0; i < n; ++i) expected.push_back(inside_by_hand(v, i, valid[i] != 0, image, border));
        INFO("border " << border);
        CHECK(test::to_host<1>(b, prior::inside_flags(b, p, f, image, border)) == expected);
        CHECK(std::count(expected.begin(), expected.end(), 1) > 5);
        CHECK(std::count(expected.begin(), expected.end(), 0) > 5);
    }
    CHECK_THROWS_AS(prior::inside_flags(b, p, test::from_host(b, extents<1>{{2}}, std::vector<std::uint8_t>{1, 1}), image), boxgrad::shape_error);
    CHECK_THROWS_AS(prior::inside_flags(b, test::rows(b, 3, {1, 2, 3}), test::from_host(b, extents<1>{{1}}, std::vector<std::uint8_t>{1}), image),
                    boxgrad::shape_error);
}

TEST_CASE("inside flags of a grid are those of the grid that is stored, and of none there are none", "[prior]") {
    const boxgrad::memory<float> b;
    prior::anchor_generator g;
    g.strides = {7.3};
    g.ratios = {0.5, 1, 2};
    g.scales = {1, 3};
    const auto grid = g.grid<float>(0, {5, 7});
    const auto stored = prior::single_level_grid_priors(b, g, {5, 7}, 0);
    const auto valid = prior::single_level_valid_flags(b, g, {5, 7}, {30, 40}, 0);
    for (const double border : {0.0, 3.0, -1.0}) {
        const auto computed = prior::inside_flags(b, grid, valid, {36, 51}, border);
        CHECK(computed.data == prior::inside_flags(b, stored, valid, {36, 51}, border).data);
    }
    const auto none = b.make<float, 2>(extents<2>{{0, 4}});
    CHECK(prior::inside_flags(b, none, std::vector<std::uint8_t>{}, {36, 51}).data.empty());
}

TEST_CASE("a region is mmdetection's: mixed corners, halves to even, kept within the map", "[prior][property]") {
    std::mt19937_64 random(12);
    std::uniform_real_distribution<double> u(-20, 60);
    for (int i = 0; i < 20000; ++i) {
        const bool grid = i % 2 == 0;  // sixteenths: halves occur, and nothing is lost to rounding
        const auto at = [&] { return grid ? std::round(u(random) * 16) / 16 : u(random); };
        const box<double> b{at(), at(), at(), at()};
        const double ratio = grid ? static_cast<double>(random() % 5) / 8 : std::uniform_real_distribution<double>(0, 0.5)(random);
        const auto mix = [&](double x, double y) {
            return static_cast<std::ptrdiff_t>(std::nearbyint(static_cast<double>((1 - static_cast<long double>(ratio)) * static_cast<long double>(x) +
                                                                                   static_cast<long double>(ratio) * static_cast<long double>(y))));
        };
        const region expected{mix(b.x1, b.x2), mix(b.y1, b.y2), mix(b.x2, b.x1), mix(b.y2, b.y1)};
        REQUIRE(calc_region(b, ratio) == expected);
        const auto within = [](std::ptrdiff_t x, std::ptrdiff_t end) { return std::min(std::max<std::ptrdiff_t>(x, 0), end); };
        REQUIRE(calc_region(b, ratio, {17, 31}) == region{within(expected.x1, 31), within(expected.y1, 17), within(expected.x2, 31), within(expected.y2, 17)});
    }
    CHECK(calc_region({0.5, 1.5, 2.5, -0.5}, 0) == region{0, 2, 2, 0});
    const double nan = boxgrad::not_a_number<double>;
    for (const double bad : {nan, boxgrad::infinity<double>, -boxgrad::infinity<double>, 1e300}) {
        CHECK_THROWS_AS(calc_region({bad, 0, 1, 1}, 0.25), boxgrad::config_error);
        CHECK_THROWS_AS(calc_region({0, 0, 1, bad}, 0.25), boxgrad::config_error);
        // As the index that it becomes has no such value.
        CHECK_THROWS_AS(calc_region({0, 0, 1, 1}, bad), boxgrad::config_error);
        CHECK_THROWS_AS(calc_region({0, 0, 1, 1}, bad, {4, 4}), boxgrad::config_error);
    }
}

static_assert(calc_region({0, 0, 10, 20}, 0.25) == region{2, 5, 8, 15});
static_assert(calc_region({-4, 0, 10, 20}, 0.0, {8, 8}) == region{0, 0, 8, 8});
