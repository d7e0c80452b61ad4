// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/coder/coder.hpp>

namespace boxgrad::inline BOXGRAD_ABI::coder {

/// The box coder of YOLOX.
///
///     decode   cx = x·s + px      cy = y·s + py      width = e^w·s      height = e^h·s
///     encode   x = (cx - px)/s    y = (cy - py)/s    w = ln(width/s + 1e-8)    h likewise
///
/// with the prior (px, py) and its stride s, in pixels. The gradient of decode is that of these lines;
/// w beyond `largest_log_size` saturates, with gradient 0 (promise P8). Ge et al., YOLOX, 2021;
/// mmdetection 3.3, YOLOXHead._bbox_decode and ._get_l1_target.
struct yolox {
    template <class V>
    using prior_of = prior::point<V>;
    template <class V>
    using code_of = xywh<V>;
    static constexpr bool needs_strides = true;

    double eps = 1e-8;  ///< added to the relative size before the logarithm of encode

    /// e^38·stride stays below 2^60 pixels in float, e^340·stride below 2^500 in double.
    template <real T>
    static constexpr T largest_log_size = sizeof(T) == 4 ? T(38) : T(340);

    template <number V>
    BOXGRAD_FN constexpr box<V> decode(const prior::point<base_t<V>>& p, const xywh<V>& c) const {
        using T = scalar_t<V>;
        constexpr T largest = largest_log_size<T>;
        const V half(T(0.5));
        const V cx = madd(c.x, V(p.sx), V(p.x));
        const V cy = madd(c.y, V(p.sy), V(p.y));
        const V w = product(exp(clamp_max(c.w, V(largest))), V(p.sx)) * half;
        const V h = product(exp(clamp_max(c.h, V(largest))), V(p.sy)) * half;
        return {cx - w, cy - h, cx + w, cy + h};
    }

    template <plain_number V>
    BOXGRAD_FN constexpr xywh<V> encode(const prior::point<V>& p, const box<V>& b) const {
        const V half(scalar_t<V>(0.5));
        const V e(static_cast<scalar_t<V>>(eps));
        return {((b.x1 + b.x2) * half - p.x) / p.sx, ((b.y1 + b.y2) * half - p.y) / p.sy, log(b.width() / p.sx + e),
                log(b.height() / p.sy + e)};
    }
};

static_assert(box_coder<yolox>);

}  // namespace boxgrad::inline BOXGRAD_ABI::coder
