// SPDX-License-Identifier: Apache-2.0
//
// A grid that is computed where it is read, one that is stored, chosen priors and single ones: the same
// bits for shapes that do not fit packs.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxgrad.hpp>

#include <cstring>
#include <random>

namespace {

namespace prior = boxgrad::prior;
using boxgrad::box;
using boxgrad::featmap_size;
using position = boxgrad::index;
using boxgrad::stride;
using test::extents;

template <class T>
bool same(T a, T b) {
    return std::memcmp(&a, &b, sizeof(T)) == 0;
}
template <class T>
bool same(const box<T>& a, const box<T>& b) {
    return same(a.x1, b.x1) && same(a.y1, b.y1) && same(a.x2, b.x2) && same(a.y2, b.y2);
}

/// A generator of `count` anchors a cell, none a round number.
prior::yolo_anchor_generator odd_anchors(int count, stride s) {
    prior::yolo_anchor_generator g;
    g.strides = {s};
    boxgrad::inplace_vector<prior::anchor_size, 16> list;
    for (int i = 0; i < count; ++i) list.push_back({3.3 + 1.7 * i, 40.1 / (1 + i)});
    g.base_sizes.push_back(list);
    return g;
}

const featmap_size sizes[] = {{1, 1}, {1, 2}, {7, 1}, {1, 5}, {4, 5}, {3, 16}, {2, 17}, {9, 15}, {5, 7}};
const stride strides[] = {8, 7.3, {16, 12}, {0.1, 33.3}};

/// Where a pack of the grid differs from its rows; -1: nowhere.
template <class T>
position first_wrong_pack(const prior::anchor_grid<T>& grid, position from, position to) {
    using V = boxgrad::cpu::lanes<T>;
    constexpr int width = boxgrad::width_v<V>;
    for (position i = from; i < to; ++i) {
        const int most = static_cast<int>(std::min<position>(width, grid.size() - i));
        for (int count = 1; count <= most; ++count) {
            if (count != most && count != 1 && count != width / 2) continue;
            const box<V> p = grid.template at<V>(i, count);
            for (int k = 0; k < width; ++k) {
                const box<T> lane{boxgrad::lane(p.x1, k), boxgrad::lane(p.y1, k), boxgrad::lane(p.x2, k), boxgrad::lane(p.y2, k)};
                bool found = k < count && same(lane, grid[i + k]);
                for (int r = 0; k >= count && r < count; ++r) found = found || same(lane, grid[i + r]);
                if (!found) return i;
            }
        }
    }
    return -1;
}

/// Hides a value from constant folding.
template <class T>
T at_run_time(T x) {
    volatile T y = x;
    return y;
}

}  // namespace

TEMPLATE_TEST_CASE("packs of a grid are its rows, at every phase and count", "[prior][property]", float, double) {
    using T = TestType;
    for (const int anchors : {1, 2, 3, 5, 9, 15, 16}) {
        for (const stride& s : strides) {
            const auto g = odd_anchors(anchors, s);
            for (const featmap_size& size : sizes) {
                const auto grid = g.template grid<T>(0, size);
                INFO(anchors << " anchors, " << size.h << " x " << size.w << " cells, stride " << s.w);
                REQUIRE(grid.size() == size.cells() * anchors);
                CHECK(first_wrong_pack(grid, 0, grid.size()) == -1);
            }
        }
    }
}

TEMPLATE_TEST_CASE("a row of a grid is its formula: base anchor plus cell times stride", "[prior][property]", float, double) {
    using T = TestType;
    const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
    double worst = 0;
    for (const stride& s : strides) {
        const auto g = odd_anchors(3, s);
        const auto base = g.template base_anchors<T>(0);
        for (const featmap_size& size : sizes) {
            const auto grid = g.template grid<T>(0, size);
            for (position i = 0; i < grid.size(); ++i) {
                const long double x = static_cast<long double>((i / 3) % size.w) * static_cast<long double>(static_cast<T>(s.w));
                const long double y = static_cast<long double>((i / 3) / size.w) * static_cast<long double>(static_cast<T>(s.h));
                const box<T> a = base[static_cast<int>(i % 3)];
                const box<T> b = grid[i];
                const auto off = [&](T got, T from, long double shift) {
                    const long double e = static_cast<long double>(from) + shift;
                    const long double size_of = std::abs(static_cast<long double>(from)) + shift;
                    worst = std::max(worst, static_cast<double>(std::abs(static_cast<long double>(got) - e) / size_of) / eps);
                };
                off(b.x1, a.x1, x);
                off(b.y1, a.y1, y);
                off(b.x2, a.x2, x);
                off(b.y2, a.y2, y);
            }
        }
    }
    INFO("off by " << worst << " eps of |base| + shift");
    CHECK(worst <= 1);
}

