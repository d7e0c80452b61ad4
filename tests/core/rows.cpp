// SPDX-License-Identifier: Apache-2.0
//
// Rows are read and written a pack at a time: the same numbers whatever the count and the layout.
#include "catch.hpp"

#include <boxgrad/backend/cpu.hpp>
#include <boxgrad/core/rows.hpp>

#include <cstring>
#include <vector>

namespace {

using boxgrad::extents;
using position = boxgrad::index;
using boxgrad::view;

template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// Every number of memory differs, so that none can stand in for another.
template <class T>
std::vector<T> numbered(std::size_t n) {
    std::vector<T> v(n);
    for (std::size_t i = 0; i < n; ++i) v[i] = static_cast<T>(i) + T(0.25);
    return v;
}

struct layout {
    position first;
    extents<2> stride;
};
/// Rows of `columns` numbers: without gaps, with them, column by column, backwards.
std::vector<layout> layouts(position rows, position columns) {
    return {{0, {{columns, 1}}},
            {0, {{4, 1}}},
            {3, {{columns + 3, 1}}},
            {0, {{1, rows}}},
            {(rows - 1) * columns, {{-columns, 1}}},
            {rows * columns * 2, {{-1, -rows}}},
            {1, {{2 * columns, 2}}}};
}

/// load_fields and store_fields of C columns against element by element.
template <class T, int C>
void check_fields() {
    using V = boxgrad::cpu::lanes<T>;
    constexpr int width = boxgrad::width_v<V>;
    constexpr position rows = 3 * width + 1;
    for (const position column : {position{0}, position{2}}) {
        const position columns = C + column;
        for (const layout& l : layouts(rows, columns)) {
            if (l.stride[0] == 4 && columns > 4) continue;  // rows that overlap may be read, not written
            std::vector<T> memory = numbered<T>(static_cast<std::size_t>(rows * columns * 4 + 64));
            const view<T, 2> v(memory.data() + l.first, {{rows, columns}}, l.stride);
            for (position i : {position{0}, position{1}, position{width}}) {
                for (int count = 1; count <= width; ++count) {
                    INFO(C << " columns from " << column << ", rows " << i << " + " << count << ", stride " << l.stride[0]);
                    const auto f = boxgrad::load_fields<V, C>(view<const T, 2>(v), i, count, column);
                    bool loaded = true;
                    for (int c = 0; c < C; ++c) {
                        for (int k = 0; k < width; ++k) {
                            const T x = boxgrad::lane(f[c], k);
                            bool found = k < count ? x == v(i + k, column + c) : false;
                            // A missing lane repeats a row that is there, and the same one in each column.
                            for (int r = 0; k >= count && r < count; ++r) {
                                found = found || (x == v(i + r, column + c) && boxgrad::lane(f[0], k) == v(i + r, column));
                            }
                            loaded = loaded && found;
                        }
                    }
                    CHECK(loaded);
                    std::vector<T> expected(memory.size(), T(-1));
                    std::vector<T> written(memory.size(), T(-1));
                    const view<T, 2> e(expected.data() + l.first, v.extent, l.stride);
                    for (int c = 0; c < C; ++c) {
                        for (int k = 0; k < count; ++k) e(i + k, column + c) = v(i + k, column + c);
                    }
                    boxgrad::store_fields<V, C>(f, view<T, 2>(written.data() + l.first, v.extent, l.stride), i, count, column);
                    CHECK(same(written, expected));
                }
            }
        }
    }
}

}  // namespace

TEMPLATE_TEST_CASE("fields are read and written as element by element, nothing beside them", "[core]", float, double) {
    check_fields<TestType, 1>();
    check_fields<TestType, 2>();
    check_fields<TestType, 3>();
    check_fields<TestType, 4>();
    check_fields<TestType, 5>();
}

TEMPLATE_TEST_CASE("the first fields of more are stored alone", "[core]", float, double) {
    using T = TestType;
    using V = boxgrad::cpu::lanes<T>;
    constexpr int width = boxgrad::width_v<V>;
    const std::vector<T> from = numbered<T>(4 * width);
    const auto f = boxgrad::load_fields<V, 4>(view<const T, 2>(from.data(), {{width, 4}}), 0, width);
    std::vector<T> to(4 * width, T(-1));
    boxgrad::store_fields<V, 3>(f, view<T, 2>(to.data(), {{width, 4}}), 0, width);
    for (std::size_t i = 0; i < to.size(); ++i) CHECK(to[i] == (i % 4 == 3 ? T(-1) : from[i]));
}

#if BOXGRAD_HAS_XSIMD
TEMPLATE_TEST_CASE("store_four undoes load_four, wherever memory begins", "[core]", float, double) {
    using T = TestType;
    using V = boxgrad::pack<T>;
    constexpr int width = V::width;
    for (std::size_t offset = 0; offset < 17; ++offset) {
        const std::vector<T> from = numbered<T>(4 * width + offset);
        std::vector<T> to(4 * width + offset + 1, T(-1));
        V column[4];
        if (!boxgrad::load_four(from.data() + offset, column)) {
            CHECK_FALSE(boxgrad::store_four(column, to.data()));
            continue;
        }
        for (int c = 0; c < 4; ++c) {
            for (int k = 0; k < width; ++k) CHECK(boxgrad::lane(column[c], k) == from[offset + static_cast<std::size_t>(4 * k + c)]);
        }
        REQUIRE(boxgrad::store_four(column, to.data() + offset));
        CHECK(std::memcmp(to.data() + offset, from.data() + offset, 4 * width * sizeof(T)) == 0);
        CHECK(to.back() == T(-1));
        for (std::size_t i = 0; i < offset; ++i) CHECK(to[i] == T(-1));
    }
}
#endif

TEST_CASE("packs that rows take", "[core]") {
    using V = boxgrad::cpu::lanes<float>;
    constexpr position width = boxgrad::width_v<V>;
    for (position n = 0; n < 70; ++n) {
        position rows = 0;
        for (position p = 0; p < boxgrad::packs_of<V>(n); ++p) rows += boxgrad::rows_left<V>(n, p * width);
        CHECK(rows == n);
    }
}
