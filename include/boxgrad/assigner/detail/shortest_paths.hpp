// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Shortest augmenting paths over a dense matrix of finite costs, in host memory: what linear_assignment calls.

#include <boxgrad/backend/cpu.hpp>
#include <boxgrad/core/rows.hpp>

#include <vector>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// Gives each of n rows a column of its own among m >= n, at the least total cost. With prices u of rows and
/// v <= 0 of columns, c(i, j) - u(i) - v(j) is 0 for pairs and never negative. A row is added along a shortest
/// path over these, on which rows and their columns alternate (Dijkstra), and the prices follow.
///
/// Crouse, On implementing 2D rectangular assignment algorithms, IEEE Trans. AES 2016, section II.
class shortest_paths {
    using V = cpu::lanes<double>;
    static constexpr index nobody = -1;

    index rows_ = 0, columns_ = 0, stride_ = 0;
    std::vector<double> cost_;      // [rows, stride]; columns beyond the last are infinite
    std::vector<double> u_, v_;     // prices
    std::vector<double> open_;      // [stride] v of columns that the search has not reached, else -inf
    std::vector<double> distance_;  // [stride] of columns not reached, else +inf
    std::vector<double> from_;      // [stride] the step whose row gave that distance
    std::vector<index> row_of_, column_of_;
    struct step {
        index row, column;  // a row that was scanned, then the column that was reached
        double distance;    // of the column
    };
    std::vector<step> steps_;

public:
    /// Costs follow by `row`; all must be finite.
    void reset(index rows, index columns) {
        rows_ = rows;
        columns_ = columns;
        stride_ = packs_of<V>(columns) * width_v<V>;
        const auto wide = static_cast<std::size_t>(stride_);
        cost_.resize(static_cast<std::size_t>(rows) * wide);
        for (index i = 0; i < rows; ++i) {
            std::fill(row(i) + columns, row(i) + stride_, infinity<double>);
        }
        u_.assign(static_cast<std::size_t>(rows), 0.0);
        v_.assign(wide, 0.0);
        open_.assign(wide, 0.0);
        distance_.resize(wide);
        from_.resize(wide);
        column_of_.assign(static_cast<std::size_t>(rows), nobody);
        row_of_.assign(wide, nobody);
        steps_.reserve(static_cast<std::size_t>(rows));
    }
    double* row(index i) { return cost_.data() + i * stride_; }

    /// Whether no cost passes `limit` in size; none does that is not a number.
    bool are_within(double limit) const {
        bool good = true;
        for (index i = 0; i < rows_; ++i) {
            const double* const c = cost_.data() + i * stride_;
            index j = 0;
            for (; j + width_v<V> <= columns_; j += width_v<V>)
                good = good && all(abs(load<V>(c + j, 1, width_v<V>)) <= V(limit));
            for (; j < columns_; ++j) good = good && abs(c[j]) <= limit;
        }
        return good;
    }

    void solve() {
        for (index i = 0; i < rows_; ++i) {
            search(i);
            settle();
        }
    }
    index column_of(index row) const { return column_of_[static_cast<std::size_t>(row)]; }

private:
    template <class X>
    static auto& entry(X& x, index i) {
        return x[static_cast<std::size_t>(i)];
    }

    /// Grows the tree of shortest paths from a row until it reaches a free column.
    void search(index row) {
        steps_.clear();
        for (double base = 0;;) {
            base -= entry(u_, row);
            const double least = steps_.empty() ? scan<true>(row, base) : scan<false>(row, base);
            const index j = nearest(least);
            steps_.push_back({row, j, least});
            row = entry(row_of_, j);
            if (row == nobody) return;
            entry(open_, j) = -infinity<double>;
            entry(distance_, j) = infinity<double>;
            base = least;
        }
    }

    /// Distances over one more row; returns the least.
    template <bool First>
    double scan(index row, double base) {
        const double* const c = this->row(row);
        const double* const open = open_.data();
        double* const distance = distance_.data();
        double* const from = from_.data();
        const V b(base);
        const V here(static_cast<double>(steps_.size()));
        V least(infinity<double>);
        for (index j = 0; j < stride_; j += width_v<V>) {
            V d = (load<V>(c + j, 1, width_v<V>) - load<V>(open + j, 1, width_v<V>)) + b;
            V f = here;
            if constexpr (!First) {
                const V so_far = load<V>(distance + j, 1, width_v<V>);
                const auto nearer = d < so_far;
                d = select(nearer, d, so_far);
                f = select(nearer, f, load<V>(from + j, 1, width_v<V>));
            }
            store(d, distance + j, 1, width_v<V>);
            store(f, from + j, 1, width_v<V>);
            least = min(least, d);
        }
        double r = lane(least, 0);
        for (int l = 1; l < width_v<V>; ++l) r = min(r, lane(least, l));
        return r;
    }
    /// The column at that distance: a free one before one that is taken, then the lowest.
    index nearest(double least) const {
        const V wanted(least);
        index taken = nobody;
        for (index first = 0; first < stride_; first += width_v<V>) {
            const auto hit = load<V>(&entry(distance_, first), 1, width_v<V>) == wanted;
            if (!any(hit)) continue;
            for (std::int32_t hits = lane_bits(hit); hits != 0; hits &= hits - 1) {
                const index j = first + __builtin_ctz(static_cast<unsigned>(hits));
                if (entry(row_of_, j) == nobody) return j;
                if (taken == nobody) taken = j;
            }
        }
        return taken;
    }

    /// Moves the pairs along the path found, then the prices.
    void settle() {
        for (std::size_t s = steps_.size(); s != 0;) {
            const index j = steps_[s - 1].column;
            s = static_cast<std::size_t>(entry(from_, j));
            entry(row_of_, j) = steps_[s].row;
            entry(column_of_, steps_[s].row) = j;
        }
        const double total = steps_.back().distance;
        entry(u_, steps_.front().row) += total;
        for (std::size_t s = 0; s + 1 < steps_.size(); ++s) {
            const index j = steps_[s].column;
            const double more = total - steps_[s].distance;
            entry(u_, steps_[s + 1].row) += more;
            entry(v_, j) -= more;
            entry(open_, j) = entry(v_, j);
        }
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
