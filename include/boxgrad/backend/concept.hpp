// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What a backend is: storage (how a tensor looks) and an executor (how loops run). Eight names; an
/// adapter of a CPU tensor inherits four of them from `cpu` and writes the other four.
///
/// Notation: B a backend, b an object of it (a stream or a thread count may live in it), T an element
/// type (float, double, std::int32_t, std::int64_t, std::uint8_t), R a rank from 1 to 4, e extents<R>.
///
///   storage
///     B::scalar              float or double: what a loss computes in
///     B::tensor<T, R>        owns elements; may be move-only; a runtime rank is allowed
///     b.template make<T, R>(e) -> tensor<T, R>      extents e, contents unspecified, memory of b's kind
///     b.look(t) -> view<T, R> or dynamic_view<T>    no copy; view<const T, R> for a constant t.
///                            May be overloaded for other tensor types (maps, adaptors) as well
///   executor
///     B::lanes<T>            the number that a kernel processes at once: T or a SIMD pack of it
///     b.for_each(n, f)       f(i) for all i in [0, n), in any order, on any thread; returns when an
///                            upload, a download or another for_each would see what f wrote.
///                            f is copied, const and, on a device, a named function object
///   transfer
///     b.upload(source, destination, n)              host memory to b's memory
///     b.download(source, destination, n)            b's memory to host memory
///
/// Everything else in this library is written over these names. Sums are taken over blocks of a fixed
/// size that are combined in a fixed order, so results do not depend on how for_each divides its work.

#include <boxgrad/core/number.hpp>
#include <boxgrad/core/view.hpp>

namespace boxgrad::inline BOXGRAD_ABI {

template <class B>
concept has_scalar = real<typename B::scalar>;

template <class B>
concept has_tensor = requires { typename B::template tensor<typename B::scalar, 2>; };

template <class B>
concept has_make = requires(const B& b, extents<2> e) {
    { b.template make<typename B::scalar, 2>(e) }
        -> std::same_as<typename B::template tensor<typename B::scalar, 2>>;
};

template <class V, class T, int R>
concept view_of = std::same_as<V, view<T, R>> || std::same_as<V, dynamic_view<T>>;

template <class B>
concept has_look = requires(const B& b, typename B::template tensor<typename B::scalar, 2>& t,
                            const typename B::template tensor<typename B::scalar, 2>& c) {
    { b.look(t) } -> view_of<typename B::scalar, 2>;
    { b.look(c) } -> view_of<const typename B::scalar, 2>;
};

template <class B>
concept has_lanes = number<typename B::template lanes<typename B::scalar>>;

struct example_kernel {
    BOXGRAD_FN void operator()(index) const {}
};
template <class B>
concept has_for_each = requires(const B& b, index n, example_kernel f) { b.for_each(n, f); };

template <class B>
concept has_upload = requires(const B& b, const typename B::scalar* from, typename B::scalar* to,
                              index n) { b.upload(from, to, n); };

template <class B>
concept has_download = requires(const B& b, const typename B::scalar* from, typename B::scalar* to,
                                index n) { b.download(from, to, n); };

/// How a tensor looks.
template <class B>
concept storage = has_scalar<B> && has_tensor<B> && has_make<B> && has_look<B>;

/// How loops run and how memory is reached.
template <class B>
concept executor = has_lanes<B> && has_for_each<B> && has_upload<B> && has_download<B>;

template <class B>
concept backend = storage<B> && executor<B>;

template <class B, class T, int R>
using tensor_t = typename B::template tensor<T, R>;
template <class B, class T = typename B::scalar>
using lanes_t = typename B::template lanes<T>;

// ---- what may be passed as a tensor -------------------------------------------------------------

/// The view that backend b has of x. A view is its own.
template <class B, class X>
constexpr auto look_at(const B& b, X& x) {
    if constexpr (is_view<std::remove_const_t<X>>::value ||
                  is_dynamic_view<std::remove_const_t<X>>::value) {
        return std::remove_const_t<X>(x);
    } else {
        return b.look(x);
    }
}

template <class B, class X>
concept looked_at = is_view<std::remove_const_t<X>>::value ||
                    is_dynamic_view<std::remove_const_t<X>>::value ||
                    requires(const B& b, X& x) { b.look(x); };

template <class B, class X>
using element_seen = typename decltype(look_at(std::declval<const B&>(), std::declval<X&>()))::element;

template <class V, int R>
concept of_rank = !is_view<V>::value || V::rank == R;

template <class X, class B, int R>
concept has_rank =
    of_rank<decltype(look_at(std::declval<const B&>(), std::declval<X&>())), R>;

template <class X, class B, class T>
concept has_element = std::same_as<std::remove_const_t<element_seen<B, X>>, T>;

template <class X, class B>
concept is_mutable = !std::is_const_v<element_seen<B, X>>;

/// X is a tensor of T and rank R that backend B can read.
template <class X, class B, class T, int R>
concept readable_tensor = looked_at<B, X> && has_element<X, B, T> && has_rank<X, B, R>;

/// X is a tensor of T and rank R that backend B can write.
template <class X, class B, class T, int R>
concept writable_tensor = readable_tensor<X, B, T, R> && is_mutable<X, B>;

/// The view of x with rank R; a runtime rank is checked here.
template <int R, class B, class X>
auto as_view(const B& b, X& x, const char* operation, const char* argument) {
    const auto v = look_at(b, x);
    using V = std::remove_const_t<decltype(v)>;
    if constexpr (is_view<V>::value) {
        static_assert(V::rank == R);
        return v;
    } else {
        if (v.rank != R) {
            raise(shape_error(complaint(operation, argument, "of rank " + std::to_string(R),
                                        "rank " + std::to_string(v.rank) + " with extents " +
                                            to_string(v.extent, v.rank))));
        }
        view<typename V::element, R> r;
        r.data = v.data;
        for (int i = 0; i < R; ++i) {
            r.extent[i] = v.extent[i];
            r.stride[i] = v.stride[i];
        }
        return r;
    }
}
template <int R, class B, class X>
auto as_const_view(const B& b, const X& x, const char* operation, const char* argument) {
    const auto v = as_view<R>(b, x, operation, argument);
    return view<const typename decltype(v)::value_type, R>(v);
}

}  // namespace boxgrad::inline BOXGRAD_ABI
