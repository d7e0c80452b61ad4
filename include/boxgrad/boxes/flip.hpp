// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/boxes/detail/mapped.hpp>

namespace boxgrad::inline BOXGRAD_ABI::boxes {

/// What a picture is mirrored along.
enum class flip_direction {
    horizontal,  ///< left and right change places
    vertical,    ///< top and bottom do
    diagonal     ///< both
};

/// The box in a mirrored picture:
///
///     horizontal   x1' = W - x2   x2' = W - x1
///     vertical     y1' = H - y2   y2' = H - y1
template <number V>
BOXGRAD_FN constexpr box<V> flip(const box<V>& b, const image_shape& image, flip_direction direction) {
    using T = scalar_t<V>;
    box<V> r = b;
    if (direction != flip_direction::vertical) {
        const V w(static_cast<T>(image.w));
        r.x1 = w - b.x2;
        r.x2 = w - b.x1;
    }
    if (direction != flip_direction::horizontal) {
        const V h(static_cast<T>(image.h));
        r.y1 = h - b.y2;
        r.y2 = h - b.y1;
    }
    return r;
}

namespace detail {

struct flipping {
    image_shape image;
    flip_direction direction;

    template <number V>
    BOXGRAD_FN constexpr box<V> operator()(const box<V>& b) const {
        return flip(b, image, direction);
    }
};

}  // namespace detail

/// Boxes in a mirrored picture. Shapes: [N, 4] or a row source -> [N, 4], in pixels. Throws shape_error;
/// config_error where a length of the picture that is needed is negative or not finite. mmdetection 3.3,
/// bbox_flip.
template <backend B, boxes_for<B> X>
auto flip(const B& b, const X& boxes, image_shape image, flip_direction direction = flip_direction::horizontal) {
    const char* op = "boxes::flip";
    image = detail::checked_image<typename B::scalar>(op, image);
    const bool bounded = (direction == flip_direction::vertical || image.w < infinity<double>)&&(
        direction == flip_direction::horizontal || image.h < infinity<double>);
    if (!bounded) raise(config_error(complaint(op, "image_shape", "finite", "infinite")));
    return detail::map_rows(b, op, boxes, detail::flipping{image, direction});
}

}  // namespace boxgrad::inline BOXGRAD_ABI::boxes
