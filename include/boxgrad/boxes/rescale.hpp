// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/boxes/detail/mapped.hpp>

namespace boxgrad::inline BOXGRAD_ABI::boxes {

/// Factors of x and of y. One number: both.
struct scale_factor {
    double w = 1, h = 1;

    constexpr scale_factor() = default;
    constexpr scale_factor(double s) : w(s), h(s) {}  // NOLINT(google-explicit-constructor)
    constexpr scale_factor(double across, double down) : w(across), h(down) {}
};

/// The box with sides `factor` times as long about the same centre:
///
///     x1' = cx - factor·w/2     x2' = cx + factor·w/2     with cx = (x1 + x2)/2, w = x2 - x1; y likewise
template <number V>
BOXGRAD_FN constexpr box<V> rescale(const box<V>& b, double factor) {
    using T = scalar_t<V>;
    const V half(T(0.5));
    const V f(static_cast<T>(factor));
    const V cx = (b.x1 + b.x2) * half;
    const V cy = (b.y1 + b.y2) * half;
    const V w = b.width() * f * half;
    const V h = b.height() * f * half;
    return {cx - w, cy - h, cx + w, cy + h};
}
/// The box in a picture that was resized: x times factor.w, y times factor.h.
template <number V>
BOXGRAD_FN constexpr box<V> scale(const box<V>& b, scale_factor factor) {
    using T = scalar_t<V>;
    const V w(static_cast<T>(factor.w));
    const V h(static_cast<T>(factor.h));
    return {b.x1 * w, b.y1 * h, b.x2 * w, b.y2 * h};
}

namespace detail {

struct rescaling {
    double factor;

    template <number V>
    BOXGRAD_FN constexpr box<V> operator()(const box<V>& b) const {
        return rescale(b, factor);
    }
};
struct scaling {
    scale_factor factor;

    template <number V>
    BOXGRAD_FN constexpr box<V> operator()(const box<V>& b) const {
        return scale(b, factor);
    }
};
/// f of the boxes of rois; their first number stays.
template <class F, class T>
struct mapped_rois {
    F f;
    view<const T, 2> rois;

    BOXGRAD_FN constexpr index size() const { return rois.extent[0]; }
    template <plain_number V>
    BOXGRAD_FN constexpr fields<V, 5> at(index i, int count) const {
        const auto r = load_fields<V, 5>(rois, i, count);
        const box<V> x = f(box<V>{r[1], r[2], r[3], r[4]});
        return {{r[0], x.x1, x.y1, x.x2, x.y2}};
    }
};

}  // namespace detail

/// Boxes with sides `factor` times as long about their centres. Shapes: boxes [N, 4] or a row source ->
/// [N, 4]; rois [N, 5], whose first column is the image's number and stays -> [N, 5]. Throws shape_error;
/// config_error for a factor that is not finite and above 0. mmdetection 3.3, bbox_rescale.
template <backend B, boxes_for<B> X>
auto rescale(const B& b, const X& boxes, double factor) {
    using T = typename B::scalar;
    const char* op = "boxes::rescale";
    const detail::rescaling f{detail::checked_factor<T>(op, "factor", factor)};
    if constexpr (!row_source<X, lanes_t<B>>) {
        const auto v = as_const_view<2>(b, boxes, op, "boxes");
        if (v.extent[1] == 5) return make_rows<5>(b, op, detail::mapped_rois<detail::rescaling, T>{f, v});
    }
    return detail::map_rows(b, op, boxes, f);
}

/// Boxes in a picture that was resized: x times factor.w, y times factor.h. Shapes: [N, 4] or a row
/// source -> [N, 4]. Throws shape_error; config_error for a factor that is not finite and above 0.
/// mmdetection 3.3, scale_boxes.
template <backend B, boxes_for<B> X>
auto scale(const B& b, const X& boxes, scale_factor factor) {
    using T = typename B::scalar;
    const char* op = "boxes::scale";
    detail::checked_factor<T>(op, "factor.w", factor.w);
    detail::checked_factor<T>(op, "factor.h", factor.h);
    return detail::map_rows(b, op, boxes, detail::scaling{factor});
}

}  // namespace boxgrad::inline BOXGRAD_ABI::boxes
