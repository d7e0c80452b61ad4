// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/concept.hpp>
#include <boxgrad/prior/point.hpp>

namespace boxgrad::inline BOXGRAD_ABI::coder {

/// The four numbers that a YOLOX head predicts for a box: centre and log size in strides.
template <class V>
struct yolox_code {
    V x, y, w, h;
};

/// The box coder of YOLOX.
///
///     decode   cx = x·s + px      cy = y·s + py      width = e^w·s      height = e^h·s
///     encode   x = (cx - px)/s    y = (cy - py)/s    w = ln(width/s + 1e-8)    h likewise
///
/// with the prior (px, py) and its stride s, in pixels. The gradient of decode is that of these lines;
/// w beyond `largest_log_size` saturates, with gradient 0 (promise P8). Ge et al., YOLOX, 2021;
/// mmdetection 3.3, YOLOXHead._bbox_decode and ._get_l1_target.
struct yolox {
    double eps = 1e-8;  ///< added to the relative size before the logarithm of encode

    /// e^38·stride stays below 2^60 pixels in float, e^340·stride below 2^500 in double.
    template <real T>
    static constexpr T largest_log_size = sizeof(T) == 4 ? T(38) : T(340);

    template <number V>
    BOXGRAD_FN constexpr box<V> decode(const prior::point<base_t<V>>& p, const yolox_code<V>& c) const {
        using T = scalar_t<V>;
        constexpr T largest = largest_log_size<T>;
        const V half(T(0.5));
        const V cx = c.x * V(p.sx) + V(p.x);
        const V cy = c.y * V(p.sy) + V(p.y);
        const V w = exp(clamp_max(c.w, V(largest))) * V(p.sx) * half;
        const V h = exp(clamp_max(c.h, V(largest))) * V(p.sy) * half;
        return {cx - w, cy - h, cx + w, cy + h};
    }

    template <plain_number V>
    BOXGRAD_FN constexpr yolox_code<V> encode(const prior::point<V>& p, const box<V>& b) const {
        const V half(scalar_t<V>(0.5));
        const V e(static_cast<scalar_t<V>>(eps));
        return {((b.x1 + b.x2) * half - p.x) / p.sx, ((b.y1 + b.y2) * half - p.y) / p.sy,
                log(b.width() / p.sx + e), log(b.height() / p.sy + e)};
    }
};

namespace detail {

template <class V, bool Decode>
struct yolox_kernel {
    using T = scalar_t<V>;
    yolox coder;
    view<const T, 2> priors, in;
    view<T, 2> out;

    BOXGRAD_FN void operator()(index n) const {
        const index i = n * width_v<V>;
        const index left = out.extent[0] - i;
        const int count = left < width_v<V> ? static_cast<int>(left) : width_v<V>;
        const auto p = prior::load_points<V>(priors, i, count);
        const box<V> x = load_boxes<V>(in, i, count);
        box<V> r;
        if constexpr (Decode) {
            r = coder.decode(p, yolox_code<V>{x.x1, x.y1, x.x2, x.y2});
        } else {
            const auto c = coder.encode(p, x);
            r = {c.x, c.y, c.w, c.h};
        }
        const V field[4] = {r.x1, r.y1, r.x2, r.y2};
        for (int c = 0; c < 4; ++c) store(field[c], &out(i, c), out.stride[0], count);
    }
};

template <bool Decode, class B, class X, class Y>
auto yolox_run(const B& b, const char* op, const yolox& coder, const X& priors, const Y& rows) {
    using V = lanes_t<B>;
    const auto p = as_const_view<2>(b, priors, op, "priors");
    const auto x = as_const_view<2>(b, rows, op, Decode ? "codes" : "boxes");
    check_shape(op, "priors", {any_extent, 4}, p.extent);
    check_shape(op, Decode ? "codes" : "boxes", p.extent, x.extent);
    auto out = b.template make<typename B::scalar, 2>(p.extent);
    const auto o = as_view<2>(b, out, op, "out");
    b.for_each((p.extent[0] + width_v<V> - 1) / width_v<V>, yolox_kernel<V, Decode>{coder, p, x, o});
    return out;
}

}  // namespace detail

/// Boxes [N, 4] as x1 y1 x2 y2 from priors [N, 4] = x, y, strides and codes [N, 4]. Throws shape_error.
template <backend B, readable_tensor<B, typename B::scalar, 2> X, readable_tensor<B, typename B::scalar, 2> Y>
auto decode(const B& b, const yolox& coder, const X& priors, const Y& codes) {
    return detail::yolox_run<true>(b, "coder::decode", coder, priors, codes);
}

/// Codes [N, 4], YOLOX's L1 target, from priors [N, 4] = x, y, strides and boxes [N, 4]. Throws
/// shape_error. Boxes are expected to have a positive size; a negative one gives NaN.
template <backend B, readable_tensor<B, typename B::scalar, 2> X, readable_tensor<B, typename B::scalar, 2> Y>
auto encode(const B& b, const yolox& coder, const X& priors, const Y& boxes) {
    return detail::yolox_run<false>(b, "coder::encode", coder, priors, boxes);
}

}  // namespace boxgrad::inline BOXGRAD_ABI::coder
