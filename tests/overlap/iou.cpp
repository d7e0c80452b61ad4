// SPDX-License-Identifier: Apache-2.0
//
// Overlaps: what must hold of any two boxes, accuracy against long double, and the two loops over them.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxgrad.hpp>

#include <cmath>
#include <cstring>
#include <random>

namespace {

namespace overlap = boxgrad::overlap;
using boxgrad::box;
using test::extents;

/// Boxes on a grid of eighths, so that sides often agree, touch, nest or are empty or inverted.
template <class T>
box<T> grid_box(std::mt19937_64& random) {
    const auto at = [&] { return static_cast<T>(static_cast<int>(random() % 80)) / T(8); };
    return {at(), at(), at(), at()};
}
template <class T>
box<T> upright(const box<T>& b) {
    return {std::min(b.x1, b.x2), std::min(b.y1, b.y2), std::max(b.x1, b.x2), std::max(b.y1, b.y2)};
}
template <class T>
bool empty(const box<T>& b) {
    return !(b.x2 > b.x1 && b.y2 > b.y1);
}
template <class T>
bool equal(const box<T>& a, const box<T>& b) {
    return a.x1 == b.x1 && a.y1 == b.y1 && a.x2 == b.x2 && a.y2 == b.y2;
}
template <class T>
box<T> moved(const box<T>& b, T dx, T dy) {
    return {b.x1 + dx, b.y1 + dy, b.x2 + dx, b.y2 + dy};
}
template <class T>
box<T> scaled(const box<T>& b, T s) {
    return {b.x1 * s, b.y1 * s, b.x2 * s, b.y2 * s};
}

/// In long double, by cases; -1 for boxes without an area together.
template <class T>
long double iou_exactly(const box<T>& a, const box<T>& b) {
    const auto l = [](T x) { return static_cast<long double>(x); };
    const long double w = l(std::min(a.x2, b.x2)) - l(std::max(a.x1, b.x1));
    const long double h = l(std::min(a.y2, b.y2)) - l(std::max(a.y1, b.y1));
    const long double both = w > 0 && h > 0 ? w * h : 0;
    return both / ((l(a.x2) - l(a.x1)) * (l(a.y2) - l(a.y1)) + (l(b.x2) - l(b.x1)) * (l(b.y2) - l(b.y1)) - both);
}

}  // namespace

TEMPLATE_TEST_CASE("IoU is symmetric, in [0, 1], and 1 for equal boxes with an area only", "[overlap][property]", float, double) {
    using T = TestType;
    std::mt19937_64 random(1);
    const overlap::iou exact{.eps = 0};
    int ones = 0;
    int zeros = 0;
    for (int i = 0; i < 200000; ++i) {
        const box<T> a = grid_box<T>(random);
        const box<T> b = i % 5 == 0 ? a : grid_box<T>(random);
        for (const overlap::iou& o : {overlap::iou{}, exact}) {
            const T u = o(a, b);
            CHECK(u == o(b, a));
            CHECK((u >= 0 && u <= 1));
            if (empty(a) || empty(b)) CHECK(u == 0);
            if (!empty(a) && !empty(b)) CHECK((u == 1) == equal(a, b));
            ones += u == 1 ? 1 : 0;
            zeros += u == 0 ? 1 : 0;
        }
        const T f = overlap::iof{}(a, b);
        CHECK((f >= exact(a, b) && f <= 1));
    }
    CHECK(ones > 1000);
    CHECK(zeros > 1000);
}

TEMPLATE_TEST_CASE("GIoU is at most IoU, symmetric, in [-1, 1], empty and inverted boxes included", "[overlap][property]", float, double) {
    using T = TestType;
    std::mt19937_64 random(2);
    bool negative = false;
    for (int i = 0; i < 200000; ++i) {
        const box<T> a = grid_box<T>(random);
        const box<T> b = i % 7 == 0 ? moved(a, T(100), T(3)) : grid_box<T>(random);
        for (const double eps : {1e-6, 0.0}) {
            const T g = overlap::giou{eps}(a, b);
            CHECK(g <= overlap::iou{eps}(a, b));
            CHECK((g >= -1 && g <= 1));
            CHECK(g == overlap::giou{eps}(b, a));
            negative = negative || g < 0;
            if (!empty(a) && equal(a, b)) CHECK(g == 1);
        }
    }
    CHECK(negative);
}

