// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/concept.hpp>
#include <boxgrad/overlap/iou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::overlap {

namespace detail {

/// out(i, j) = o(a_i, b_j), a pack of columns at a time.
template <class O, class V>
struct pairwise_kernel {
    using T = scalar_t<V>;
    O o;
    view<const T, 2> a, b;
    view<T, 2> out;
    index chunks;

    BOXGRAD_FN void operator()(index n) const {
        const index i = n / chunks;
        const index j = n % chunks * width_v<V>;
        const index left = b.extent[0] - j;
        const int count = left < width_v<V> ? static_cast<int>(left) : width_v<V>;
        const box<V> row{V(a(i, 0)), V(a(i, 1)), V(a(i, 2)), V(a(i, 3))};
        store(o(row, load_boxes<V>(b, j, count)), &out(i, j), out.stride[1], count);
    }
};

/// out(i) = o(a_i, b_i), a pack of rows at a time.
template <class O, class V>
struct aligned_kernel {
    using T = scalar_t<V>;
    O o;
    view<const T, 2> a, b;
    view<T, 1> out;

    BOXGRAD_FN void operator()(index n) const {
        const index i = n * width_v<V>;
        const index left = out.extent[0] - i;
        const int count = left < width_v<V> ? static_cast<int>(left) : width_v<V>;
        store(o(load_boxes<V>(a, i, count), load_boxes<V>(b, i, count)), &out(i), out.stride[0], count);
    }
};

}  // namespace detail

/// Every overlap of M with N boxes, into `out`. Shapes: [M, 4], [N, 4] -> [M, N].
/// Throws shape_error. Scratch: none.
template <backend B, term O, readable_tensor<B, typename B::scalar, 2> X,
          readable_tensor<B, typename B::scalar, 2> Y, writable_tensor<B, typename B::scalar, 2> Z>
void pairwise(const B& backend, const O& overlap, const X& boxes1, const Y& boxes2, Z& out) {
    using V = lanes_t<B>;
    const char* op = "overlap::pairwise";
    const auto a = as_const_view<2>(backend, boxes1, op, "boxes1");
    const auto b = as_const_view<2>(backend, boxes2, op, "boxes2");
    const auto o = as_view<2>(backend, out, op, "out");
    check_shape(op, "boxes1", {any_extent, 4}, a.extent);
    check_shape(op, "boxes2", {any_extent, 4}, b.extent);
    check_shape(op, "out", {a.extent[0], b.extent[0]}, o.extent);
    check_output(op, "out", o);
    check_apart(op, "out", o, "boxes1", a);
    check_apart(op, "out", o, "boxes2", b);
    const index chunks = (b.extent[0] + width_v<V> - 1) / width_v<V>;
    backend.for_each(checked_product(op, a.extent[0], chunks),
                     detail::pairwise_kernel<O, V>{overlap, a, b, o, chunks});
}

/// As above, into a tensor that the backend makes.
template <backend B, term O, readable_tensor<B, typename B::scalar, 2> X,
          readable_tensor<B, typename B::scalar, 2> Y>
auto pairwise(const B& backend, const O& overlap, const X& boxes1, const Y& boxes2) {
    const char* op = "overlap::pairwise";
    const index rows = as_const_view<2>(backend, boxes1, op, "boxes1").extent[0];
    const index columns = as_const_view<2>(backend, boxes2, op, "boxes2").extent[0];
    checked_product(op, rows, columns);
    auto out = backend.template make<typename B::scalar, 2>(extents<2>{{rows, columns}});
    pairwise(backend, overlap, boxes1, boxes2, out);
    return out;
}

/// The overlap of each box with its partner. Shapes: [N, 4], [N, 4] -> [N]. Throws shape_error.
template <backend B, term O, readable_tensor<B, typename B::scalar, 2> X,
          readable_tensor<B, typename B::scalar, 2> Y>
auto aligned(const B& backend, const O& overlap, const X& boxes1, const Y& boxes2) {
    using V = lanes_t<B>;
    using T = typename B::scalar;
    const char* op = "overlap::aligned";
    const auto a = as_const_view<2>(backend, boxes1, op, "boxes1");
    const auto b = as_const_view<2>(backend, boxes2, op, "boxes2");
    check_shape(op, "boxes1", {any_extent, 4}, a.extent);
    check_shape(op, "boxes2", {a.extent[0], 4}, b.extent);
    auto out = backend.template make<T, 1>(extents<1>{{a.extent[0]}});
    const auto o = as_view<1>(backend, out, op, "out");
    backend.for_each((a.extent[0] + width_v<V> - 1) / width_v<V>,
                     detail::aligned_kernel<O, V>{overlap, a, b, o});
    return out;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::overlap
