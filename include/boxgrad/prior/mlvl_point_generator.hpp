// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/transfer.hpp>
#include <boxgrad/prior/point.hpp>

#include <cmath>
#include <vector>

namespace boxgrad::inline BOXGRAD_ABI::prior {

namespace detail {

template <class V, class T>
struct grid_kernel {
    view<T, 2> out;
    index columns;
    stride s;
    double offset;

    BOXGRAD_FN void operator()(index n) const {
        const index i = n * width_v<V>;
        const index left = out.extent[0] - i;
        const int count = left < width_v<V> ? static_cast<int>(left) : width_v<V>;
        const point<V> p = points_of<V>(i, count, columns, s, offset);
        const V field[4] = {p.x, p.y, p.sx, p.sy};
        for (int c = 0; c < out.extent[1]; ++c) store(field[c], &out(i, c), out.stride[0], count);
    }
};

struct valid_kernel {
    view<std::uint8_t, 1> out;
    index columns, valid_rows, valid_columns;

    BOXGRAD_FN void operator()(index i) const {
        out(i) = i / columns < valid_rows && i % columns < valid_columns ? 1 : 0;
    }
};

}  // namespace detail

/// Points of a feature pyramid, one a cell, level by level, row by row.
///
///     x = (column + offset)·stride_w      y = (row + offset)·stride_h        in pixels
///
/// mmdetection 3.3, MlvlPointGenerator. YOLOX uses offset 0, FCOS and RTMDet-like heads 0.5.
struct mlvl_point_generator {
    per_level<stride> strides;
    double offset = 0.5;

    constexpr int num_levels() const { return strides.size(); }
    /// One prior a cell at every level.
    constexpr int num_base_priors(int) const { return 1; }

    /// The point of one cell, usable in constant expressions; equals the grid's row bit for bit.
    template <real T>
    constexpr point<T> at(int level, featmap_size size, index cell) const {
        return points_of<T>(cell, 1, size.w, strides[level], offset);
    }

    /// Shapes: [h·w, 2] = x, y; with_stride: [h·w, 4] = x, y, stride across, stride down.
    template <backend B>
    auto single_level_grid_priors(const B& b, featmap_size size, int level, bool with_stride = false) const {
        check_level("single_level_grid_priors", level, size);
        auto out = b.template make<typename B::scalar, 2>(extents<2>{{size.cells(), with_stride ? 4 : 2}});
        fill(b, as_view<2>(b, out, "grid_priors", "out"), size, level);
        return out;
    }

    /// Writes the priors of a level into the caller's [h·w, 2] or [h·w, 4].
    template <backend B>
    void fill(const B& b, const view<typename B::scalar, 2>& out, featmap_size size, int level) const {
        using V = lanes_t<B>;
        check_level("fill", level, size);
        check_shape("fill", "out", {{size.cells(), out.extent[1] == 2 ? 2 : 4}}, out.extent);
        check_output("fill", "out", out);
        b.for_each((size.cells() + width_v<V> - 1) / width_v<V>,
                   detail::grid_kernel<V, typename B::scalar>{out, size.w, strides[level], offset});
    }

    /// All levels, a tensor each. Throws shape_error unless there is a size for every stride.
    template <backend B>
    auto grid_priors(const B& b, const per_level<featmap_size>& sizes, bool with_stride = false) const {
        check_levels("grid_priors", sizes.size());
        std::vector<tensor_t<B, typename B::scalar, 2>> out;
        for (int l = 0; l < sizes.size(); ++l) {
            out.push_back(single_level_grid_priors(b, sizes[l], l, with_stride));
        }
        return out;
    }

    /// The points [M, 2] of chosen cells. Throws shape_error for a cell outside of the level.
    template <backend B, readable_tensor<B, std::int64_t, 1> X>
    auto sparse_priors(const B& b, const X& prior_idxs, featmap_size size, int level) const {
        using T = typename B::scalar;
        check_level("sparse_priors", level, size);
        const std::vector<std::int64_t> at_cells = to_host<1>(b, prior_idxs);
        std::vector<T> xy;
        for (const std::int64_t i : at_cells) {
            if (i < 0 || i >= size.cells()) {
                raise(shape_error(complaint("sparse_priors", "prior_idxs",
                                            "in [0, " + std::to_string(size.cells()) + ")",
                                            std::to_string(i))));
            }
            const point<T> p = at<T>(level, size, static_cast<index>(i));
            xy.insert(xy.end(), {p.x, p.y});
        }
        return from_host(b, extents<2>{{static_cast<index>(at_cells.size()), 2}}, xy.data());
    }

    /// 1 for the cells whose point stems from the unpadded picture, 0 for others. Shapes: [h·w] of
    /// uint8; `pad_shape` is (h, w) in pixels.
    template <backend B>
    auto single_level_valid_flags(const B& b, featmap_size size, featmap_size pad_shape, int level) const {
        check_level("valid_flags", level, size);
        const auto cells = [](index pixels, double s) {
            return static_cast<index>(std::ceil(static_cast<double>(pixels) / s));
        };
        return flags(b, size, {cells(pad_shape.h, strides[level].h), cells(pad_shape.w, strides[level].w)});
    }

    template <backend B>
    auto valid_flags(const B& b, const per_level<featmap_size>& sizes, featmap_size pad_shape) const {
        check_levels("valid_flags", sizes.size());
        std::vector<tensor_t<B, std::uint8_t, 1>> out;
        for (int l = 0; l < sizes.size(); ++l) {
            out.push_back(single_level_valid_flags(b, sizes[l], pad_shape, l));
        }
        return out;
    }

    /// Flags of the cells within `valid` rows and columns.
    template <backend B>
    static auto flags(const B& b, featmap_size size, featmap_size valid) {
        check_size("valid_flags", size);
        auto out = b.template make<std::uint8_t, 1>(extents<1>{{size.cells()}});
        const auto v = as_view<1>(b, out, "valid_flags", "out");
        b.for_each(size.cells(), detail::valid_kernel{v, size.w, valid.h, valid.w});
        return out;
    }

    static void check_size(const char* op, featmap_size size) {
        if (size.h < 0 || size.w < 0) {
            raise(shape_error(complaint(op, "featmap_size", "not negative",
                                        "[" + std::to_string(size.h) + ", " + std::to_string(size.w) + "]")));
        }
        checked_product(op, size.h, size.w);
    }

private:
    void check_levels(const char* op, int sizes) const {
        if (sizes != num_levels()) {
            raise(shape_error(complaint(op, "featmap_sizes", std::to_string(num_levels()) + " levels",
                                        std::to_string(sizes))));
        }
    }
    void check_level(const char* op, int level, featmap_size size) const {
        if (level < 0 || level >= num_levels()) {
            raise(shape_error(complaint(op, "level", "in [0, " + std::to_string(num_levels()) + ")",
                                        std::to_string(level))));
        }
        if (!(strides[level].w > 0 && strides[level].h > 0)) {
            raise(config_error(complaint(op, "strides", "positive", std::to_string(strides[level].w))));
        }
        check_size(op, size);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
