// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Rows of a few numbers, read, computed and written a pack of rows at a time. A *row source* gives
/// them: rows that lie in a tensor, priors that are computed where they are needed, boxes that are
/// decoded on the way. An algorithm over row sources need not know which.
///
///     s.size()                   rows
///     s.template at<V>(i, n)     rows i to i + n, n at most the lanes of V; missing lanes repeat a row

#include <boxgrad/core/box.hpp>
#include <boxgrad/core/pack.hpp>
#include <boxgrad/core/view.hpp>

namespace boxgrad::inline BOXGRAD_ABI {

template <class S, class V>
concept row_source = requires(const S& s, index i, int n) {
    { s.size() } -> std::same_as<index>;
    s.template at<V>(i, n);
};

/// C numbers of a row.
template <class V, int C>
struct fields {
    V at[static_cast<std::size_t>(C)];

    BOXGRAD_FN constexpr V& operator[](int c) { return at[c]; }
    BOXGRAD_FN constexpr const V& operator[](int c) const { return at[c]; }
};
template <plain_number V>
BOXGRAD_FN constexpr fields<V, 1> fields_of(V x) {
    return {{x}};
}
template <class V, int C>
BOXGRAD_FN constexpr fields<V, C> fields_of(const fields<V, C>& f) {
    return f;
}
/// A struct of four numbers, such as a box or a code.
template <template <class> class Row, number V>
    requires(!number<Row<V>>)
BOXGRAD_FN constexpr fields<V, 4> fields_of(const Row<V>& r) {
    const auto& [a, b, c, d] = r;
    return {{a, b, c, d}};
}

/// Columns `column` to `column + C` of rows i to i + count.
template <plain_number V, int C, class T>
BOXGRAD_FN constexpr fields<V, C> load_fields(const view<T, 2>& v, index i, int count, index column = 0) {
    fields<V, C> f;
    if constexpr (C == 4 && 1 < width_v<V>) {
        if (count == width_v<V> && v.stride[0] == 4 && v.stride[1] == 1 && load_four(&v(i, column), f.at)) return f;
    }
    for (int c = 0; c < C; ++c) f[c] = load<V>(&v(i, column + c), v.stride[0], count);
    return f;
}
/// The reverse, for the first C of D numbers.
template <plain_number V, int C, int D, class T>
BOXGRAD_FN constexpr void store_fields(const fields<V, D>& f, const view<T, 2>& v, index i, int count,
                                       index column = 0) {
    if constexpr (C == 4 && D == 4 && 1 < width_v<V>) {
        if (count == width_v<V> && v.stride[0] == 4 && v.stride[1] == 1 && store_four(f.at, &v(i, column))) return;
    }
    for (int c = 0; c < C; ++c) store(f[c], &v(i, column + c), v.stride[0], count);
}

/// Four numbers of each row as a struct of them.
template <template <class> class Row, plain_number V, class T>
BOXGRAD_FN constexpr Row<V> load_row(const view<T, 2>& v, index i, int count, index column = 0) {
    const auto f = load_fields<V, 4>(v, i, count, column);
    return {f[0], f[1], f[2], f[3]};
}
/// Rows `i` to `i + count` of boxes [N, 4].
template <plain_number V, class T>
BOXGRAD_FN constexpr box<V> load_boxes(const view<T, 2>& boxes, index i, int count) {
    return load_row<box, V>(boxes, i, count);
}

/// Boxes [N, 4] that lie in memory, as a row source.
template <class T>
struct stored_boxes {
    view<const T, 2> boxes;

    BOXGRAD_FN constexpr index size() const { return boxes.extent[0]; }
    template <plain_number V>
        requires std::same_as<scalar_t<V>, T>
    BOXGRAD_FN constexpr box<V> at(index i, int count) const {
        return load_boxes<V>(boxes, i, count);
    }
};

/// How many of the rows from `i` on a pack takes.
template <class V>
BOXGRAD_FN constexpr int rows_left(index size, index i) {
    return size - i < width_v<V> ? static_cast<int>(size - i) : width_v<V>;
}
/// Packs that `size` rows take.
template <class V>
BOXGRAD_FN constexpr index packs_of(index size) {
    return (size + width_v<V> - 1) / width_v<V>;
}

}  // namespace boxgrad::inline BOXGRAD_ABI
