// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/transfer.hpp>
#include <boxgrad/boxes/detail/mapped.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::boxes {

/// true where some of the box lies within the picture: x1 < W, x2 > 0, y1 < H, y2 > 0.
template <plain_number V>
BOXGRAD_FN constexpr mask_t<V> inside(const box<V>& b, const image_shape& image) {
    using T = scalar_t<V>;
    const V zero(T(0));
    return b.x1 < V(static_cast<T>(image.w)) && b.x2 > zero && b.y1 < V(static_cast<T>(image.h)) && b.y2 > zero;
}
/// true where neither side of the box is shorter than `min_size`.
template <plain_number V>
BOXGRAD_FN constexpr mask_t<V> large(const box<V>& b, double min_size) {
    const V s(static_cast<scalar_t<V>>(min_size));
    return b.width() >= s && b.height() >= s;
}

namespace detail {

struct lies_inside {
    image_shape image;

    template <plain_number V>
    BOXGRAD_FN constexpr mask_t<V> operator()(const box<V>& b) const {
        return inside(b, image);
    }
};
struct is_large {
    double min_size;

    template <plain_number V>
    BOXGRAD_FN constexpr mask_t<V> operator()(const box<V>& b) const {
        return large(b, min_size);
    }
};

/// out(i) = 1 where the rule holds for box i, else 0.
template <class V, class F, class S>
struct flag_kernel {
    F rule;
    S source;
    view<std::uint8_t, 1> out;

    BOXGRAD_FN void operator()(index n) const {
        const index i = n * width_v<V>;
        const int count = rows_left<V>(out.extent[0], i);
        const std::int32_t bits = lane_bits(rule(source.template at<V>(i, count)));
        for (int l = 0; l < count; ++l) out(i + l) = static_cast<std::uint8_t>((bits >> l) & 1);
    }
};

template <class B, class X, class F>
auto flags(const B& b, const char* op, const X& boxes, const F& rule) {
    using V = lanes_t<B>;
    const auto s = source_of(b, boxes, op);
    auto out = b.template make<std::uint8_t, 1>(extents<1>{{s.size()}});
    b.for_each(packs_of<V>(s.size()),
               flag_kernel<V, F, std::remove_const_t<decltype(s)>>{rule, s, as_view<1>(b, out, op, "out")});
    return out;
}

}  // namespace detail

/// Which boxes have some part within the picture: 1, else 0. Shapes: [N, 4] or a row source -> [N] of
/// uint8. Throws shape_error; config_error for a picture of negative size. mmdetection 3.3,
/// find_inside_bboxes.
template <backend B, boxes_for<B> X>
auto inside(const B& b, const X& boxes, image_shape image) {
    const char* op = "boxes::inside";
    return detail::flags(b, op, boxes, detail::lies_inside{detail::checked_image<typename B::scalar>(op, image)});
}

/// Which boxes are left when those with a side shorter than `min_size` are removed, in ascending order.
/// Shapes: [N, 4] or a row source -> [K] of index. Throws shape_error; config_error for a size that is not
/// finite and at least 0. Host memory: 9 bytes a box. torchvision, remove_small_boxes.
template <backend B, boxes_for<B> X>
auto remove_small(const B& b, const X& boxes, double min_size) {
    const char* op = "boxes::remove_small";
    const double size = detail::checked_length<typename B::scalar>(op, "min_size", min_size);
    check_parameter(op, "min_size", size < infinity<double>, "finite", min_size);
    const auto flags = to_host<1>(b, detail::flags(b, op, boxes, detail::is_large{size}));
    std::vector<index> kept;
    for (std::size_t i = 0; i < flags.size(); ++i) {
        if (flags[i] != 0) kept.push_back(static_cast<index>(i));
    }
    return from_host(b, extents<1>{{static_cast<index>(kept.size())}}, kept.data());
}

}  // namespace boxgrad::inline BOXGRAD_ABI::boxes
