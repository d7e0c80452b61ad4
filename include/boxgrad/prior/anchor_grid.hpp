// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/levels.hpp>
#include <boxgrad/core/rows.hpp>

namespace boxgrad::inline BOXGRAD_ABI::prior {

/// The most base anchors that a cell may have.
inline constexpr int max_base_priors = 32;

/// Boxes around a cell's origin, in pixels.
template <real T>
using base_anchor_list = inplace_vector<box<T>, max_base_priors>;

/// The anchors of one level, computed where they are read rather than stored:
///
///     anchor(i) = base[a] + (column·stride_w, row·stride_h)      a = i mod A, cell = i div A
///
/// Cells are numbered row by row, and anchors within a cell. `grid[i]` gives one box, also in constant
/// expressions; `grid.at<V>(i, count)` a pack of them: the grid is a row source, which decoders and
/// overlaps take in place of a tensor [h·w·A, 4]. Both equal the stored grid bit for bit, in constant
/// expressions where strides are whole numbers.
template <real T>
class anchor_grid {
public:
    constexpr anchor_grid(const base_anchor_list<T>& base, stride s, featmap_size size)
        : size_(size.cells() * base.size()),
          columns_(static_cast<std::uint32_t>(size.w)),
          per_cell_(static_cast<std::uint32_t>(base.size())),
          across_(static_cast<T>(s.w)),
          down_(static_cast<T>(s.h)) {
        if (base.empty()) raise(config_error("anchor_grid: no base anchors"));
        if (size_ > index{0xffffffff}) raise(size_error("anchor_grid: more than 2^32 anchors in a level"));
        // Rows and columns have to be exact in T, and a pack to span two rows at most.
        constexpr index exact = index{1} << std::numeric_limits<T>::digits;
        in_packs_ = size.w <= exact && size.h <= exact && size.w * base.size() >= most_lanes;
        for (int k = 0; k < length; ++k) {
            const box<T>& b = base[k % base.size()];
            x1_[k] = b.x1;
            y1_[k] = b.y1;
            x2_[k] = b.x2;
            y2_[k] = b.y2;
            step_[k] = static_cast<T>(k / base.size());
        }
    }

    BOXGRAD_FN constexpr index size() const { return size_; }

    BOXGRAD_FN constexpr box<T> operator[](index i) const {
        const auto n = static_cast<std::uint32_t>(i);
        const std::uint32_t cell = n / per_cell_;
        const auto column = static_cast<T>(cell % columns_);
        const auto row = static_cast<T>(cell / columns_);
        return placed<T>(n % per_cell_, column, row);
    }

    template <plain_number V>
    requires std::same_as<scalar_t<V>, T> BOXGRAD_FN constexpr box<V> at(index i, int count) const {
        if constexpr (width_v<V> == 1) {
            return (*this)[i];
        } else {
            static_assert(width_v<V> <= most_lanes);
            if (count < width_v<V> || !in_packs_) {
                return lane_by_lane<V>(i, count);
            }
            // Lanes run through the base anchors and step over to the next cell, at most once to the next row.
            const auto n = static_cast<std::uint32_t>(i);
            const std::uint32_t cell = n / per_cell_;
            const std::uint32_t row = cell / columns_;
            const std::uint32_t phase = n - cell * per_cell_;
            const V columns(static_cast<T>(columns_));
            const V reached = load<V>(step_ + phase, 1, width_v<V>) + V(static_cast<T>(cell - row * columns_));
            const mask_t<V> next = reached >= columns;
            const V r(static_cast<T>(row));
            return placed<V>(phase, select(next, reached - columns, reached), select(next, r + V(T(1)), r));
        }
    }

private:
    static constexpr int most_lanes = 64 / static_cast<int>(sizeof(T));
    static constexpr int length = max_base_priors + most_lanes;
    using table = T[static_cast<std::size_t>(length)];

    /// Lanes hold the anchors a, a + 1, ... of the base, over and over.
    template <plain_number V>
    BOXGRAD_FN constexpr box<V> placed(std::uint32_t a, V column, V row) const {
        const V across(across_);
        const V down(down_);
        const auto base = [&](const T* p) { return load<V>(p + a, 1, width_v<V>); };
        return {madd(column, across, base(x1_)), madd(row, down, base(y1_)), madd(column, across, base(x2_)),
                madd(row, down, base(y2_))};
    }

    template <plain_number V>
    BOXGRAD_FN constexpr box<V> lane_by_lane(index i, int count) const {
        T rows[4 * width_v<V>];
        for (int l = 0; l < width_v<V>; ++l) {
            const box<T> b = (*this)[i + (l < count ? l : 0)];
            rows[l] = b.x1;
            rows[width_v<V> + l] = b.y1;
            rows[2 * width_v<V> + l] = b.x2;
            rows[3 * width_v<V> + l] = b.y2;
        }
        const auto column = [&](int c) { return load<V>(rows + c * width_v<V>, 1, width_v<V>); };
        return {column(0), column(1), column(2), column(3)};
    }

    index size_;
    std::uint32_t columns_, per_cell_;
    T across_, down_;
    bool in_packs_ = false;
    table x1_{}, y1_{}, x2_{}, y2_{};  // over and over
    table step_{};                     // cells passed since the first
};

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
