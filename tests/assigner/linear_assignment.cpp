// SPDX-License-Identifier: Apache-2.0
//
// Linear assignment against every matching there is, against another algorithm, and against totals of SciPy.
#include "backends.hpp"
#include "catch.hpp"
#include "naive_assignment.hpp"

#include <boxgrad/assigner/linear_assignment.hpp>

#include <algorithm>
#include <numeric>
#include <random>

namespace {

using boxgrad::assigner::linear_assignment;
using boxgrad::assigner::unmatched;
using test::cost_table;
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

std::vector<boxgrad::index> solve(const cost_table& t) {
    return linear_assignment(boxgrad::view<const double, 2>(
        t.cost.data(), {{static_cast<boxgrad::index>(t.rows), static_cast<boxgrad::index>(t.columns)}}));
}

/// Pairs and total of an answer; fails where it is no matching.
test::matching_value value_of(const cost_table& t, const std::vector<boxgrad::index>& column_of) {
    test::matching_value v;
    REQUIRE(column_of.size() == t.rows);
    std::vector<bool> taken(t.columns, false);
    for (std::size_t i = 0; i < t.rows; ++i) {
        if (column_of[i] == unmatched) continue;
        const auto j = static_cast<std::size_t>(column_of[i]);
        REQUIRE(j < t.columns);
        CHECK(!taken[j]);
        CHECK(t.possible(i, j));
        taken[j] = true;
        ++v.pairs;
        v.total += t.at(i, j);
    }
    return v;
}

cost_table turned(const cost_table& t) {
    cost_table r{t.columns, t.rows, {}};
    for (std::size_t j = 0; j < t.columns; ++j) {
        for (std::size_t i = 0; i < t.rows; ++i) r.cost.push_back(t.at(i, j));
    }
    return r;
}

/// Small whole numbers, many equal; or any numbers; a share of pairs impossible, among them whole lines.
cost_table random_table(std::mt19937& random, std::size_t rows, std::size_t columns) {
    cost_table t{rows, columns, {}};
    const int kind = static_cast<int>(random() % 4);
    const unsigned holes = random() % 3 == 0 ? random() % 8 : 0;
    for (std::size_t k = 0; k < rows * columns; ++k) {
        double c = static_cast<int>(random() % 7) - 3;
        if (kind == 1) c = static_cast<int>(random() % 2000) - 1000;
        if (kind == 2) c = std::ldexp(static_cast<double>(random()), -20) - 2000;
        if (kind == 3) c = random() % 2 == 0 ? 0 : 1e6;
        const double impossible[] = {inf, no_number, -inf, 0x1p901};
        if (random() % 10 < holes) c = impossible[random() % 4];
        t.cost.push_back(c);
    }
    if (holes > 0 && rows * columns > 0) {
        const std::size_t row = random() % rows;
        const std::size_t column = random() % columns;
        if (random() % 2 == 0)
            std::fill_n(t.cost.begin() + static_cast<std::ptrdiff_t>(row * columns), columns, no_number);
        for (std::size_t i = 0; i < rows && random() % 2 == 0; ++i) t.cost[i * columns + column] = no_number;
    }
    return t;
}

/// The numbers that SciPy was given.
cost_table recorded_table(std::size_t rows, std::size_t columns, std::uint64_t seed) {
    cost_table t{rows, columns, {}};
    for (std::uint64_t i = 0; i < rows; ++i) {
        for (std::uint64_t j = 0; j < columns; ++j) {
            std::uint64_t x = (i * 7919 + j * 104729 + seed) & 0xffffffffu;
            for (int k = 0; k < 3; ++k) {
                x = (x * 2654435761u + 12345) & 0xffffffffu;
                x ^= x >> 15;
            }
            t.cost.push_back(static_cast<double>(x >> 12) - 300000);
        }
    }
    return t;
}

}  // namespace

