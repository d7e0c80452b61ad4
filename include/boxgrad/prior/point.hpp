// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/levels.hpp>
#include <boxgrad/core/rows.hpp>

namespace boxgrad::inline BOXGRAD_ABI::prior {

/// Point priors with their strides, a pack at a time: x, y, stride across, stride down, in pixels.
template <class V>
struct point {
    V x, y, sx, sy;
};
template <class V>
point(V, V, V, V) -> point<V>;

/// Priors of `count` cells of one level from cell `first` on, computed rather than stored:
///
///     x = (column + offset)·stride_w      y = (row + offset)·stride_h
///
/// Cells are numbered row by row. Missing lanes repeat the last cell.
template <plain_number V>
BOXGRAD_FN constexpr point<V> points_of(index first, int count, index columns, stride s, double offset) {
    using T = scalar_t<V>;
    T x[width_v<V>]{};
    T y[width_v<V>]{};
    index row = first / columns;
    index column = first % columns;
    for (int i = 0; i < width_v<V>; ++i) {
        x[i] = static_cast<T>(column);
        y[i] = static_cast<T>(row);
        if (i + 1 < count && ++column == columns) {
            column = 0;
            ++row;
        }
    }
    const V o(static_cast<T>(offset));
    const V sx(static_cast<T>(s.w));
    const V sy(static_cast<T>(s.h));
    return {product(load<V>(x, 1, width_v<V>) + o, sx), product(load<V>(y, 1, width_v<V>) + o, sy), sx, sy};
}

/// The points of one level as a row source: computed where they are read.
template <real T>
struct point_grid {
    featmap_size cells;
    stride s;
    double offset;

    BOXGRAD_FN constexpr index size() const { return cells.cells(); }
    template <plain_number V>
    requires std::same_as<scalar_t<V>, T> BOXGRAD_FN constexpr point<V> at(index i, int count) const {
        return points_of<V>(i, count, cells.w, s, offset);
    }
};

/// Points that lie in memory, as a row source: [N, 4] = x, y, stride across, stride down, or [N, 2] = x, y
/// with strides of 1.
template <class T>
struct stored_points {
    view<const T, 2> points;

    BOXGRAD_FN constexpr index size() const { return points.extent[0]; }
    template <plain_number V>
    BOXGRAD_FN constexpr point<V> at(index i, int count) const {
        if (points.extent[1] == 4) return load_row<point, V>(points, i, count);
        const auto xy = load_fields<V, 2>(points, i, count);
        const V one(scalar_t<V>(1));
        return {xy[0], xy[1], one, one};
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
