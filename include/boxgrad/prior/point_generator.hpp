// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/prior/mlvl_point_generator.hpp>

namespace boxgrad::inline BOXGRAD_ABI::prior {

namespace detail {

template <class V, class T>
struct grid_points_kernel {
    view<T, 2> out;
    index columns;
    stride s;

    BOXGRAD_FN void operator()(index n) const {
        const index i = n * width_v<V>;
        const index left = out.extent[0] - i;
        const int count = left < width_v<V> ? static_cast<int>(left) : width_v<V>;
        const point<V> p = points_of<V>(i, count, columns, s, 0.0);
        const V field[3] = {p.x, p.y, p.sx};
        for (int c = 0; c < 3; ++c) store(field[c], &out(i, c), out.stride[0], count);
    }
};

}  // namespace detail

/// Corner points of one level.
///
///     x = column·stride      y = row·stride      in pixels, no offset
///
/// mmdetection 3.3, PointGenerator (RepPoints).
struct point_generator {
    /// Shapes: [h·w, 3] = x, y, stride.
    template <backend B>
    auto grid_points(const B& b, featmap_size size, double stride_of_level = 16) const {
        using V = lanes_t<B>;
        mlvl_point_generator::check_size("grid_points", size);
        auto out = b.template make<typename B::scalar, 2>(extents<2>{{size.cells(), 3}});
        const auto v = as_view<2>(b, out, "grid_points", "out");
        b.for_each((size.cells() + width_v<V> - 1) / width_v<V>,
                   detail::grid_points_kernel<V, typename B::scalar>{v, size.w, stride_of_level});
        return out;
    }

    /// 1 for the cells within `valid_size` (h, w) cells. Shapes: [h·w] of uint8.
    template <backend B>
    auto valid_flags(const B& b, featmap_size size, featmap_size valid_size) const {
        return mlvl_point_generator::flags(b, size, valid_size);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
