// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/box.hpp>
#include <boxgrad/core/levels.hpp>

namespace boxgrad::inline BOXGRAD_ABI::prior {

/// Point priors with their strides, a pack at a time: x, y, stride across, stride down, in pixels.
template <class V>
struct point {
    V x, y, sx, sy;
};

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
    return {(load<V>(x, 1, width_v<V>) + o) * sx, (load<V>(y, 1, width_v<V>) + o) * sy, sx, sy};
}

/// Rows of priors [N, 4] = x, y, stride across, stride down.
template <plain_number V, class T>
BOXGRAD_FN constexpr point<V> load_points(const view<T, 2>& priors, index i0, int count) {
    const box<V> p = load_boxes<V>(priors, i0, count);
    return {p.x1, p.y1, p.x2, p.y2};
}

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
