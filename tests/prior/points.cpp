// SPDX-License-Identifier: Apache-2.0
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxgrad.hpp>

namespace {

using boxgrad::featmap_size;
using boxgrad::prior::mlvl_point_generator;
using test::extents;

}  // namespace

TEMPLATE_LIST_TEST_CASE("grid, chosen cells and one cell are the same bits", "[prior]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const mlvl_point_generator generator{{8, {16, 12}, {0.1, 33.3}}, 0.37};
    const boxgrad::per_level<featmap_size> sizes{{1, 1}, {5, 9}, {17, 3}};
    const auto with_stride = boxgrad::prior::grid_priors(b, boxgrad::prior::with_strides{generator}, sizes);
    const auto plain = boxgrad::prior::grid_priors(b, generator, sizes);
    REQUIRE(plain.size() == 3);
    for (int l = 0; l < 3; ++l) {
        const auto level = static_cast<std::size_t>(l);
        const auto four = test::to_host<2>(b, with_stride[level]);
        const auto two = test::to_host<2>(b, plain[level]);
        const auto cells = static_cast<std::size_t>(sizes[l].cells());
        REQUIRE(four.size() == 4 * cells);
        REQUIRE(two.size() == 2 * cells);
        std::vector<std::int64_t> chosen;
        for (std::size_t i = 0; i < cells; ++i) {
            const auto p = boxgrad::prior::at<T>(generator, l, sizes[l], static_cast<std::ptrdiff_t>(i));
            const auto w = static_cast<std::size_t>(sizes[l].w);
            // What it is: (column + offset)·stride, in T.
            CHECK(p.x == (static_cast<T>(i % w) + T(0.37)) * static_cast<T>(generator.strides[l].w));
            CHECK(p.y == (static_cast<T>(i / w) + T(0.37)) * static_cast<T>(generator.strides[l].h));
            CHECK(std::vector<T>{four.begin() + static_cast<std::ptrdiff_t>(4 * i), four.begin() + static_cast<std::ptrdiff_t>(4 * i + 4)} ==
                  std::vector<T>{p.x, p.y, p.sx, p.sy});
            CHECK((two[2 * i] == p.x && two[2 * i + 1] == p.y));
            chosen.push_back(static_cast<std::int64_t>(cells - 1 - i));
        }
        const auto sparse = test::to_host<2>(
            b, boxgrad::prior::sparse_priors(b, generator, test::from_host(b, extents<1>{{static_cast<std::ptrdiff_t>(cells)}}, chosen), sizes[l], l));
        REQUIRE(sparse.size() == two.size());
        for (std::size_t i = 0; i < cells; ++i) {
            CHECK((sparse[2 * i] == two[2 * (cells - 1 - i)] && sparse[2 * i + 1] == two[2 * (cells - 1 - i) + 1]));
        }
    }
    const mlvl_point_generator usual{{8, 16, 32}, 0.5};
    CHECK(usual.num_levels() == 3);
    CHECK(usual.num_base_priors(1) == 1);
    CHECK(test::to_host<2>(b, boxgrad::prior::single_level_grid_priors(b, usual, {2, 2}, 1)) == std::vector<T>{8, 8, 24, 8, 8, 24, 24, 24});
    CHECK(test::to_host<2>(b, boxgrad::prior::point_generator{}.grid_points(b, {2, 3}, 4)) ==
          std::vector<T>{0, 0, 4, 4, 0, 4, 8, 0, 4, 0, 4, 4, 4, 4, 4, 8, 4, 4});
}

TEMPLATE_LIST_TEST_CASE("valid flags: cells that begin within the unpadded picture", "[prior]", test::float_backends) {
    const TestType b;
    const mlvl_point_generator generator{{{8, 4}, 16}, 0.5};
    using flags = std::vector<std::uint8_t>;
    // 9 pixels high: 3 rows of 4; 17 wide: 3 columns of 8.
    CHECK(test::to_host<1>(b, boxgrad::prior::single_level_valid_flags(b, generator, {4, 4}, {9, 17}, 0)) == flags{1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0});
    const auto both = boxgrad::prior::valid_flags(b, generator, {{1, 2}, {2, 2}}, {16, 16});
    REQUIRE(both.size() == 2);
    CHECK(test::to_host<1>(b, both[0]) == flags{1, 1});
    CHECK(test::to_host<1>(b, both[1]) == flags{1, 0, 0, 0});
    CHECK(test::to_host<1>(b, boxgrad::prior::point_generator{}.valid_flags(b, {2, 2}, {1, 2})) == flags{1, 1, 0, 0});
}

TEMPLATE_LIST_TEST_CASE("P26 priors: levels, sizes and cells out of range are refused", "[prior][promise]", test::float_backends) {
    const TestType b;
    const mlvl_point_generator generator{{8, 16}, 0.5};
    CHECK_THROWS_AS(boxgrad::prior::grid_priors(b, generator, {{2, 2}}), boxgrad::shape_error);
    CHECK_THROWS_AS(boxgrad::prior::valid_flags(b, generator, {{2, 2}}, {8, 8}), boxgrad::shape_error);
    CHECK_THROWS_AS(boxgrad::prior::single_level_grid_priors(b, generator, {2, 2}, 2), boxgrad::shape_error);
    CHECK_THROWS_AS(boxgrad::prior::single_level_grid_priors(b, generator, {2, 2}, -1), boxgrad::shape_error);
    CHECK_THROWS_AS(boxgrad::prior::single_level_grid_priors(b, generator, {-2, 2}, 0), boxgrad::shape_error);
    const std::ptrdiff_t huge = std::ptrdiff_t{1} << 40;
    CHECK_THROWS_AS(boxgrad::prior::single_level_grid_priors(b, generator, {huge, huge}, 0), boxgrad::size_error);
    CHECK_THROWS_AS(boxgrad::prior::single_level_grid_priors(b, (mlvl_point_generator{{8, 0}, 0.5}), {2, 2}, 1), boxgrad::config_error);
    for (const std::int64_t bad : {-1, 4}) {
        const auto cells = test::from_host(b, extents<1>{{2}}, std::vector<std::int64_t>{0, bad});
        CHECK_THROWS_AS(boxgrad::prior::sparse_priors(b, generator, cells, {2, 2}, 0), boxgrad::shape_error);
    }
    CHECK(test::to_host<2>(b, boxgrad::prior::single_level_grid_priors(b, generator, {0, 5}, 0)).empty());
}

static_assert(boxgrad::prior::at<float>(mlvl_point_generator{{8}, 0.5}, 0, {4, 4}, 6).x == 20.0F);
