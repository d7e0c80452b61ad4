// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/concept.hpp>

namespace boxgrad::inline BOXGRAD_ABI::boxes {

/// What x2 and y2 of a box around pixels mean.
enum class box_end {
    exclusive,  ///< one past the last column and row, as every box of this library: x2 - x1 columns
    inclusive   ///< the last column and row, as torchvision's masks_to_boxes
};

namespace detail {

/// Whether `count` pixels from p on hold one that is set.
BOXGRAD_FN constexpr bool any_set(const std::uint8_t* p, index stride, index count) {
    if (stride == 1) {
        for (; count >= 64; p += 64, count -= 64) {
            unsigned found = 0;
            for (int i = 0; i < 64; ++i) found |= p[i];
            if (found != 0) return true;
        }
    }
    for (index i = 0; i < count; ++i) {
        if (p[i * stride] != 0) return true;
    }
    return false;
}

/// Lines and places within a line that hold a set pixel: [line0, line1) x [place0, place1).
struct set_pixels {
    index line0 = 0, line1 = 0, place0 = 0, place1 = 0;
};

/// The first line that holds a pixel from above, the last from below; between them only what lies left and
/// right of the pixels found so far is looked at.
BOXGRAD_FN constexpr set_pixels find_set(const std::uint8_t* p, index lines, index line_stride, index places,
                                         index place_stride) {
    set_pixels r;
    while (r.line0 < lines && !any_set(p + r.line0 * line_stride, place_stride, places)) ++r.line0;
    if (r.line0 == lines) return {};
    r.line1 = lines;
    while (!any_set(p + (r.line1 - 1) * line_stride, place_stride, places)) --r.line1;
    r.place0 = places;
    for (index l = r.line0; l < r.line1; ++l) {
        const std::uint8_t* line = p + l * line_stride;
        if (any_set(line, place_stride, r.place0)) {
            r.place0 = 0;
            while (line[r.place0 * place_stride] == 0) ++r.place0;
        }
        if (r.place1 < places && any_set(line + r.place1 * place_stride, place_stride, places - r.place1)) {
            r.place1 = places;
            while (line[(r.place1 - 1) * place_stride] == 0) --r.place1;
        }
    }
    return r;
}

template <class T>
struct mask_kernel {
    view<const std::uint8_t, 3> masks;
    view<T, 2> out;
    box_end end;

    BOXGRAD_FN void operator()(index n) const {
        const index h = masks.extent[1];
        const index w = masks.extent[2];
        const std::uint8_t* p = masks.data + n * masks.stride[0];
        set_pixels r;
        // Along the axis that lies closer together.
        if (magnitude(masks.stride[1]) < magnitude(masks.stride[2])) {
            const set_pixels s = find_set(p, w, masks.stride[2], h, masks.stride[1]);
            r = {s.place0, s.place1, s.line0, s.line1};
        } else {
            r = find_set(p, h, masks.stride[1], w, masks.stride[2]);
        }
        const index last = end == box_end::inclusive && r.line1 > 0 ? 1 : 0;
        out(n, 0) = static_cast<T>(r.place0);
        out(n, 1) = static_cast<T>(r.line0);
        out(n, 2) = static_cast<T>(r.place1 - last);
        out(n, 3) = static_cast<T>(r.line1 - last);
    }
    BOXGRAD_FN static constexpr index magnitude(index x) { return x < 0 ? -x : x; }
};

}  // namespace detail

/// The smallest box around the pixels of each mask that are not 0; 0 0 0 0 where there is none. Shapes:
/// masks [N, H, W] of uint8 -> [N, 4], in pixels. Throws shape_error. Scratch: none. mmdetection 3.3,
/// BitmapMasks.get_bboxes; torchvision, masks_to_boxes (`box_end::inclusive`).
template <backend B, readable_tensor<B, std::uint8_t, 3> X>
auto masks_to_boxes(const B& b, const X& masks, box_end end = box_end::exclusive) {
    using T = typename B::scalar;
    const char* op = "boxes::masks_to_boxes";
    const auto m = as_const_view<3>(b, masks, op, "masks");
    auto out = b.template make<T, 2>(extents<2>{{m.extent[0], 4}});
    b.for_each(m.extent[0], detail::mask_kernel<T>{m, as_view<2>(b, out, op, "out"), end});
    return out;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::boxes
