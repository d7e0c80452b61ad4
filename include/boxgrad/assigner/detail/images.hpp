// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What every image of a batch gives to an assigner: rows of its own, or rows that all images share.
///
///     s.size()                      rows an image
///     s.template at<V>(b, i, n)     rows i to i + n of image b

#include <boxgrad/backend/rows.hpp>
#include <boxgrad/prior/point.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// A point and its strides are numbers of a sane size.
template <plain_number V>
BOXGRAD_FN mask_t<V> is_sane(const prior::point<V>& p) {
    return boxgrad::is_sane(box<V>{p.x, p.y, p.sx, p.sy});
}

/// A row source that serves every image.
template <class S>
struct shared_rows {
    S rows;

    BOXGRAD_FN constexpr index size() const { return rows.size(); }
    template <plain_number V>
    BOXGRAD_FN constexpr auto at(index, index i, int count) const {
        return rows.template at<V>(i, count);
    }
};

/// The matrix of image b.
template <class T>
BOXGRAD_FN constexpr view<T, 2> image_of(const view<T, 3>& v, index b) {
    return {v.data + b * v.stride[0], {{v.extent[1], v.extent[2]}}, {{v.stride[1], v.stride[2]}}};
}

/// Rows of boxes or points [B, N, 4] that lie in memory, read by a row source `S` of one image.
template <template <class> class S, class T>
struct stored_images {
    view<const T, 3> rows;

    BOXGRAD_FN constexpr index size() const { return rows.extent[1]; }
    template <plain_number V>
    BOXGRAD_FN constexpr auto at(index b, index i, int count) const {
        return S<T>{image_of(rows, b)}.template at<V>(i, count);
    }
};

/// X is a tensor of rank 2 or 3: [N, C] or [B, N, C].
template <class X, class B>
concept rows_of_images = readable_tensor<X, B, typename B::scalar, 2> || readable_tensor<X, B, typename B::scalar, 3>;

/// What a matrix [N, C] means in a batch: rows that all images share (priors), or the one image's
/// (predictions).
enum class matrix { shared, of_one_image };

/// x as [B, N, C]; a matrix that is shared has stride 0 across images. Throws shape_error.
template <matrix Meaning, class B, class X>
auto image_rows(const B& b, const X& x, index images, const char* op, const char* argument) {
    using T = typename B::scalar;
    const auto from_matrix = [&](const view<const T, 2>& v) {
        if (Meaning == matrix::of_one_image && images != 1) {
            raise(shape_error(complaint(op, argument,
                                        std::string("[") + std::to_string(images) + ", N, ...], one matrix an image",
                                        "a matrix " + to_string(v.extent.at, 2))));
        }
        return view<const T, 3>(v.data, {{images, v.extent[0], v.extent[1]}}, {{0, v.stride[0], v.stride[1]}});
    };
    const auto from_batch = [&](const view<const T, 3>& v) {
        check_shape(op, argument, {images, any_extent, any_extent}, v.extent);
        return v;
    };
    using V = std::remove_const_t<decltype(look_at(b, x))>;
    if constexpr (!is_view<V>::value) {
        return look_at(b, x).rank == 2 ? from_matrix(as_const_view<2>(b, x, op, argument))
                                       : from_batch(as_const_view<3>(b, x, op, argument));
    } else if constexpr (V::rank == 2) {
        return from_matrix(as_const_view<2>(b, x, op, argument));
    } else {
        return from_batch(as_const_view<3>(b, x, op, argument));
    }
}

/// X gives boxes, or points, to every image: a row source, [N, 4], or [B, N, 4].
template <class X, class B>
concept image_source_for = row_source<X, lanes_t<B>> || rows_of_images<X, B>;

/// Priors that are boxes: a row source or [N, 4], which all images share, or [B, N, 4]. Throws shape_error.
template <matrix Meaning = matrix::shared, class B, class X>
auto image_boxes(const B& b, const X& x, index images, const char* op, const char* argument) {
    if constexpr (row_source<X, lanes_t<B>>) {
        return shared_rows<X>{x};
    } else {
        const auto v = image_rows<Meaning>(b, x, images, op, argument);
        check_shape(op, argument, {any_extent, any_extent, 4}, v.extent);
        return stored_images<stored_boxes, typename B::scalar>{v};
    }
}

/// Priors that are points: a row source or [N, 4] = x, y, stride across, stride down, which all images
/// share, or [B, N, 4]; [.., 2] = x, y with strides of 1. Throws shape_error.
template <class B, class X>
auto image_points(const B& b, const X& x, index images, const char* op, const char* argument) {
    if constexpr (row_source<X, lanes_t<B>>) {
        return shared_rows<X>{x};
    } else {
        const auto v = image_rows<matrix::shared>(b, x, images, op, argument);
        if (v.extent[2] != 2) check_shape(op, argument, {any_extent, any_extent, 4}, v.extent);
        return stored_images<prior::stored_points, typename B::scalar>{v};
    }
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
