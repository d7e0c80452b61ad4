// SPDX-License-Identifier: Apache-2.0
//
// The loops over overlaps: the same bits whatever the numbers of boxes, the layout of the result, the
// backend and the threads.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxgrad.hpp>

#include <cstring>
#include <random>

namespace {

namespace overlap = boxgrad::overlap;
namespace prior = boxgrad::prior;
using boxgrad::box;
using boxgrad::view;
using position = boxgrad::index;
using test::extents;

template <class T>
std::vector<T> random_boxes(unsigned seed, position n, position columns = 4) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> u(0, 20);
    std::vector<T> v;
    for (position i = 0; i < n; ++i) {
        const double x = u(random);
        const double y = u(random);
        v.insert(v.end(), {static_cast<T>(x), static_cast<T>(y), static_cast<T>(x + u(random)), static_cast<T>(y + u(random))});
        if (columns == 5) v.push_back(boxgrad::not_a_number<T>);  // a score that no one reads
    }
    return v;
}
template <class T>
box<T> box_at(const std::vector<T>& v, position i, position columns = 4) {
    const auto k = static_cast<std::size_t>(columns * i);
    return {v[k], v[k + 1], v[k + 2], v[k + 3]};
}
template <class T>
bool same(T a, T b) {
    return std::memcmp(&a, &b, sizeof(T)) == 0;
}

const position rows[] = {0, 1, 3, 15, 16, 17, 33};
const position columns[] = {0, 1, 2, 7, 8, 15, 16, 17, 40};

/// Overlaps of one box with one: a pack of them, since a compiler that fuses products need not do so alike
/// in a scalar.
template <class V, class O, class T>
T one_overlap(const O& o, const box<T>& a, const box<T>& b) {
    return boxgrad::lane(o(box<V>{V(a.x1), V(a.y1), V(a.x2), V(a.y2)}, box<V>{V(b.x1), V(b.y1), V(b.x2), V(b.y2)}), 0);
}

template <class T, class O>
void check_all(const O& o) {
    const boxgrad::memory<T> b;
    using V = boxgrad::cpu::lanes<T>;
    using in = view<const T, 2>;
    for (const position m : rows) {
        for (const position n : columns) {
            const auto first = random_boxes<T>(31, m);
            const auto second = random_boxes<T>(32, n);
            const in x(first.data(), {{m, 4}});
            const in y(second.data(), {{n, 4}});
            std::vector<T> expected;
            for (position i = 0; i < m; ++i) {
                for (position j = 0; j < n; ++j) expected.push_back(one_overlap<V>(o, box_at(first, i), box_at(second, j)));
            }
            INFO(m << " x " << n);
            const auto made = overlap::pairwise(b, o, x, y);
            REQUIRE(made.data.size() == expected.size());
            bool equal = true;
            for (std::size_t k = 0; k < expected.size(); ++k) equal = equal && same(made.data[k], expected[k]);
            CHECK(equal);
            // Row by row with gaps, column by column without and with, backwards in one axis or both.
            struct layout {
                position first;
                extents<2> stride;
            };
            for (const layout& l : {layout{0, {{n + 3, 1}}}, layout{0, {{1, m}}}, layout{2, {{1, m + 5}}}, layout{5, {{2 * n, 2}}},
                                    layout{(m - 1) * n, {{-n, 1}}}, layout{n - 1, {{n, -1}}}, layout{m * n - 1, {{-1, -m}}},
                                    layout{(n - 1) * m, {{1, -m}}}}) {
                if (m == 0 || n == 0) continue;
                std::vector<T> memory(static_cast<std::size_t>(3 * m * n + 6 * (m + n) + 40), T(-7));
                view<T, 2> out(memory.data() + l.first, {{m, n}}, l.stride);
                overlap::pairwise(b, o, x, y, out);
                bool agree = true;
                for (position i = 0; i < m; ++i) {
                    for (position j = 0; j < n; ++j) agree = agree && same(out(i, j), expected[static_cast<std::size_t>(i * n + j)]);
                }
                INFO("strides " << l.stride[0] << ", " << l.stride[1]);
                CHECK(agree);
                CHECK(std::count(memory.begin(), memory.end(), T(-7)) == static_cast<position>(memory.size()) - m * n);
            }
            if (n < m) continue;
            const auto pairs = overlap::aligned(b, o, x, in(second.data(), {{m, 4}}));
            REQUIRE(static_cast<position>(pairs.data.size()) == m);
            bool agree = true;
            for (position i = 0; i < m; ++i) agree = agree && same(pairs.data[static_cast<std::size_t>(i)], expected[static_cast<std::size_t>(i * n + i)]);
            CHECK(agree);
        }
    }
}

}  // namespace

TEMPLATE_TEST_CASE("pairwise, every layout, and aligned are a loop over boxes, bit for bit", "[overlap][property]", float, double) {
    check_all<TestType>(overlap::iou{});
    check_all<TestType>(overlap::giou{});
    check_all<TestType>(overlap::ciou{});
}

TEMPLATE_LIST_TEST_CASE("pairwise and aligned of a backend are memory's", "[overlap][property]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const boxgrad::memory<T> plain;
    for (const auto& [m, n] : {std::pair{position{17}, position{33}}, {33, 5}, {1, 40}}) {
        const auto first = random_boxes<T>(33, m);
        const auto second = random_boxes<T>(34, n);
        const auto x = test::from_host(b, extents<2>{{m, 4}}, first);
        const auto y = test::from_host(b, extents<2>{{n, 4}}, second);
        const view<const T, 2> px(first.data(), {{m, 4}});
        const view<const T, 2> py(second.data(), {{n, 4}});
        const auto got = test::to_host<2>(b, overlap::pairwise(b, overlap::giou{}, x, y));
        const auto expected = overlap::pairwise(plain, overlap::giou{}, px, py);
        REQUIRE(got.size() == expected.data.size());
        CHECK(std::memcmp(got.data(), expected.data.data(), got.size() * sizeof(T)) == 0);
        const auto self = test::to_host<1>(b, overlap::aligned(b, overlap::iou{}, x, x));
        CHECK(self == std::vector<T>(static_cast<std::size_t>(m), T(1)));
    }
}

