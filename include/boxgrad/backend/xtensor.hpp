// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// xtensor 0.24 and newer: xtensor, xarray, adaptors, and strided views of these in either layout.

#if __has_include(<xtensor/containers/xtensor.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/views/xstrided_view.hpp>
#include <xtensor/views/xview.hpp>
#elif __has_include(<xtensor/xtensor.hpp>)
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#else
#error "boxgrad/backend/xtensor.hpp needs xtensor in the include path (Debian: libxtensor-dev)"
#endif

#include <boxgrad/backend/cpu.hpp>

#include <array>

namespace boxgrad::inline BOXGRAD_ABI {

namespace detail {

/// What ends with the object. A view or an adaptor of a named object does not.
template <class X>
struct xtensor_owns : std::true_type {};
template <class X>
struct xtensor_closure_owns : std::negation<std::is_lvalue_reference<X>> {};
template <class P, class A>
struct xtensor_closure_owns<xt::xbuffer_adaptor<P, xt::no_ownership, A>> : std::false_type {};
template <class C, class... S>
struct xtensor_owns<xt::xview<C, S...>> : xtensor_closure_owns<C> {};
template <class C, class S, xt::layout_type L, class F>
struct xtensor_owns<xt::xstrided_view<C, S, L, F>> : xtensor_closure_owns<C> {};
template <class C, xt::layout_type L, class S, class Tag>
struct xtensor_owns<xt::xarray_adaptor<C, L, S, Tag>> : xtensor_closure_owns<C> {};
template <class C, std::size_t N, xt::layout_type L, class Tag>
struct xtensor_owns<xt::xtensor_adaptor<C, N, L, Tag>> : xtensor_closure_owns<C> {};
template <class C, std::size_t N, xt::layout_type L, class Tag>
struct xtensor_owns<xt::xtensor_view<C, N, L, Tag>> : xtensor_closure_owns<C> {};

/// Rank of a shape; 0 where only run time knows.
template <class S>
inline constexpr int xtensor_rank = 0;
template <class I, std::size_t N>
inline constexpr int xtensor_rank<std::array<I, N>> = static_cast<int>(N);
template <std::size_t... N>
inline constexpr int xtensor_rank<xt::fixed_shape<N...>> = static_cast<int>(sizeof...(N));

/// The first element. An adaptor of constant memory has no working data() before it is constant itself.
template <class X>
auto xtensor_data(X& x) {
    const auto offset = static_cast<index>(x.data_offset());
    if constexpr (!std::is_const_v<X> && std::is_const_v<std::remove_reference_t<decltype(x.storage())>>) {
        return x.storage().data() + offset;
    } else {
        return x.data() + offset;
    }
}

/// Extents and strides of x. An axis of extent 1, to which xtensor gives stride 0, gets the stride of
/// a tensor without gaps.
template <class X, int R>
void read_xtensor_shape(const X& x, int rank, extents<R>& extent, extents<R>& stride) {
    for (int i = 0; i < R; ++i) extent[i] = 1;
    for (int i = 0; i < rank; ++i) extent[i] = static_cast<index>(x.shape()[static_cast<std::size_t>(i)]);
    stride = x.layout() == xt::layout_type::column_major ? column_major(extent) : row_major(extent);
    for (int i = 0; i < rank; ++i) {
        const auto s = static_cast<index>(x.strides()[static_cast<std::size_t>(i)]);
        if (extent[i] != 1) stride[i] = s;
    }
}

}  // namespace detail

/// Elements in memory, strides between them: no expression that is still to be evaluated.
template <class X>
concept xtensor_in_memory = xt::is_xexpression<X>::value && requires(const X& x) {
    x.shape()[0];
    x.strides()[0];
    x.layout();
    x.data() + x.data_offset();
};
/// A view of X stays valid after the call that takes X&& (promise P27).
template <class X>
concept outlives_its_xtensor_view =
    std::is_lvalue_reference_v<X> || !detail::xtensor_owns<std::remove_cvref_t<X>>::value;

/// Tensors in one layout. Looks at every layout; an xarray's rank is checked when it is used.
template <real Scalar, xt::layout_type Layout = xt::layout_type::row_major>
struct xtensor : cpu {
    using scalar = Scalar;
    template <class T, int R>
    using tensor = xt::xtensor<T, static_cast<std::size_t>(R), Layout>;

    template <class T, int R>
    static tensor<T, R> make(const extents<R>& e) {
        typename tensor<T, R>::shape_type shape;
        for (int i = 0; i < R; ++i) shape[static_cast<std::size_t>(i)] = static_cast<std::size_t>(e[i]);
        return tensor<T, R>(shape);
    }

    template <class X>
        requires xtensor_in_memory<std::remove_cvref_t<X>> && outlives_its_xtensor_view<X>
    static auto look(X&& x) {
        const auto data = detail::xtensor_data(x);
        using T = std::remove_pointer_t<std::remove_const_t<decltype(data)>>;
        constexpr int R = detail::xtensor_rank<typename std::remove_cvref_t<X>::shape_type>;
        if constexpr (R >= 1 && R <= 4) {
            view<T, R> v;
            v.data = data;
            detail::read_xtensor_shape(x, R, v.extent, v.stride);
            return v;
        } else {
            dynamic_view<T> v;
            v.data = data;
            v.rank = static_cast<int>(x.dimension());
            detail::read_xtensor_shape(x, v.rank < 4 ? v.rank : 4, v.extent, v.stride);
            return v;
        }
    }
};
static_assert(backend<xtensor<float>>);
static_assert(backend<xtensor<float, xt::layout_type::column_major>>);

}  // namespace boxgrad::inline BOXGRAD_ABI
