// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What losses share that are more than a term: they have a state, or look at a batch as a whole.

#include <boxgrad/loss/evaluate.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss::detail {

/// Weights of a prediction [N, C]: none, [N] or [N, C].
template <class T>
struct matrix_weights {
    reader<const T, 1> of_rows;
    reader<const T, 2> of_elements;
    index columns = 1;

    BOXGRAD_FN T at(index e) const {
        return of_rows.given() ? of_rows.at(e / columns) : of_elements.given() ? of_elements.at(e) : T(1);
    }
};
template <class B, class W>
auto weights_of_matrix(const B& b, const char* op, const char* argument, const W& weight, const extents<2>& e) {
    using T = typename B::scalar;
    matrix_weights<T> w;
    w.columns = e[1];
    if constexpr (!std::same_as<W, ones>) {
        const bool rows = rank_of(b, weight) == 1;
        if constexpr (static_rank<B, W>(1) == 1) {
            if (rows) {
                const auto v = as_const_view<1>(b, weight, op, argument);
                check_shape(op, argument, extents<1>{{e[0]}}, v.extent);
                w.of_rows = reader<const T, 1>(v);
            }
        }
        if constexpr (static_rank<B, W>(2) == 2) {
            if (!rows) {
                const auto v = as_const_view<2>(b, weight, op, argument);
                check_shape(op, argument, e, v.extent);
                w.of_elements = reader<const T, 2>(v);
            }
        }
    }
    return w;
}

/// A scalar times a constant of the caller's.
template <class T>
constexpr T scaled(T x, double by) {
    return static_cast<T>(static_cast<double>(x) * by);
}
template <class T, int R>
struct fill_kernel {
    view<T, R> x;
    T value;
    BOXGRAD_FN void operator()(index i) const { x.at_flat(i) = value; }
};
template <class B, class T, int R>
void fill(const B& b, const view<T, R>& x, T value) {
    b.for_each(x.size(), fill_kernel<T, R>{x, value});
}

/// The mean by a count that a loss takes itself, or none.
template <class Red>
concept own_mean = std::same_as<Red, reduction::mean> || std::same_as<Red, reduction::none>;

}  // namespace boxgrad::inline BOXGRAD_ABI::loss::detail