TEST_CASE("linear_assignment finds the best of all matchings, of every size up to 6 x 6", "[assigner]") {
    std::mt19937 random(1);
    for (std::size_t rows = 0; rows <= 6; ++rows) {
        for (std::size_t columns = 0; columns <= 6; ++columns) {
            for (int k = 0; k < (rows * columns > 24 ? 60 : 200); ++k) {
                const cost_table t = random_table(random, rows, columns);
                const auto best = test::best_of_all(t);
                const auto v = value_of(t, solve(t));
                INFO(rows << " x " << columns << ", number " << k);
                CHECK(v.pairs == best.pairs);
                CHECK(v.total == Approx(best.total).margin(1e-9));
                const auto other = value_of(turned(t), solve(turned(t)));
                CHECK(other.pairs == best.pairs);
                CHECK(other.total == Approx(best.total).margin(1e-9));
            }
        }
    }
}

TEST_CASE("linear_assignment finds what Bellman and Ford find", "[assigner]") {
    std::mt19937 random(2);
    const std::size_t sizes[] = {1, 7, 8, 9, 15, 16, 17, 30, 33, 50};
    for (int k = 0; k < 150; ++k) {
        const cost_table t = random_table(random, sizes[random() % 10], sizes[random() % 10]);
        const auto best = test::best_by_paths(t);
        const auto v = value_of(t, solve(t));
        INFO(t.rows << " x " << t.columns << ", number " << k);
        CHECK(v.pairs == best.pairs);
        CHECK(v.total == Approx(best.total).epsilon(1e-12).margin(1e-6));
    }
}

TEST_CASE("linear_assignment never costs more than SciPy's", "[assigner]") {
    // scipy.optimize.linear_sum_assignment, SciPy 1.17.
    struct {
        std::size_t rows, columns;
        std::uint64_t seed;
        double total;
    } const recorded[] = {{1, 1, 1, 367835},        {3, 7, 2, -438259},       {7, 3, 3, -277869},
                          {10, 10, 4, -2344766},    {25, 40, 5, -6734394},    {64, 1, 6, -290435},
                          {100, 300, 7, -29531585}, {300, 100, 8, -29629100}, {200, 200, 9, -58337495},
                          {900, 50, 10, -14941109}};
    for (const auto& r : recorded) {
        const cost_table t = recorded_table(r.rows, r.columns, r.seed);
        const auto v = value_of(t, solve(t));
        INFO(r.rows << " x " << r.columns);
        CHECK(v.pairs == std::min(r.rows, r.columns));
        CHECK(v.total == r.total);
    }
}

TEST_CASE("linear_assignment: lines of impossible pairs are as if absent", "[assigner][promise]") {
    std::mt19937 random(3);
    for (int k = 0; k < 300; ++k) {
        const std::size_t rows = 1 + random() % 20;
        const std::size_t columns = 1 + random() % 20;
        cost_table t = random_table(random, rows, columns);
        std::vector<std::size_t> live_rows, live_columns;
        for (std::size_t i = 0; i < rows; ++i) {
            if (random() % 4 != 0) live_rows.push_back(i);
        }
        for (std::size_t j = 0; j < columns; ++j) {
            if (random() % 4 != 0) live_columns.push_back(j);
        }
        cost_table smaller{live_rows.size(), live_columns.size(), {}};
        for (const std::size_t i : live_rows) {
            for (const std::size_t j : live_columns) smaller.cost.push_back(t.at(i, j));
        }
        std::vector<double> spoilt(t.cost.size(), no_number);
        for (const std::size_t i : live_rows) {
            for (const std::size_t j : live_columns) spoilt[i * columns + j] = t.at(i, j);
        }
        t.cost = spoilt;
        const auto e = solve(smaller);
        std::vector<boxgrad::index> expected(rows, unmatched);
        for (std::size_t i = 0; i < live_rows.size(); ++i) {
            if (e[i] != unmatched)
                expected[live_rows[i]] = static_cast<boxgrad::index>(live_columns[static_cast<std::size_t>(e[i])]);
        }
        CHECK(solve(t) == expected);
    }
}

