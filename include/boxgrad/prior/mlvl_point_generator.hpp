// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/prior/grid.hpp>
#include <boxgrad/prior/point.hpp>

namespace boxgrad::inline BOXGRAD_ABI::prior {

/// Points of a feature pyramid, one a cell, level by level, row by row.
///
///     x = (column + offset)·stride_w      y = (row + offset)·stride_h        in pixels
///
/// As tensors [h·w, 2] by the functions of grid.hpp. mmdetection 3.3, MlvlPointGenerator. YOLOX uses
/// offset 0, FCOS and RTMDet-like heads 0.5.
struct mlvl_point_generator {
    per_level<stride> strides{};
    double offset = 0.5;

    static constexpr int columns = 2;

    constexpr int num_levels() const { return strides.size(); }
    /// One prior a cell at every level.
    constexpr int num_base_priors(int) const { return 1; }
    template <real T>
    constexpr point_grid<T> grid(int level, featmap_size size) const {
        return {size, strides[level], offset};
    }
};
static_assert(generator<mlvl_point_generator>);

/// The same points as rows [h·w, 4] = x, y, stride across, stride down: `with_strides{points}`.
struct with_strides : mlvl_point_generator {
    static constexpr int columns = 4;
};
static_assert(generator<with_strides>);

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
