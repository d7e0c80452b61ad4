// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/rows.hpp>
#include <boxgrad/overlap/iou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::overlap {

/// Overlaps of a pack of boxes with each of the others, computed as they are asked for.
template <class O, class V, class S>
struct row {
    O overlap;
    box<V> boxes;
    S others;

    /// How many others there are.
    BOXGRAD_FN constexpr index size() const { return others.size(); }
    /// Overlaps of the pack with the j-th of the others.
    BOXGRAD_FN constexpr V operator()(index j) const {
        using T = scalar_t<V>;
        const box<T> b = others.template at<T>(j, 1);
        return overlap(boxes, box<V>{V(b.x1), V(b.y1), V(b.x2), V(b.y2)});
    }
};

namespace detail {

/// c(i, count, row) for a pack of boxes.
template <class O, class V, class A, class S, class C>
struct stream_kernel {
    O o;
    A a;
    S b;
    C consumer;

    BOXGRAD_FN void operator()(index n) const {
        const index i = n * width_v<V>;
        const int count = rows_left<V>(a.size(), i);
        consumer(i, count, row<O, V, S>{o, a.template at<V>(i, count), b});
    }
};

/// A consumer that stores every overlap: a pack of rows, column by column.
template <class T>
struct store_columns {
    view<T, 2> out;

    template <class Row>
    BOXGRAD_FN void operator()(index i, int count, const Row& r) const {
        for (index j = 0; j < r.size(); ++j) store(r(j), &out(i, j), out.stride[0], count);
    }
};

/// The same overlaps for a matrix whose rows are contiguous: a few rows against a pack of columns, which is
/// loaded once. The last pack reaches back into the one before it rather than ending early.
template <class O, class V, class A, class S>
struct matrix_kernel {
    using T = scalar_t<V>;
    static constexpr index rows = width_v<V> > 1 ? 16 : 1;
    O o;
    A a;
    S b;
    view<T, 2> out;
    index chunks;

    BOXGRAD_FN void operator()(index n) const {
        if constexpr (1 < width_v<V>) {
            for (index c = 0; c < chunks; ++c) fill(n * rows, c * width_v<V>);
        } else {
            fill(n / chunks, n % chunks);
        }
    }
    /// How often it has to be called.
    index calls() const { return width_v<V> > 1 ? (out.extent[0] + rows - 1) / rows : out.extent[0] * chunks; }

private:
    BOXGRAD_FN void fill(index first, index j) const {
        const index last = first + rows < out.extent[0] ? first + rows : out.extent[0];
        int count = rows_left<V>(out.extent[1], j);
        if (count < width_v<V> && out.extent[1] >= width_v<V>) {
            j = out.extent[1] - width_v<V>;
            count = width_v<V>;
        }
        const box<V> others = b.template at<V>(j, count);
        for (index i = first; i < last; ++i) {
            const box<T> x = a.template at<T>(i, 1);
            store(o(box<V>{V(x.x1), V(x.y1), V(x.x2), V(x.y2)}, others), &out(i, j), out.stride[1], count);
        }
    }
};

/// out(i) = o(a_i, b_i), a pack of rows at a time.
template <class O, class A, class S>
struct aligned_rows {
    O o;
    A a;
    S b;

    BOXGRAD_FN constexpr index size() const { return a.size(); }
    template <plain_number V>
    BOXGRAD_FN constexpr V at(index i, int count) const {
        return o(a.template at<V>(i, count), b.template at<V>(i, count));
    }
};

}  // namespace detail

/// Hands overlaps to a consumer without storing them: every box of the first list against all of the
/// second, a pack of the first at a time.
///
///     consumer(i, count, row)     row(j): overlaps of boxes i to i + count with box j, one a lane
///
/// Boxes are [N, 4], or row sources such as a grid of anchors. The consumer is a named function object that
/// is copied and called from any thread, once for each pack. Throws shape_error. Scratch: none.
template <backend B, term O, boxes_for<B> X, boxes_for<B> Y, class C>
void stream(const B& backend, const O& overlap, const X& boxes1, const Y& boxes2, const C& consumer) {
    using V = lanes_t<B>;
    const char* op = "overlap::stream";
    const auto a = box_source(backend, boxes1, op, "boxes1");
    const auto b = box_source(backend, boxes2, op, "boxes2");
    using kernel = detail::stream_kernel<O, V, std::remove_const_t<decltype(a)>, std::remove_const_t<decltype(b)>, C>;
    backend.for_each(packs_of<V>(a.size()), kernel{overlap, a, b, consumer});
}

/// Every overlap of M with N boxes, into `out`. Shapes: [M, 4], [N, 4] or row sources -> [M, N].
/// Throws shape_error. Scratch: none.
template <backend B, term O, boxes_for<B> X, boxes_for<B> Y, writable_tensor<B, typename B::scalar, 2> Z>
void pairwise(const B& backend, const O& overlap, const X& boxes1, const Y& boxes2, Z& out) {
    using V = lanes_t<B>;
    using T = typename B::scalar;
    const char* op = "overlap::pairwise";
    const auto a = box_source(backend, boxes1, op, "boxes1");
    const auto b = box_source(backend, boxes2, op, "boxes2");
    const auto o = as_view<2>(backend, out, op, "out");
    check_shape(op, "out", {a.size(), b.size()}, o.extent);
    check_output(op, "out", o);
    check_apart_from(op, "out", o, "boxes1", a);
    check_apart_from(op, "out", o, "boxes2", b);
    if (o.size() == 0) return;
    if (o.stride[0] == 1 && o.stride[1] != 1) {
        stream(backend, overlap, a, b, detail::store_columns<T>{o});
        return;
    }
    using kernel = detail::matrix_kernel<O, V, std::remove_const_t<decltype(a)>, std::remove_const_t<decltype(b)>>;
    const kernel k{overlap, a, b, o, packs_of<V>(b.size())};
    backend.for_each(k.calls(), k);
}

/// As above, into a tensor that the backend makes.
template <backend B, term O, boxes_for<B> X, boxes_for<B> Y>
auto pairwise(const B& backend, const O& overlap, const X& boxes1, const Y& boxes2) {
    const char* op = "overlap::pairwise";
    const index rows = box_source(backend, boxes1, op, "boxes1").size();
    const index columns = box_source(backend, boxes2, op, "boxes2").size();
    checked_product(op, rows, columns);
    auto out = backend.template make<typename B::scalar, 2>(extents<2>{{rows, columns}});
    pairwise(backend, overlap, boxes1, boxes2, out);
    return out;
}

/// The overlap of each box with its partner. Shapes: [N, 4], [N, 4] or row sources -> [N]. Throws
/// shape_error.
template <backend B, term O, boxes_for<B> X, boxes_for<B> Y>
auto aligned(const B& backend, const O& overlap, const X& boxes1, const Y& boxes2) {
    const char* op = "overlap::aligned";
    const auto a = box_source(backend, boxes1, op, "boxes1");
    const auto b = box_source(backend, boxes2, op, "boxes2");
    check_shape<2>(op, "boxes2", {{a.size(), 4}}, {{b.size(), 4}});
    return make_numbers(
        backend, op,
        detail::aligned_rows<O, std::remove_const_t<decltype(a)>, std::remove_const_t<decltype(b)>>{overlap, a, b});
}

}  // namespace boxgrad::inline BOXGRAD_ABI::overlap
