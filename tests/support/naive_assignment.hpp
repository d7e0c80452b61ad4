// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Linear assignment without care for speed, and all over again: every matching, or one pair more at a time along
/// a cheapest path that Bellman and Ford find.

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace test {

/// Costs, row by row; what is not finite, or beyond 2^900, cannot be.
struct cost_table {
    std::size_t rows = 0, columns = 0;
    std::vector<double> cost{};

    double at(std::size_t i, std::size_t j) const { return cost[i * columns + j]; }
    bool possible(std::size_t i, std::size_t j) const { return std::abs(at(i, j)) <= 0x1p900; }
};

struct matching_value {
    std::size_t pairs = 0;
    double total = 0;
};

/// Tries everything.
inline matching_value best_of_all(const cost_table& t, std::vector<bool>& taken, std::size_t row = 0) {
    if (row == t.rows) return {};
    matching_value best = best_of_all(t, taken, row + 1);
    for (std::size_t j = 0; j < t.columns; ++j) {
        if (taken[j] || !t.possible(row, j)) continue;
        taken[j] = true;
        matching_value v = best_of_all(t, taken, row + 1);
        taken[j] = false;
        ++v.pairs;
        v.total += t.at(row, j);
        if (v.pairs > best.pairs || (v.pairs == best.pairs && v.total < best.total)) best = v;
    }
    return best;
}
inline matching_value best_of_all(const cost_table& t) {
    std::vector<bool> taken(t.columns, false);
    return best_of_all(t, taken);
}

/// The cheapest of the largest matchings, grown along cheapest augmenting paths.
inline matching_value best_by_paths(const cost_table& t) {
    constexpr double far = std::numeric_limits<double>::infinity();
    constexpr std::size_t none = static_cast<std::size_t>(-1);
    std::vector<std::size_t> column_of(t.rows, none), row_of(t.columns, none);
    for (;;) {
        std::vector<double> row_cost(t.rows), column_cost(t.columns, far);
        std::vector<std::size_t> from(t.columns, none);
        for (std::size_t i = 0; i < t.rows; ++i) row_cost[i] = column_of[i] == none ? 0 : far;
        for (bool moved = true; moved;) {
            moved = false;
            for (std::size_t i = 0; i < t.rows; ++i) {
                for (std::size_t j = 0; j < t.columns; ++j) {
                    if (column_of[i] == j || !t.possible(i, j) || !(row_cost[i] + t.at(i, j) < column_cost[j] - 1e-9))
                        continue;
                    column_cost[j] = row_cost[i] + t.at(i, j);
                    from[j] = i;
                    moved = true;
                    if (row_of[j] != none) row_cost[row_of[j]] = column_cost[j] - t.at(row_of[j], j);
                }
            }
        }
        std::size_t end = none;
        for (std::size_t j = 0; j < t.columns; ++j) {
            if (row_of[j] == none && column_cost[j] < (end == none ? far : column_cost[end])) end = j;
        }
        if (end == none) break;
        for (std::size_t j = end; j != none;) {
            const std::size_t i = from[j];
            const std::size_t next = column_of[i];
            row_of[j] = i;
            column_of[i] = j;
            j = next;
        }
    }
    matching_value v;
    for (std::size_t i = 0; i < t.rows; ++i) {
        if (column_of[i] == none) continue;
        ++v.pairs;
        v.total += t.at(i, column_of[i]);
    }
    return v;
}

}  // namespace test
