// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/boxes/detail/mapped.hpp>

namespace boxgrad::inline BOXGRAD_ABI::boxes {

/// What the four numbers of a box mean.
enum class box_format {
    xyxy,    ///< two corners: x1, y1, x2, y2
    xywh,    ///< a corner and the size: x1, y1, width, height
    cxcywh,  ///< the centre and the size
    cxcyah   ///< the centre, width / height, and the height
};

/// The box that four numbers of a format mean:
///
///     xywh     x2 = x1 + w                   y likewise
///     cxcywh   x1 = cx - w/2   x2 = cx + w/2
///     cxcyah   as cxcywh with w = a·h
template <box_format From, number V>
BOXGRAD_FN constexpr box<V> to_box(const fields<V, 4>& f) {
    const V half(scalar_t<V>(0.5));
    if constexpr (From == box_format::xyxy) {
        return {f[0], f[1], f[2], f[3]};
    } else if constexpr (From == box_format::xywh) {
        return {f[0], f[1], f[0] + f[2], f[1] + f[3]};
    } else {
        const V w = half * (From == box_format::cxcyah ? f[2] * f[3] : f[2]);
        const V h = half * f[3];
        return {f[0] - w, f[1] - h, f[0] + w, f[1] + h};
    }
}
/// The four numbers of a box in a format. The reverse of `to_box`.
template <box_format To, number V>
BOXGRAD_FN constexpr fields<V, 4> from_box(const box<V>& b) {
    const V half(scalar_t<V>(0.5));
    const V w = b.width();
    const V h = b.height();
    if constexpr (To == box_format::xyxy) {
        return {{b.x1, b.y1, b.x2, b.y2}};
    } else if constexpr (To == box_format::xywh) {
        return {{b.x1, b.y1, w, h}};
    } else {
        return {{(b.x1 + b.x2) * half, (b.y1 + b.y2) * half, To == box_format::cxcyah ? w / h : w, h}};
    }
}
/// Four numbers of one format in another, through the corners. To the same format: as they are.
template <box_format From, box_format To, number V>
BOXGRAD_FN constexpr fields<V, 4> convert(const fields<V, 4>& f) {
    if constexpr (From == To) {
        return f;
    } else {
        return from_box<To>(to_box<From>(f));
    }
}

namespace detail {

template <box_format From, box_format To>
struct converting {
    template <class Row>
    BOXGRAD_FN constexpr auto operator()(const Row& r) const {
        return convert<From, To>(fields_of(r));
    }
};

}  // namespace detail

/// Boxes in another format. Shapes: [N, 4] or a row source -> [N, 4]. Throws shape_error. torchvision,
/// box_convert; mmdetection 3.3, bbox_xyxy_to_cxcywh and its kind.
template <box_format From, box_format To, backend B, boxes_for<B> X>
auto convert(const B& b, const X& boxes) {
    return detail::map_rows(b, "boxes::convert", boxes, detail::converting<From, To>{});
}

}  // namespace boxgrad::inline BOXGRAD_ABI::boxes