TEST_CASE("packs of a grid are its rows beyond 2^24 columns and rows, where float has gaps", "[prior][property]") {
    const position far = position{1} << 24;
    for (const int anchors : {1, 3}) {
        const auto g = odd_anchors(anchors, 8);
        for (const featmap_size& size : {featmap_size{3, far + 40}, featmap_size{far + 40, 3}, featmap_size{far + 40, 17}}) {
            const auto grid = g.grid<float>(0, size);
            INFO(anchors << " anchors, " << size.h << " x " << size.w);
            const position cell = size.h > size.w ? far * size.w : far;
            CHECK(first_wrong_pack(grid, (cell - 20) * anchors, (cell + 20) * anchors) == -1);
        }
    }
}

TEMPLATE_LIST_TEST_CASE("stored, chosen and computed priors are the same bits", "[prior][property]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    for (const auto& [anchors, size, s] : {std::tuple{3, featmap_size{4, 5}, stride{7.3}}, {1, {1, 1}, 8}, {2, {9, 1}, {0.1, 33.3}}, {5, {2, 3}, 7.3}}) {
        const auto g = odd_anchors(anchors, s);
        const auto grid = g.template grid<T>(0, size);
        const auto n = static_cast<std::size_t>(grid.size());
        const auto all = prior::grid_priors(b, g, {size});
        REQUIRE(all.size() == 1);
        const auto stored = test::to_host<2>(b, all[0]);
        REQUIRE(stored.size() == 4 * n);
        std::vector<std::int64_t> chosen;
        for (std::size_t i = 0; i < n; ++i) chosen.push_back(static_cast<std::int64_t>((7 * i + 3) % n));
        const auto picked = test::to_host<2>(
            b, prior::sparse_priors(b, g, test::from_host(b, extents<1>{{static_cast<position>(n)}}, chosen), size, 0));
        REQUIRE(picked.size() == 4 * n);
        auto filled = b.template make<T, 2>(extents<2>{{grid.size(), 4}});
        prior::fill(b, g, filled, size, 0);
        CHECK(test::to_host<2>(b, filled) == stored);
        bool agree = true;
        for (std::size_t i = 0; i < n; ++i) {
            const auto row = [](const std::vector<T>& v, std::size_t k) { return box<T>{v[4 * k], v[4 * k + 1], v[4 * k + 2], v[4 * k + 3]}; };
            agree = agree && same(row(stored, i), grid[static_cast<position>(i)]) &&
                    same(row(stored, i), prior::at<T>(g, 0, size, static_cast<position>(i))) &&
                    same(row(picked, i), grid[static_cast<position>(chosen[i])]);
        }
        CHECK(agree);
    }
}

TEMPLATE_TEST_CASE("P30 fill: any layout, nothing written beside it, wrong shapes refused", "[prior][promise]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    const auto g = odd_anchors(3, 7.3);
    const featmap_size size{3, 7};
    const auto expected = prior::single_level_grid_priors(b, g, size, 0);
    for (const auto& [first, step] : {std::pair{position{0}, extents<2>{{1, 63}}}, {position{62 * 4}, extents<2>{{-4, 1}}}, {position{2}, extents<2>{{6, 1}}}, {position{3}, extents<2>{{8, -1}}}}) {
        std::vector<T> memory(63 * 8, T(-7));
        boxgrad::view<T, 2> v(memory.data() + first, {{63, 4}}, step);
        prior::fill(b, g, v, size, 0);
        bool equal = true;
        for (position i = 0; i < 63; ++i) {
            for (position c = 0; c < 4; ++c) equal = equal && same(v(i, c), expected(i, c));
        }
        CHECK(equal);
        CHECK(std::count(memory.begin(), memory.end(), T(-7)) == 63 * 4);
    }
    auto small = b.template make<T, 2>(extents<2>{{62, 4}});
    CHECK_THROWS_AS(prior::fill(b, g, small, size, 0), boxgrad::shape_error);
    auto wide = b.template make<T, 2>(extents<2>{{63, 5}});
    CHECK_THROWS_AS(prior::fill(b, g, wide, size, 0), boxgrad::shape_error);
    CHECK_THROWS_AS(prior::fill(b, g, wide, size, 1), boxgrad::shape_error);
}

