// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/prior/grid.hpp>
#include <boxgrad/prior/point.hpp>

namespace boxgrad::inline BOXGRAD_ABI::prior {

/// Corner points of one level.
///
///     x = column·stride      y = row·stride      in pixels, no offset
///
/// mmdetection 3.3, PointGenerator (RepPoints).
struct point_generator {
    /// Shapes: [h·w, 3] = x, y, stride.
    template <backend B>
    auto grid_points(const B& b, featmap_size size, double stride_of_level = 16) const {
        detail::check_size("grid_points", size);
        return make_rows<3>(b, "grid_points", point_grid<typename B::scalar>{size, stride_of_level, 0.0});
    }

    /// 1 for the cells within `valid_size` (h, w) cells. Shapes: [h·w] of uint8.
    template <backend B>
    auto valid_flags(const B& b, featmap_size size, featmap_size valid_size) const {
        return detail::cell_flags(b, size, valid_size, 1);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
