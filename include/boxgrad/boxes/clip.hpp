// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/boxes/detail/mapped.hpp>

namespace boxgrad::inline BOXGRAD_ABI::boxes {

namespace detail {

struct clipping {
    image_shape image;

    template <number V>
    BOXGRAD_FN constexpr box<V> operator()(const box<V>& b) const {
        return boxgrad::clip(b, image);
    }
};

}  // namespace detail

/// Boxes within a picture: x in [0, W], y in [0, H], corners beyond moved onto its border. Shapes: [N, 4]
/// or a row source -> [N, 4], in pixels. The formula is `boxgrad::clip` of core/box.hpp. Throws
/// shape_error, config_error for a picture of negative size. torchvision, clip_boxes_to_image.
template <backend B, boxes_for<B> X>
auto clip(const B& b, const X& boxes, image_shape image) {
    const char* op = "boxes::clip";
    return detail::map_rows(b, op, boxes, detail::clipping{detail::checked_image<typename B::scalar>(op, image)});
}

}  // namespace boxgrad::inline BOXGRAD_ABI::boxes
