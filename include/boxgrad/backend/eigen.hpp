// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Eigen 3.4 and 5: arrays, matrices, maps, blocks, tensors and maps of tensors in either order. Not
/// for files that nvcc compiles.

#if !__has_include(<Eigen/Core>) || !__has_include(<unsupported/Eigen/CXX11/Tensor>)
#error "boxgrad/backend/eigen.hpp needs Eigen 3.4 or newer in the include path (Debian: libeigen3-dev)"
#endif

#include <boxgrad/backend/cpu.hpp>

#include <Eigen/Core>
#include <unsupported/Eigen/CXX11/Tensor>

namespace boxgrad::inline BOXGRAD_ABI {

namespace detail {

template <class D>
D eigen_dense(const Eigen::DenseBase<D>&);
template <class X>
using eigen_dense_t = decltype(eigen_dense(std::declval<const X&>()));

template <class X>
struct eigen_tensor : std::false_type {};
template <class T, int R, int Options, class I>
struct eigen_tensor<Eigen::Tensor<T, R, Options, I>> : std::true_type {};
template <class P, int Options, template <class> class MakePointer>
struct eigen_tensor<Eigen::TensorMap<P, Options, MakePointer>> : eigen_tensor<std::remove_const_t<P>> {};

/// What ends with the object. A reference to a constant may hold a copy of what it refers to.
template <class X>
struct eigen_owns : std::is_base_of<Eigen::PlainObjectBase<X>, X> {};
template <class P, int Options, class Strides>
struct eigen_owns<Eigen::Ref<const P, Options, Strides>> : std::true_type {};
template <class X>
    requires eigen_tensor<X>::value
struct eigen_owns<X> : std::true_type {};
template <class P, int Options, template <class> class MakePointer>
struct eigen_owns<Eigen::TensorMap<P, Options, MakePointer>> : std::false_type {};

}  // namespace detail

/// Dense and in memory: no expression that is still to be evaluated.
template <class X>
concept eigen_array = requires { typename detail::eigen_dense_t<X>; } &&
                      (int{detail::eigen_dense_t<X>::Flags} & int{Eigen::DirectAccessBit}) != 0;
template <class X>
concept eigen_tensor = detail::eigen_tensor<X>::value && X::NumIndices >= 1 && X::NumIndices <= 4;
/// A view of X stays valid after the call that takes X&& (promise P27).
template <class X>
concept outlives_its_eigen_view =
    std::is_lvalue_reference_v<X> || !detail::eigen_owns<std::remove_cvref_t<X>>::value;

/// Arrays of rank 1 and 2, tensors of rank 3 and 4, in one order of storage. A vector known as one at
/// compile time has rank 1; every other array or matrix has rank 2.
template <real Scalar, int Order = Eigen::ColMajor>
struct eigen : cpu {
    using scalar = Scalar;

private:
    template <class T, int R>
    struct choose {
        using type = Eigen::Tensor<T, R, Order>;
    };
    template <class T>
    struct choose<T, 1> {
        using type = Eigen::Array<T, Eigen::Dynamic, 1>;
    };
    template <class T>
    struct choose<T, 2> {
        using type = Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic, Order>;
    };

public:
    template <class T, int R>
    using tensor = typename choose<T, R>::type;

    template <class T, int R>
    static tensor<T, R> make(const extents<R>& e) {
        tensor<T, R> t;
        if constexpr (R == 1) {
            t.resize(e[0]);
        } else if constexpr (R == 2) {
            t.resize(e[0], e[1]);
        } else {
            Eigen::array<Eigen::Index, static_cast<std::size_t>(R)> n;
            for (int i = 0; i < R; ++i) n[static_cast<std::size_t>(i)] = e[i];
            t.resize(n);
        }
        return t;
    }

    template <class X>
        requires eigen_array<std::remove_cvref_t<X>> && outlives_its_eigen_view<X>
    static auto look(X&& x) {
        using T = std::remove_pointer_t<decltype(x.data())>;
        if constexpr (bool{std::remove_cvref_t<X>::IsVectorAtCompileTime}) {
            return view<T, 1>(x.data(), extents<1>{{x.size()}}, extents<1>{{x.innerStride()}});
        } else {
            return view<T, 2>(x.data(), extents<2>{{x.rows(), x.cols()}},
                              extents<2>{{x.rowStride(), x.colStride()}});
        }
    }
    template <class X>
        requires eigen_tensor<std::remove_cvref_t<X>> && outlives_its_eigen_view<X>
    static auto look(X&& x) {
        using P = std::remove_cvref_t<X>;
        using T = std::remove_pointer_t<decltype(x.data())>;
        constexpr int R = static_cast<int>(P::NumIndices);
        extents<R> e;
        for (int i = 0; i < R; ++i) e[i] = static_cast<index>(x.dimensions()[static_cast<std::size_t>(i)]);
        constexpr bool rows_first = static_cast<int>(P::Layout) == static_cast<int>(Eigen::RowMajor);
        return view<T, R>(x.data(), e, rows_first ? row_major(e) : column_major(e));
    }
};
static_assert(backend<eigen<float>>);
static_assert(backend<eigen<float, Eigen::RowMajor>>);

}  // namespace boxgrad::inline BOXGRAD_ABI