TEMPLATE_TEST_CASE("a grid, boxes with a score and stored boxes give the same overlaps", "[overlap][property]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    const prior::yolo_anchor_generator g{{7.3}, {{{10, 13}, {16, 30.1}, {33, 23}}}};
    for (const boxgrad::featmap_size size : {boxgrad::featmap_size{3, 5}, {1, 1}, {4, 1}}) {
        const auto grid = g.template grid<T>(0, size);
        const auto stored = prior::single_level_grid_priors(b, g, size, 0);
        const auto four = random_boxes<T>(35, 21);
        const auto five = random_boxes<T>(35, 21, 5);
        const view<const T, 2> y(four.data(), {{21, 4}});
        const view<const T, 2> scored(five.data(), {{21, 5}});
        const auto expected = overlap::pairwise(b, overlap::giou{}, stored, y).data;
        CHECK(overlap::pairwise(b, overlap::giou{}, grid, y).data == expected);
        CHECK(overlap::pairwise(b, overlap::giou{}, grid, scored).data == expected);
        CHECK(overlap::pairwise(b, overlap::giou{}, scored, grid).data == overlap::pairwise(b, overlap::giou{}, y, stored).data);
        CHECK(overlap::aligned(b, overlap::siou{}, grid, stored).data == overlap::aligned(b, overlap::siou{}, stored, grid).data);
        CHECK(overlap::pairwise(b, overlap::iou{}, grid, grid).data == overlap::pairwise(b, overlap::iou{}, stored, stored).data);
        std::vector<T> memory(static_cast<std::size_t>(grid.size() * 21));
        view<T, 2> columns_first(memory.data(), {{grid.size(), 21}}, {{1, grid.size()}});
        overlap::pairwise(b, overlap::giou{}, grid, scored, columns_first);
        bool equal = true;
        for (position i = 0; i < grid.size(); ++i) {
            for (position j = 0; j < 21; ++j) equal = equal && same(columns_first(i, j), expected[static_cast<std::size_t>(i * 21 + j)]);
        }
        CHECK(equal);
    }
}

TEST_CASE("P26 P28 pairwise refuses shapes and outputs over its inputs, row sources too", "[overlap][promise]") {
    const boxgrad::memory<float> b;
    auto memory = random_boxes<float>(36, 40);
    const view<const float, 2> x(memory.data(), {{8, 4}});
    const view<const float, 2> y(memory.data() + 32, {{4, 4}});
    view<float, 2> over_first(memory.data() + 28, {{8, 4}});
    view<float, 2> over_second(memory.data() + 47, {{8, 4}});
    const auto before = memory;
    CHECK_THROWS_AS(overlap::pairwise(b, overlap::iou{}, x, y, over_first), boxgrad::shape_error);
    CHECK_THROWS_AS(overlap::pairwise(b, overlap::iou{}, x, y, over_second), boxgrad::shape_error);
    CHECK_THROWS_AS(overlap::pairwise(b, overlap::iou{}, boxgrad::stored_boxes<float>{x}, y, over_first), boxgrad::shape_error);
    view<float, 2> wrong(memory.data() + 60, {{4, 8}});
    CHECK_THROWS_AS(overlap::pairwise(b, overlap::iou{}, x, y, wrong), boxgrad::shape_error);
    CHECK_THROWS_AS(overlap::pairwise(b, overlap::iou{}, view<const float, 2>(memory.data(), {{4, 6}}), y), boxgrad::shape_error);
    CHECK_THROWS_AS(overlap::aligned(b, overlap::iou{}, x, y), boxgrad::shape_error);
    CHECK(memory == before);
    // Where one ends the other may begin.
    view<float, 2> beside(memory.data() + 48, {{8, 4}});
    overlap::pairwise(b, overlap::iou{}, x, y, beside);
    CHECK(std::equal(memory.begin(), memory.begin() + 48, before.begin()));
}

#if defined(_OPENMP)
TEMPLATE_TEST_CASE("P34 pairwise and aligned: the number of threads changes no bit", "[overlap][promise]", float, double) {
    using T = TestType;
    boxgrad::memory<T> b;
    const auto first = random_boxes<T>(37, 133);
    const auto second = random_boxes<T>(38, 133);
    const view<const T, 2> x(first.data(), {{133, 4}});
    const view<const T, 2> y(second.data(), {{133, 4}});
    const auto pairs = overlap::pairwise(b, overlap::ciou{}, x, y);
    const auto each = overlap::aligned(b, overlap::siou{}, x, y);
    for (const int threads : {2, 5}) {
        b.threads = threads;
        CHECK(overlap::pairwise(b, overlap::ciou{}, x, y).data == pairs.data);
        CHECK(overlap::aligned(b, overlap::siou{}, x, y).data == each.data);
        std::vector<T> memory(133 * 133);
        view<T, 2> columns_first(memory.data(), {{133, 133}}, {{1, 133}});
        overlap::pairwise(b, overlap::ciou{}, x, y, columns_first);
        bool equal = true;
        for (position i = 0; i < 133; ++i) {
            for (position j = 0; j < 133; ++j) equal = equal && same(columns_first(i, j), pairs(i, j));
        }
        CHECK(equal);
    }
}
#endif