#if !(defined(__clang__) && defined(__FMA__))  // clang fuses a product only when the program runs
TEST_CASE("a prior of a constant expression is that of the running program", "[prior][property]") {
    // Strides and sizes whose products round.
    constexpr auto g = [] {
        prior::anchor_generator r;
        r.strides = {7.3, {12.7, 9.1}};
        r.ratios = {0.5, 1, 2.3};
        r.octave_base_scale = 4;
        r.scales_per_octave = 3;
        r.center_offset = 0.37;
        return r;
    }();
    constexpr auto base_float = g.base_anchors<float>(1);
    constexpr auto base_double = g.base_anchors<double>(1);
    constexpr auto one_float = prior::at<float>(g, 0, {50, 60}, 9 * 1234 + 5);
    constexpr auto one_double = prior::at<double>(g, 0, {50, 60}, 9 * 1234 + 5);
    prior::anchor_generator h = g;
    h.strides = {{at_run_time(7.3), at_run_time(7.3)}, {at_run_time(12.7), at_run_time(9.1)}};
    h.ratios = {at_run_time(0.5), at_run_time(1.0), at_run_time(2.3)};
    h.octave_base_scale = at_run_time(4.0);
    h.scales_per_octave = at_run_time(3);
    h.center_offset = at_run_time(0.37);
    const auto rf = h.base_anchors<float>(1);
    const auto rd = h.base_anchors<double>(1);
    REQUIRE((rf.size() == 9 && rd.size() == 9));
    for (int i = 0; i < 9; ++i) {
        CHECK(same(rf[i], base_float[i]));
        CHECK(same(rd[i], base_double[i]));
    }
    CHECK(same(prior::at<float>(h, 0, {50, 60}, 9 * 1234 + 5), one_float));
    CHECK(same(prior::at<double>(h, 0, {50, 60}, 9 * 1234 + 5), one_double));
}
#endif

TEST_CASE("square roots of constant expressions are rounded as the processor's", "[prior][property]") {
    constexpr auto roots = [] {
        std::array<double, 64> r{};
        double x = 1.7e-3;
        for (double& y : r) {
            y = prior::detail::square_root(x);
            x *= 1.3;
        }
        return r;
    }();
    volatile double x = 1.7e-3;
    for (const double r : roots) {
        CHECK(r == std::sqrt(x));
        x = x * 1.3;
    }
}

TEST_CASE("P23 grids: sizes that do not fit are refused, empty ones are empty", "[prior][promise]") {
    const boxgrad::memory<float> b;
    const auto g = odd_anchors(3, 8);
    const position wide = position{1} << 31;
    CHECK_THROWS_AS(prior::single_level_grid_priors(b, g, {wide, wide}, 0), boxgrad::size_error);
    CHECK_THROWS_AS(prior::single_level_grid_priors(b, g, {1, wide}, 0), boxgrad::size_error);
    CHECK_THROWS_AS(prior::single_level_valid_flags(b, g, {wide << 20, wide << 20}, {8, 8}, 0), boxgrad::size_error);
    CHECK(test::to_host<2>(b, prior::single_level_grid_priors(b, g, {0, 7}, 0)).empty());
    CHECK(test::to_host<2>(b, prior::single_level_grid_priors(b, g, {7, 0}, 0)).empty());
    CHECK(test::to_host<1>(b, prior::single_level_valid_flags(b, g, {7, 0}, {8, 8}, 0)).empty());
    const auto none = test::from_host(b, extents<1>{{0}}, std::vector<std::int64_t>{});
    CHECK(test::to_host<2>(b, prior::sparse_priors(b, g, none, {2, 2}, 0)).empty());
}

TEMPLATE_LIST_TEST_CASE("valid flags of anchors repeat per cell; chosen anchors out of range are refused", "[prior]", test::float_backends) {
    const TestType b;
    const auto g = odd_anchors(2, {8, 4});
    using flags = std::vector<std::uint8_t>;
    // 5 pixels high: two rows of 4; 8 wide: one column of 8, 9 wide: two.
    CHECK(test::to_host<1>(b, prior::single_level_valid_flags(b, g, {3, 2}, {5, 8}, 0)) == flags{1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0});
    CHECK(test::to_host<1>(b, prior::single_level_valid_flags(b, g, {3, 2}, {5, 9}, 0)) == flags{1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0});
    CHECK(test::to_host<1>(b, prior::single_level_valid_flags(b, g, {1, 2}, {0, 100}, 0)) == flags{0, 0, 0, 0});
    CHECK(test::to_host<1>(b, prior::valid_flags(b, g, {{1, 1}}, {1000, 1000})[0]) == flags{1, 1});
    for (const std::int64_t bad : {std::int64_t{-1}, std::int64_t{12}, std::int64_t{1} << 40}) {
        const auto cells = test::from_host(b, extents<1>{{2}}, std::vector<std::int64_t>{11, bad});
        CHECK_THROWS_AS(prior::sparse_priors(b, g, cells, {3, 2}, 0), boxgrad::shape_error);
    }
    CHECK_THROWS_AS(prior::single_level_valid_flags(b, g, {3, 2}, {5, 8}, 1), boxgrad::shape_error);
    CHECK_THROWS_AS(prior::single_level_grid_priors(b, g, {3, -2}, 0), boxgrad::shape_error);
    CHECK_THROWS_AS(prior::grid_priors(b, g, {{3, 2}, {1, 1}}), boxgrad::shape_error);
    CHECK_THROWS_AS(prior::valid_flags(b, g, {}, {5, 8}), boxgrad::shape_error);
}
