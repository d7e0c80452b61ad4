// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/rows.hpp>

namespace boxgrad::inline BOXGRAD_ABI::prior {

namespace detail {

template <class V, class S>
struct inside_kernel {
    using T = scalar_t<V>;
    S priors;
    view<const std::uint8_t, 1> valid;
    view<std::uint8_t, 1> out;
    image_shape image;
    T border;

    BOXGRAD_FN void operator()(index n) const {
        const index i = n * width_v<V>;
        const int count = rows_left<V>(out.extent[0], i);
        const box<V> p = priors.template at<V>(i, count);
        const V b(border);
        const std::int32_t inside = lane_bits(p.x1 >= -b && p.y1 >= -b && p.x2 < V(static_cast<T>(image.w)) + b &&
                                              p.y2 < V(static_cast<T>(image.h)) + b);
        for (int l = 0; l < count; ++l) {
            out(i + l) = static_cast<std::uint8_t>(valid(i + l) != 0 && (border < T(0) || ((inside >> l) & 1) != 0));
        }
    }
};

}  // namespace detail

/// Which priors are valid and lie within the picture, or leave it by less than `allowed_border` pixels:
///
///     valid and x1 >= -border and y1 >= -border and x2 < W + border and y2 < H + border
///
/// A negative border leaves the valid flags as they are. Shapes: priors [N, 4] or a grid, flags [N] of
/// uint8 -> [N] of uint8. Throws shape_error. mmdetection 3.3, anchor_inside_flags.
template <backend B, boxes_for<B> X, readable_tensor<B, std::uint8_t, 1> Y>
auto inside_flags(const B& b, const X& priors, const Y& valid_flags, image_shape image, double allowed_border = 0) {
    using V = lanes_t<B>;
    const char* op = "inside_flags";
    const auto p = box_source(b, priors, op, "priors");
    const auto v = as_const_view<1>(b, valid_flags, op, "valid_flags");
    check_shape(op, "valid_flags", {p.size()}, v.extent);
    auto out = b.template make<std::uint8_t, 1>(v.extent);
    const auto o = as_view<1>(b, out, op, "out");
    b.for_each(packs_of<V>(p.size()), detail::inside_kernel<V, std::remove_const_t<decltype(p)>>{
                                          p, v, o, image, static_cast<typename B::scalar>(allowed_border)});
    return out;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
