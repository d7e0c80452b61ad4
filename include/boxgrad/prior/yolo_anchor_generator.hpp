// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/parameter.hpp>
#include <boxgrad/prior/detail/base_anchors.hpp>
#include <boxgrad/prior/grid.hpp>

namespace boxgrad::inline BOXGRAD_ABI::prior {

/// Width and height in pixels.
struct anchor_size {
    double w = 0, h = 0;
};

/// Anchors of YOLOv2 to v5 and v7: boxes of given sizes around the middle of each cell, the same number at
/// every level.
///
///     x1 = stride_w/2 - w/2    y1 = stride_h/2 - h/2    x2, y2 likewise       of the first cell, in pixels
///
/// mmdetection 3.3, YOLOAnchorGenerator. As tensors by the functions of grid.hpp.
struct yolo_anchor_generator {
    per_level<stride> strides{};                              ///< pixels a cell
    per_level<inplace_vector<anchor_size, 16>> base_sizes{};  ///< a list a level

    static constexpr int columns = 4;

    constexpr int num_levels() const { return strides.size(); }
    constexpr int num_base_priors(int level) const { return base_sizes[level].size(); }

    /// The anchors around the first cell of a level, in pixels.
    template <real T>
    constexpr base_anchor_list<T> base_anchors(int level) const {
        const char* op = "yolo_anchor_generator";
        detail::check_level_index(op, level, num_levels());
        if (base_sizes.size() != num_levels()) {
            raise(config_error(complaint(op, "base_sizes", std::to_string(num_levels()) + " lists, one a level",
                                         std::to_string(base_sizes.size()))));
        }
        base_anchor_list<T> r;
        for (const anchor_size& s : base_sizes[level]) {
            check_positive(op, "base_sizes", s.w);
            check_positive(op, "base_sizes", s.h);
            r.push_back(detail::box_around<T>(anchor_convention::half_open, anchor_rounding::none, strides[level].w / 2,
                                              strides[level].h / 2, s.w, s.h));
        }
        for (const auto& other : base_sizes) {
            if (other.size() != r.size()) {
                raise(config_error(complaint(op, "base_sizes", "as many at every level",
                                             std::to_string(other.size()) + " and " + std::to_string(r.size()))));
            }
        }
        return r;
    }

    /// The anchors of a level: `grid[i]`, or a row source.
    template <real T>
    constexpr anchor_grid<T> grid(int level, featmap_size size) const {
        return {base_anchors<T>(level), strides[level], size};
    }
};
static_assert(generator<yolo_anchor_generator>);

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