TEST_CASE("linear_assignment follows a permutation", "[assigner][property]") {
    std::mt19937 random(4);
    for (int k = 0; k < 100; ++k) {
        const std::size_t rows = 1 + random() % 30;
        const std::size_t columns = 1 + random() % 30;
        cost_table t{rows, columns, {}};
        for (std::size_t i = 0; i < rows * columns; ++i)
            t.cost.push_back(std::ldexp(static_cast<double>(random()), -16));
        std::vector<std::size_t> row(rows), column(columns);
        std::iota(row.begin(), row.end(), std::size_t{0});
        std::iota(column.begin(), column.end(), std::size_t{0});
        std::shuffle(row.begin(), row.end(), random);
        std::shuffle(column.begin(), column.end(), random);
        cost_table moved{rows, columns, std::vector<double>(rows * columns)};
        for (std::size_t i = 0; i < rows; ++i) {
            for (std::size_t j = 0; j < columns; ++j) moved.cost[row[i] * columns + column[j]] = t.at(i, j);
        }
        const auto a = solve(t);
        const auto b = solve(moved);
        for (std::size_t i = 0; i < rows; ++i) {
            CHECK(
                b[row[i]] ==
                (a[i] == unmatched ? unmatched : static_cast<boxgrad::index>(column[static_cast<std::size_t>(a[i])])));
        }
    }
}

TEST_CASE("linear_assignment: ties go to the lowest free column, row by row", "[assigner]") {
    const auto equal = [](std::size_t rows, std::size_t columns) {
        return solve({rows, columns, std::vector<double>(rows * columns, 0.25)});
    };
    CHECK(equal(3, 5) == std::vector<boxgrad::index>{0, 1, 2});
    CHECK(equal(20, 20)[19] == 19);
    CHECK(equal(5, 3) == std::vector<boxgrad::index>{0, 1, 2, unmatched, unmatched});
    CHECK(solve({2, 3, {1, 1, 0, 1, 1, 0}}) == std::vector<boxgrad::index>{2, 0});
    CHECK(solve({2, 3, {0, 0, 9, 0, 1, 0}}) == std::vector<boxgrad::index>{0, 2});  // not 1 and 0, as cheap
    CHECK(solve({0, 4, {}}).empty());
    CHECK(solve({2, 0, {}}) == std::vector<boxgrad::index>{unmatched, unmatched});
    CHECK(solve({1, 1, {no_number}}) == std::vector<boxgrad::index>{unmatched});
    // More pairs before less cost; of the rows that want one column, the one that gains most.
    CHECK(solve({2, 2, {1, inf, -1000, 5}}) == std::vector<boxgrad::index>{0, 1});
    CHECK(solve({2, 2, {5, inf, 1, inf}}) == std::vector<boxgrad::index>{unmatched, 0});
    CHECK(solve({2, 2, {1e200, inf, 1e200, inf}}) == std::vector<boxgrad::index>{0, unmatched});
}

TEMPLATE_LIST_TEST_CASE("linear_assignment reads a matrix of any layout in any memory", "[assigner]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const cost_table t = recorded_table(9, 14, 5);
    std::vector<T> host(t.cost.begin(), t.cost.end());
    CHECK(linear_assignment(b, test::from_host(b, test::extents<2>{{9, 14}}, host)) == solve(t));
    // Backwards, every third column.
    std::vector<double> wide(9 * 42, no_number);
    for (std::size_t i = 0; i < 9; ++i) {
        for (std::size_t j = 0; j < 14; ++j) wide[(8 - i) * 42 + 3 * j] = t.at(i, j);
    }
    CHECK(linear_assignment(boxgrad::view<const double, 2>(wide.data() + 8 * 42, {{9, 14}}, {{-42, 3}})) == solve(t));
}