TEMPLATE_TEST_CASE("overlaps do not change with place on a grid, nor with a scale of 2^k without a floor", "[overlap][property]", float, double) {
    using T = TestType;
    std::mt19937_64 random(3);
    for (int i = 0; i < 100000; ++i) {
        const box<T> a = grid_box<T>(random);
        const box<T> b = grid_box<T>(random);
        const T dx = static_cast<T>(static_cast<int>(random() % 4096)) / T(8) - T(256);
        const T dy = static_cast<T>(static_cast<int>(random() % 4096)) / T(8) - T(256);
        CHECK(overlap::iou{}(moved(a, dx, dy), moved(b, dx, dy)) == overlap::iou{}(a, b));
        CHECK(overlap::giou{}(moved(a, dx, dy), moved(b, dx, dy)) == overlap::giou{}(a, b));
        CHECK(overlap::iof{}(moved(a, dx, dy), moved(b, dx, dy)) == overlap::iof{}(a, b));
        const T s = std::ldexp(T(1), static_cast<int>(random() % 100) - 57);
        CHECK(overlap::iou{0}(scaled(a, s), scaled(b, s)) == overlap::iou{0}(a, b));
        // Of two boxes without an area the hull alone is left, and above it the smallest normal number.
        if (!empty(a) || !empty(b)) CHECK(overlap::giou{0}(scaled(a, s), scaled(b, s)) == overlap::giou{0}(a, b));
        CHECK(overlap::iof{0}(scaled(a, s), scaled(b, s)) == overlap::iof{0}(a, b));
    }
}

TEST_CASE("P6 without a floor IoU is as exact at every scale, sides from 2^-60 to 2^59", "[overlap][promise]") {
    std::mt19937_64 random(4);
    std::uniform_real_distribution<float> u(0.5F, 1.0F);
    double off = 0;  // from the exact quotient of these floats
    const auto units = [](float got, long double e) {
        const float ulp = std::nextafter(static_cast<float>(e), 2.0F) - static_cast<float>(e);
        return static_cast<double>(std::abs(static_cast<long double>(got) - e) / static_cast<long double>(ulp));
    };
    const overlap::iou exact{.eps = 0};
    for (int k = -58; k <= 58; ++k) {
        for (int i = 0; i < 2000; ++i) {
            const float s = std::ldexp(u(random), k);
            const box<float> a{0, 0, u(random), u(random)};
            const box<float> b{0.25F * a.x2 * u(random), 0.25F * a.y2 * u(random), 1 + u(random), 1 + u(random)};
            const float there = exact(scaled(a, s), scaled(b, s));
            off = std::max(off, units(there, iou_exactly(scaled(a, s), scaled(b, s))));
        }
    }
    INFO("off by " << off << " ULP");
    CHECK(off <= 6);
    // The default has mmdetection's floor of 1e-6 squared pixels under the union.
    const box<float> tiny{0, 0, 1e-4F, 1e-4F};
    CHECK(overlap::iou{}(tiny, tiny) == Approx(1e-8 / 1e-6));
    CHECK(overlap::iou{.eps = 0}(tiny, tiny) == 1);
    CHECK(overlap::giou{}(tiny, tiny) == Approx(1e-8 / 1e-6));
}

