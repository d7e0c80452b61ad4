// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Row sources into tensors, and tensors as row sources.

#include <boxgrad/backend/concept.hpp>
#include <boxgrad/core/rows.hpp>

namespace boxgrad::inline BOXGRAD_ABI {

namespace detail {

/// out(i, :) = the source's row i.
template <class V, int C, class S, class T>
struct store_rows_kernel {
    S source;
    view<T, 2> out;

    BOXGRAD_FN void operator()(index n) const {
        const index i = n * width_v<V>;
        const int count = rows_left<V>(out.extent[0], i);
        store_fields<V, C>(fields_of(source.template at<V>(i, count)), out, i, count);
    }
};

}  // namespace detail

/// Writes the first C numbers of every row. Shapes: out [source.size(), C].
template <int C, backend B, class S>
void store_rows(const B& b, const char* op, const S& source, const view<typename B::scalar, 2>& out) {
    using V = lanes_t<B>;
    check_shape(op, "out", {source.size(), C}, out.extent);
    check_output(op, "out", out);
    b.for_each(packs_of<V>(source.size()), detail::store_rows_kernel<V, C, S, typename B::scalar>{source, out});
}

/// The same, in a tensor that the backend makes.
template <int C, backend B, class S>
auto make_rows(const B& b, const char* op, const S& source) {
    auto out = b.template make<typename B::scalar, 2>(extents<2>{{source.size(), C}});
    store_rows<C>(b, op, source, as_view<2>(b, out, op, "out"));
    return out;
}

/// A source of one number a row, as a tensor [N].
template <backend B, class S>
auto make_numbers(const B& b, const char* op, const S& source) {
    using T = typename B::scalar;
    auto out = b.template make<T, 1>(extents<1>{{source.size()}});
    const auto o = as_view<1>(b, out, op, "out");
    store_rows<1>(b, op, source, view<T, 2>(o.data, {{o.extent[0], 1}}, {{o.stride[0], 1}}));
    return out;
}

namespace detail {

/// A tensor in the place of a row source, so that what is neither is told what a tensor has to be.
template <bool IsSource, class X, class B>
using tensor_for = std::conditional_t<IsSource, view<const typename B::scalar, 2>, X>;

}  // namespace detail

/// X gives boxes to backend B: a tensor [N, 4] (a fifth column, such as a score, is not read), or a row
/// source of boxes.
// clang-format off: it takes the template arguments for comparisons
template <class X, class B>
concept boxes_for = readable_tensor<detail::tensor_for<row_source<X, lanes_t<B>>, X, B>, B, typename B::scalar, 2>;
// clang-format on

/// x as a row source of boxes. Throws shape_error for a tensor of other columns than 4 or 5.
template <backend B, boxes_for<B> X>
auto box_source(const B& b, const X& x, const char* op, const char* argument) {
    if constexpr (row_source<X, lanes_t<B>>) {
        return x;
    } else {
        const auto v = as_const_view<2>(b, x, op, argument);
        if (v.extent[1] != 5) check_shape(op, argument, {any_extent, 4}, v.extent);
        return stored_boxes<typename B::scalar>{v};
    }
}

/// Throws shape_error where an output may overlap what a source reads (promise P28).
template <class T, int R, class S>
void check_apart_from(const char* op, const char* output, const view<T, R>& o, const char* other, const S& source) {
    if constexpr (requires { source.boxes; }) {
        check_apart(op, output, o, other, source.boxes);
    } else if constexpr (requires { source.points; }) {
        check_apart(op, output, o, other, source.points);
    } else if constexpr (requires { source.source; }) {
        check_apart_from(op, output, o, other, source.source);
    }
}

}  // namespace boxgrad::inline BOXGRAD_ABI
