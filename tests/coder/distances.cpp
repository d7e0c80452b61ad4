// SPDX-License-Identifier: Apache-2.0
//
// Coders of distances: TBLR, points, detectron2's and torchvision's linear coder, and none at all.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxgrad.hpp>

#include <cmath>

namespace {

namespace coder = boxgrad::coder;
using boxgrad::box;
using coder::distance_point;
using coder::distance_sign;
using coder::linear_distance;
using coder::tblr;
using test::extents;

}  // namespace

TEMPLATE_LIST_TEST_CASE("distances by hand: order, units, normalisers", "[coder]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    // Centre (10, 20), width 8, height 16.
    const auto prior = test::rows(b, 4, {6, 12, 14, 28});
    const auto truth = test::rows(b, 4, {4, 16, 18, 52});
    const auto encoded = [&](const auto& c) { return test::to_host<2>(b, coder::encode(b, c, prior, truth)); };
    CHECK(encoded(tblr{}) == std::vector<T>{T(0.0625), T(0.5), T(0.1875), T(0.25)});
    CHECK(encoded(tblr{.normalizer = {1, 2, 3, 4}, .normalize_by_wh = false}) == std::vector<T>{4, 16, 2, 2});
    CHECK(encoded(linear_distance{}) == std::vector<T>{T(0.75), T(0.25), 1, 2});
    CHECK(encoded(linear_distance{.normalize_by_size = false}) == std::vector<T>{6, 4, 8, 32});
    CHECK(encoded(coder::pseudo{}) == std::vector<T>{4, 16, 18, 52});
    const auto point = test::rows(b, 2, {10, 20});
    const auto strided = test::rows(b, 4, {10, 20, 3, 5});
    CHECK(test::to_host<2>(b, coder::encode(b, distance_point{}, point, truth)) == std::vector<T>{6, 4, 8, 32});
    CHECK(test::to_host<2>(b, coder::encode(b, distance_point{}, strided, truth)) == std::vector<T>{6, 4, 8, 32});
    const auto codes = test::rows(b, 4, {6, 4, 8, 32});
    CHECK(test::to_host<2>(b, coder::decode(b, distance_point{}, point, codes)) == std::vector<T>{4, 16, 18, 52});
    CHECK(test::to_host<2>(b, coder::decode(b, distance_point{}, point, codes, {.h = 50, .w = 18})) == std::vector<T>{4, 16, 18, 50});
    CHECK(test::to_host<2>(b, coder::decode(b, distance_point{.clip_border = false}, point, codes, {.h = 50, .w = 18})) == std::vector<T>{4, 16, 18, 52});
    CHECK(test::to_host<2>(b, coder::decode(b, tblr{}, prior, test::rows(b, 4, {0.0625, 0.5, 0.1875, 0.25}), {.h = 51, .w = 17})) ==
          std::vector<T>{4, 16, 17, 51});
    CHECK(test::to_host<2>(b, coder::decode(b, tblr{.clip_border = false}, prior, test::rows(b, 4, {0.0625, 0.5, 0.1875, 0.25}), {.h = 51, .w = 17})) ==
          std::vector<T>{4, 16, 18, 52});
}

TEMPLATE_TEST_CASE("distances from points: max_dis bounds both sides, less eps; none leaves them", "[coder]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    // To the left of the box, above it; 5 and 20 pixels from its far sides.
    const auto point = test::rows(b, 2, {-5, -2});
    const auto truth = test::rows(b, 4, {0, 0, 15, 3});
    CHECK(coder::encode(b, distance_point{}, point, truth).data == coder::encode(b, distance_point{.max_dis = boxgrad::infinity<double>}, point, truth).data);
    const auto free = coder::encode(b, distance_point{}, point, truth);
    CHECK((free(0, 0) == -5 && free(0, 1) == -2 && free(0, 2) == 20 && free(0, 3) == 5));
    const auto bounded = coder::encode(b, distance_point{.max_dis = 7}, point, truth);
    CHECK((bounded(0, 0) == 0 && bounded(0, 1) == 0 && bounded(0, 2) == static_cast<T>(7 - 0.1) && bounded(0, 3) == 5));
    const auto exact = coder::encode(b, distance_point{.max_dis = 5, .eps = 0}, point, truth);
    CHECK((exact(0, 2) == 5 && exact(0, 3) == 5));
    // [N, 2] and points computed in place are the same.
    const boxgrad::prior::mlvl_point_generator g{{{8, 4}}, 0.5};
    const auto grid = g.template grid<T>(0, {3, 7});
    const auto two = boxgrad::prior::single_level_grid_priors(b, g, {3, 7}, 0);
    const auto codes = b.template make<T, 2>(extents<2>{{21, 4}});
    auto c = codes;
    for (std::size_t i = 0; i < c.data.size(); ++i) c.data[i] = static_cast<T>(i % 13) + T(0.3);
    CHECK(coder::decode(b, distance_point{}, grid, c).data == coder::decode(b, distance_point{}, two, c).data);
}

TEMPLATE_TEST_CASE("linear distances: detectron2 counts negative ones as none, torchvision takes them", "[coder][gradient]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    const auto prior = test::rows(b, 4, {6, 12, 14, 28, 6, 12, 14, 28});
    const auto codes = test::rows(b, 4, {-1, 0.5, 0, -0.25, 1, -0.5, 0.75, 0});
    const auto ones = test::rows(b, 4, {1, 1, 1, 1, 1, 1, 1, 1});
    const auto relu = coder::decode(b, linear_distance{}, prior, codes).data;
    CHECK(std::vector<T>(relu.begin(), relu.end()) == std::vector<T>{10, 12, 10, 20, 2, 20, 16, 20});
    const auto any = coder::decode(b, linear_distance{.sign = distance_sign::any}, prior, codes).data;
    CHECK(std::vector<T>(any.begin(), any.end()) == std::vector<T>{18, 12, 10, 16, 2, 28, 16, 20});
    // None at 0, as PyTorch's relu.
    const auto slope = coder::decode_gradient(b, linear_distance{}, prior, codes, ones).data;
    CHECK(std::vector<T>(slope.begin(), slope.end()) == std::vector<T>{0, -16, 0, 0, -8, 0, 8, 0});
    const auto all = coder::decode_gradient(b, linear_distance{.sign = distance_sign::any}, prior, codes, ones).data;
    CHECK(std::vector<T>(all.begin(), all.end()) == std::vector<T>{-8, -16, 8, 16, -8, -16, 8, 16});
}

TEST_CASE("the gradient of distances stops at the border and passes on it", "[coder][gradient]") {
    const boxgrad::memory<double> b;
    const auto point = test::rows(b, 2, {10, 20});
    const auto ones = test::rows(b, 4, {1, 1, 1, 1});
    const auto slope = [&](std::initializer_list<double> codes) {
        const auto d = coder::decode_gradient(b, distance_point{}, point, test::rows(b, 4, codes), ones, {.h = 50, .w = 18}).data;
        return std::vector<double>(d.begin(), d.end());
    };
    CHECK(slope({1, 2, 3, 4}) == std::vector<double>{-1, -1, 1, 1});
    CHECK(slope({10, 20, 8, 30}) == std::vector<double>{-1, -1, 1, 1});
    CHECK(slope({10.5, 20.5, 8.5, 30.5}) == std::vector<double>{0, 0, 0, 0});
}
