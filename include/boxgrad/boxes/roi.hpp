// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/transfer.hpp>
#include <boxgrad/boxes/detail/mapped.hpp>
#include <boxgrad/core/parameter.hpp>

#include <iterator>
#include <vector>

namespace boxgrad::inline BOXGRAD_ABI::boxes {

namespace detail {

/// The boxes of one image behind its number.
template <class V, class S>
struct roi_kernel {
    S source;
    view<scalar_t<V>, 2> out;
    scalar_t<V> image;

    BOXGRAD_FN void operator()(index n) const {
        const index i = n * width_v<V>;
        const int count = rows_left<V>(out.extent[0], i);
        store(V(image), &out(i, 0), out.stride[0], count);
        store_fields<V, 4>(fields_of(source.template at<V>(i, count)), out, i, count, 1);
    }
};

/// The boxes of the given rois.
template <class T>
struct gather_boxes_kernel {
    view<const T, 2> rois;
    view<const index, 1> rows;
    view<T, 2> out;

    BOXGRAD_FN void operator()(index i) const {
        for (index c = 0; c < 4; ++c) out(i, c) = rois(rows(i), c + 1);
    }
};

/// Whole numbers up to here are exact in T.
template <real T>
inline constexpr index largest_image = sizeof(T) == 4 ? index{1} << 24 : index{1} << 53;

}  // namespace detail

/// L lists boxes for each image: tensors [n, 4] or row sources of boxes.
template <class L, class B>
concept boxes_per_image = requires(const L& l) {
    std::size(l);
    *std::begin(l);
}
&&boxes_for<std::remove_cvref_t<decltype(*std::begin(std::declval<const L&>()))>, B>;

/// The boxes of a batch in one tensor, each behind the number of its image. Shapes: a list of [n_i, 4] or
/// row sources -> [Σ n_i, 5] of image, x1, y1, x2, y2, image by image. Throws shape_error; size_error for
/// more images than the scalar counts exactly (2^24 in float). mmdetection 3.3, bbox2roi.
template <backend B, boxes_per_image<B> L>
auto bbox2roi(const B& b, const L& images) {
    using V = lanes_t<B>;
    using T = typename B::scalar;
    const char* op = "boxes::bbox2roi";
    if (static_cast<index>(std::size(images)) > detail::largest_image<T>) {
        raise(size_error(std::string(op) + ": " + std::to_string(std::size(images)) + " images"));
    }
    index total = 0;
    for (const auto& boxes : images) total += detail::source_of(b, boxes, op).size();
    auto out = b.template make<T, 2>(extents<2>{{total, 5}});
    const auto o = as_view<2>(b, out, op, "out");
    index first = 0;
    index image = 0;
    for (const auto& boxes : images) {
        const auto s = detail::source_of(b, boxes, op);
        if (s.size() > 0) {
            const view<T, 2> rows(&o(first, 0), {{s.size(), 5}}, o.stride);
            b.for_each(packs_of<V>(s.size()),
                       detail::roi_kernel<V, std::remove_const_t<decltype(s)>>{s, rows, static_cast<T>(image)});
        }
        first += s.size();
        ++image;
    }
    return out;
}

/// The boxes of each image, from rois in any order: `images` tensors [n_i, 4], rows in the order of the
/// rois, empty where an image has none. Shapes: rois [N, 5] of image, x1, y1, x2, y2. Throws shape_error
/// for other shapes and for a number that is no image in [0, images). Host memory: 16 bytes a roi. The
/// reverse of `bbox2roi`. mmdetection 3.3, roi2bbox, which leaves out images without rois.
template <backend B, readable_tensor<B, typename B::scalar, 2> X>
auto roi2bbox(const B& b, const X& rois, index images) {
    using T = typename B::scalar;
    const char* op = "boxes::roi2bbox";
    const auto r = as_const_view<2>(b, rois, op, "rois");
    check_shape(op, "rois", {any_extent, 5}, r.extent);
    check_parameter(op, "images", images >= 0, "at least 0", images);
    const auto numbers = to_host<1>(b, view<const T, 1>(r.data, {{r.extent[0]}}, {{r.stride[0]}}));
    std::vector<std::vector<index>> rows(static_cast<std::size_t>(images));
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const T x = numbers[i];
        const bool ranged = x >= T(0) && x < static_cast<T>(images);
        if (!ranged || static_cast<T>(static_cast<index>(x)) != x) {
            raise(shape_error(complaint(op, "rois", "numbered from 0 to " + std::to_string(images - 1),
                                        std::to_string(x) + " in row " + std::to_string(i))));
        }
        rows[static_cast<std::size_t>(x)].push_back(static_cast<index>(i));
    }
    std::vector<tensor_t<B, T, 2>> boxes;
    boxes.reserve(rows.size());
    for (const auto& list : rows) {
        const auto n = static_cast<index>(list.size());
        const auto picked = from_host(b, extents<1>{{n}}, list.data());
        auto out = b.template make<T, 2>(extents<2>{{n, 4}});
        b.for_each(n, detail::gather_boxes_kernel<T>{r, as_const_view<1>(b, picked, op, "rows"),
                                                     as_view<2>(b, out, op, "out")});
        boxes.push_back(std::move(out));
    }
    return boxes;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::boxes