TEMPLATE_LIST_TEST_CASE("pairwise and aligned are the formula at every pair", "[overlap]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    std::mt19937_64 random(5);
    for (const auto& [m, n] : {std::pair{1, 1}, {3, 17}, {17, 3}, {33, 40}, {0, 5}, {5, 0}}) {
        INFO(m << " x " << n);
        const auto list = [&](int count) {
            std::vector<T> v;
            for (int i = 0; i < count; ++i) {
                const box<T> x = grid_box<T>(random);
                v.insert(v.end(), {x.x1, x.y1, x.x2, x.y2});
            }
            return v;
        };
        const auto first = list(m);
        const auto second = list(n);
        const auto at = [](const std::vector<T>& v, int i) {
            const auto k = static_cast<std::size_t>(4 * i);
            return box<T>{v[k], v[k + 1], v[k + 2], v[k + 3]};
        };
        const auto x = test::from_host(b, extents<2>{{m, 4}}, first);
        const auto y = test::from_host(b, extents<2>{{n, 4}}, second);
        const auto all = test::to_host<2>(b, overlap::pairwise(b, overlap::giou{}, x, y));
        REQUIRE(all.size() == static_cast<std::size_t>(m * n));
        for (int i = 0; i < m; ++i) {
            for (int j = 0; j < n; ++j) {
                CHECK(test::near(all[static_cast<std::size_t>(i * n + j)], overlap::giou{}(at(first, i), at(second, j)), 4));
            }
        }
        if (n < m) continue;
        const std::vector<T> partners(second.begin(), second.begin() + 4 * m);
        const auto pairs = test::to_host<1>(b, overlap::aligned(b, overlap::iof{}, x, test::from_host(b, extents<2>{{m, 4}}, partners)));
        REQUIRE(pairs.size() == static_cast<std::size_t>(m));
        for (int i = 0; i < m; ++i) CHECK(test::near(pairs[static_cast<std::size_t>(i)], overlap::iof{}(at(first, i), at(second, i)), 4));
    }
    const auto three = test::rows(b, 4, {0, 0, 1, 1, 0, 0, 2, 2, 0, 0, 3, 3});
    const auto one = test::rows(b, 4, {0, 0, 1, 1});
    CHECK_THROWS_AS(overlap::aligned(b, overlap::iou{}, three, one), boxgrad::shape_error);
    CHECK_THROWS_AS(overlap::pairwise(b, overlap::iou{}, three, test::rows(b, 1, {1, 2})), boxgrad::shape_error);
    auto small = test::rows(b, 2, {9, 9, 9, 9});
    CHECK_THROWS_AS(overlap::pairwise(b, overlap::iou{}, three, one, small), boxgrad::shape_error);
    for (const T v : test::to_host<2>(b, small)) CHECK(v == T(9));
}

TEST_CASE("P28 P30 pairwise: layouts give the same bits, overlapping and repeated outputs are refused", "[overlap][promise]") {
    const boxgrad::memory<float> b;
    std::mt19937_64 random(6);
    const extents<2> e{{19, 4}};
    std::vector<float> rows;
    for (int i = 0; i < 19; ++i) {
        const auto x = upright(grid_box<float>(random));
        rows.insert(rows.end(), {x.x1, x.y1, x.x2, x.y2});
    }
    using in = boxgrad::view<const float, 2>;
    const auto plain = overlap::pairwise(b, overlap::giou{}, in(rows.data(), e), in(rows.data(), e));
    struct layout {
        std::ptrdiff_t first;
        extents<2> stride;
    };
    for (const layout& l : {layout{0, {{1, 19}}}, {18 * 4 + 3, {{-4, -1}}}, {7, {{9, 2}}}, {0, {{1, 25}}}}) {
        std::vector<float> memory(200);
        for (std::ptrdiff_t i = 0; i < 19; ++i) {
            for (std::ptrdiff_t c = 0; c < 4; ++c) {
                memory[static_cast<std::size_t>(l.first + i * l.stride[0] + c * l.stride[1])] = rows[static_cast<std::size_t>(4 * i + c)];
            }
        }
        const in x(memory.data() + l.first, e, l.stride);
        CHECK(overlap::pairwise(b, overlap::giou{}, x, in(rows.data(), e)).data == plain.data);
        CHECK(overlap::pairwise(b, overlap::giou{}, in(rows.data(), e), x).data == plain.data);
        std::vector<float> out(19 * 19 * 2, -9.0F);
        boxgrad::view<float, 2> turned(out.data() + 18 * 38, {{19, 19}}, {{2, -38}});
        overlap::pairwise(b, overlap::giou{}, x, x, turned);
        bool same = true;
        for (std::ptrdiff_t i = 0; i < 19; ++i) {
            for (std::ptrdiff_t j = 0; j < 19; ++j) same = same && turned(i, j) == plain(i, j);
        }
        CHECK(same);
        CHECK(std::count(out.begin(), out.end(), -9.0F) == 19 * 19);  // gaps are left alone
    }
    const in few(rows.data(), {{4, 4}});
    boxgrad::view<float, 2> within(rows.data() + 4, {{4, 4}});
    CHECK_THROWS_AS(overlap::pairwise(b, overlap::iou{}, few, few, within), boxgrad::shape_error);
    std::vector<float> one(4);
    boxgrad::view<float, 2> repeated(one.data(), {{4, 4}}, {{1, 0}});
    CHECK_THROWS_AS(overlap::pairwise(b, overlap::iou{}, few, few, repeated), boxgrad::shape_error);
}

static_assert(overlap::iou{}(box{0.0, 0.0, 2.0, 2.0}, box{1.0, 0.0, 3.0, 2.0}) == 2.0 / 6.0);
static_assert(overlap::giou{}(box{0.0, 0.0, 1.0, 1.0}, box{3.0, 0.0, 4.0, 1.0}) == -0.5);
