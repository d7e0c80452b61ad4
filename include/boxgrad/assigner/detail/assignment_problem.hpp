// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/shortest_paths.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// What stands for the partner of a row or column that has none.
inline constexpr index unmatched = -1;

namespace detail {

/// A matrix on its way to shortest_paths. Its memory serves the images of a batch one after another.
class assignment_problem {
    /// Rows or columns that take part: their numbers, and how far into the matrix they lie.
    struct line {
        std::vector<index> number, offset;

        template <class Keep>
        void choose(index n, index stride, const Keep& keep) {
            number.clear();
            offset.clear();
            for (index i = 0; i < n; ++i) {
                if (keep(i)) add(i, i * stride);
            }
        }
        void repeat(index copies) {
            const index n = size();
            for (index i = n; i < n * copies; ++i) {
                add(number[static_cast<std::size_t>(i - n)], offset[static_cast<std::size_t>(i - n)]);
            }
        }
        index size() const { return static_cast<index>(number.size()); }

    private:
        void add(index i, index at) {
            number.push_back(i);
            offset.push_back(at);
        }
    };
    static constexpr double largest = 0x1p900;  // sums of it, and of what replaces the impossible, are finite
    static bool is_possible(double c) { return abs(c) <= largest; }

    shortest_paths paths_;
    line rows_, columns_;
    std::vector<index> row_of_;

public:
    /// The row of each column. A row may take up to `copies` columns: as many as all rows can have alike, at
    /// least one.
    template <real T>
    const std::vector<index>& solve(const view<const T, 2>& cost, index copies = 1) {
        row_of_.assign(static_cast<std::size_t>(cost.extent[1]), unmatched);
        const auto every = [](index) { return true; };
        choose(cost, copies, every, every);
        fill(cost.data, infinity<double>);
        if (!paths_.are_within(largest)) leave_out(cost, copies);
        paths_.solve();
        const bool turned = is_turned();
        const line& few = turned ? columns_ : rows_;
        const line& many = turned ? rows_ : columns_;
        for (index a = 0; a < few.size(); ++a) {
            const auto s = static_cast<std::size_t>(a);
            const auto l = static_cast<std::size_t>(paths_.column_of(a));
            if (!is_possible(static_cast<double>(cost.data[few.offset[s] + many.offset[l]]))) continue;
            row_of_[static_cast<std::size_t>((turned ? few : many).number[turned ? s : l])] =
                (turned ? many : few).number[turned ? l : s];
        }
        return row_of_;
    }

private:
    /// There must be no more rows than columns.
    bool is_turned() const { return columns_.size() < rows_.size(); }

    template <class T, class KeepsRow, class KeepsColumn>
    void choose(const view<const T, 2>& cost, index copies, const KeepsRow& keeps_row,
                const KeepsColumn& keeps_column) {
        rows_.choose(cost.extent[0], cost.stride[0], keeps_row);
        columns_.choose(cost.extent[1], cost.stride[1], keeps_column);
        if (copies > 1 && rows_.size() > 0) rows_.repeat(std::clamp<index>(columns_.size() / rows_.size(), 1, copies));
    }

    /// Where some pairs are impossible: lines without any possible pair are left out, as if they were not there;
    /// any other impossible pair costs more than all possible ones could save.
    template <class T>
    void leave_out(const view<const T, 2>& cost, index copies) {
        std::vector<char> row(static_cast<std::size_t>(cost.extent[0]), 0);
        std::vector<char> column(static_cast<std::size_t>(cost.extent[1]), 0);
        double low = largest;
        double high = -largest;
        for (index i = 0; i < cost.extent[0]; ++i) {
            for (index j = 0; j < cost.extent[1]; ++j) {
                const auto c = static_cast<double>(cost(i, j));
                if (!is_possible(c)) continue;
                row[static_cast<std::size_t>(i)] = column[static_cast<std::size_t>(j)] = 1;
                low = min(low, c);
                high = max(high, c);
            }
        }
        const auto lives = [](const std::vector<char>& v) {
            return [&v](index i) { return v[static_cast<std::size_t>(i)] != 0; };
        };
        choose(cost, copies, lives(row), lives(column));
        const auto pairs = static_cast<double>(std::min(rows_.size(), columns_.size()));
        fill(cost.data, low < high ? high + pairs * (high - low) : high + abs(high) + 1);
    }

    template <class T>
    void fill(const T* cost, double impossible) {
        const line& few = is_turned() ? columns_ : rows_;
        const line& many = is_turned() ? rows_ : columns_;
        const index* const offset = many.offset.data();
        const index n = many.size();
        paths_.reset(few.size(), n);
        for (index a = 0; a < few.size(); ++a) {
            const T* const from = cost + few.offset[static_cast<std::size_t>(a)];
            double* const to = paths_.row(a);
            for (index b = 0; b < n; ++b) {
                const auto c = static_cast<double>(from[offset[b]]);
                to[b] = is_possible(c) ? c : impossible;
            }
        }
    }
};

}  // namespace detail

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
