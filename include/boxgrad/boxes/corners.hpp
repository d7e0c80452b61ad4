// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/boxes/detail/mapped.hpp>

namespace boxgrad::inline BOXGRAD_ABI::boxes {

/// A place in a picture.
template <class V>
struct corner {
    V x, y;
};

/// A projective map of the plane, row by row. (x, y) goes to (X/Z, Y/Z) with (X, Y, Z) = at·(x, y, 1).
struct homography {
    double at[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
};

/// Four corners in the order (x1, y1), (x2, y1), (x1, y2), (x2, y2).
template <class V>
using four_corners = fields<corner<V>, 4>;

template <number V>
BOXGRAD_FN constexpr four_corners<V> corners(const box<V>& b) {
    return {{{b.x1, b.y1}, {b.x2, b.y1}, {b.x1, b.y2}, {b.x2, b.y2}}};
}

namespace detail {

/// min and max of two, and NaN where either is. Equals share the gradient.
template <number V>
BOXGRAD_FN constexpr V lower(const V& a, const V& b) {
    return select(a < b || b <= a, min(a, b), a + b);
}
template <number V>
BOXGRAD_FN constexpr V upper(const V& a, const V& b) {
    return select(a < b || b <= a, max(a, b), a + b);
}

}  // namespace detail

/// The smallest box around four corners in any order. NaN where a corner is.
template <number V>
BOXGRAD_FN constexpr box<V> from_corners(const four_corners<V>& c) {
    using detail::lower;
    using detail::upper;
    return {lower(lower(c[0].x, c[1].x), lower(c[2].x, c[3].x)), lower(lower(c[0].y, c[1].y), lower(c[2].y, c[3].y)),
            upper(upper(c[0].x, c[1].x), upper(c[2].x, c[3].x)), upper(upper(c[0].y, c[1].y), upper(c[2].y, c[3].y))};
}

/// A corner through a homography.
template <number V>
BOXGRAD_FN constexpr corner<V> project(const corner<V>& c, const homography& h) {
    using T = scalar_t<V>;
    const auto entry = [&](int r, int k) { return V(static_cast<T>(h.at[r][k])); };
    const auto row = [&](int r) { return entry(r, 0) * c.x + entry(r, 1) * c.y + entry(r, 2); };
    const V z = row(2);
    return {row(0) / z, row(1) / z};
}
/// The smallest box around the four corners of a box after a homography.
template <number V>
BOXGRAD_FN constexpr box<V> project(const box<V>& b, const homography& h) {
    four_corners<V> c = corners(b);
    for (int k = 0; k < 4; ++k) c[k] = project(c[k], h);
    return from_corners(c);
}

namespace detail {

/// out(4i + k, :) = corner k of box i.
template <class V, class S>
struct corners_kernel {
    S source;
    view<scalar_t<V>, 2> out;

    BOXGRAD_FN void operator()(index n) const {
        const index i = n * width_v<V>;
        const int count = rows_left<V>(source.size(), i);
        const four_corners<V> c = corners(box<V>(source.template at<V>(i, count)));
        for (int k = 0; k < 4; ++k) {
            store(c[k].x, &out(4 * i + k, 0), 4 * out.stride[0], count);
            store(c[k].y, &out(4 * i + k, 1), 4 * out.stride[0], count);
        }
    }
};

/// The smallest boxes around each four rows of corners [4N, 2].
template <class T>
struct boxes_around {
    view<const T, 2> corners;

    BOXGRAD_FN constexpr index size() const { return corners.extent[0] / 4; }
    template <plain_number V>
    BOXGRAD_FN constexpr box<V> at(index i, int count) const {
        four_corners<V> c;
        for (int k = 0; k < 4; ++k) {
            c[k].x = load<V>(&corners(4 * i + k, 0), 4 * corners.stride[0], count);
            c[k].y = load<V>(&corners(4 * i + k, 1), 4 * corners.stride[0], count);
        }
        return from_corners(c);
    }
};

struct projecting {
    homography h;
    image_shape image;
    bool clipped;

    template <number V>
    BOXGRAD_FN constexpr box<V> operator()(const box<V>& b) const {
        const box<V> r = project(b, h);
        return clipped ? boxgrad::clip(r, image) : r;
    }
};

}  // namespace detail

/// The corners of every box, in the order (x1, y1), (x2, y1), (x1, y2), (x2, y2). Shapes: [N, 4] or a row
/// source -> [4N, 2]. Throws shape_error. mmdetection 3.3, bbox2corner.
template <backend B, boxes_for<B> X>
auto corners(const B& b, const X& boxes) {
    using V = lanes_t<B>;
    using T = typename B::scalar;
    const char* op = "boxes::corners";
    const auto s = detail::source_of(b, boxes, op);
    auto out = b.template make<T, 2>(extents<2>{{checked_product(op, 4, s.size()), 2}});
    b.for_each(packs_of<V>(s.size()),
               detail::corners_kernel<V, std::remove_const_t<decltype(s)>>{s, as_view<2>(b, out, op, "out")});
    return out;
}

/// The smallest box around each four corners, in any order. Shapes: [4N, 2] -> [N, 4]. Throws shape_error.
/// mmdetection 3.3, corner2bbox.
template <backend B, readable_tensor<B, typename B::scalar, 2> X>
auto from_corners(const B& b, const X& corners) {
    const char* op = "boxes::from_corners";
    const auto v = as_const_view<2>(b, corners, op, "corners");
    check_shape(op, "corners", {any_extent, 2}, v.extent);
    if (v.extent[0] % 4 != 0) {
        raise(shape_error(complaint(op, "corners", "[4N, 2]", to_string(v.extent))));
    }
    return make_rows<4>(b, op, detail::boxes_around<typename B::scalar>{v});
}

/// The smallest boxes around the corners of boxes after a homography, clipped to the picture where one is
/// given. Shapes: [N, 4] or a row source -> [N, 4], in pixels. Throws shape_error; config_error for a
/// homography with an entry that is not finite, or a picture of negative size. mmdetection 3.3,
/// bbox_project.
template <backend B, boxes_for<B> X>
auto project(const B& b, const X& boxes, const homography& h, image_shape image = {}) {
    using T = typename B::scalar;
    const char* op = "boxes::project";
    for (const auto& row : h.at) {
        for (const double x : row) {
            if (!(abs(x) <= static_cast<double>(largest_finite<T>))) {
                raise(config_error(complaint(op, "homography", "finite", std::to_string(x))));
            }
        }
    }
    image = detail::checked_image<T>(op, image);
    const bool clipped = image.w < infinity<double> || image.h < infinity<double>;
    return detail::map_rows(b, op, boxes, detail::projecting{h, image, clipped});
}

}  // namespace boxgrad::inline BOXGRAD_ABI::boxes
