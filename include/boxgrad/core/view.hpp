// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Strided views: how every tensor looks to an algorithm. Rank 1 to 4, any order of axes, gaps,
/// offsets and negative strides. A view owns nothing and checks nothing per element.

#include <boxgrad/core/error.hpp>

#include <algorithm>
#include <concepts>
#include <type_traits>
#include <utility>

namespace boxgrad::inline BOXGRAD_ABI {

/// Extents of a tensor, or strides in elements.
template <int R>
struct extents {
    index at[static_cast<std::size_t>(R)]{};

    BOXGRAD_FN constexpr index& operator[](int i) { return at[i]; }
    BOXGRAD_FN constexpr index operator[](int i) const { return at[i]; }
    BOXGRAD_FN constexpr index size() const {
        index n = 1;
        for (int i = 0; i < R; ++i) n *= at[i];
        return n;
    }
    friend constexpr bool operator==(const extents&, const extents&) = default;
};
template <class... I>
extents(I...) -> extents<static_cast<int>(sizeof...(I))>;

/// Strides of a tensor without gaps whose last axis is contiguous.
template <int R>
BOXGRAD_FN constexpr extents<R> row_major(const extents<R>& e) {
    extents<R> s;
    index n = 1;
    for (int i = R - 1; i >= 0; --i) {
        s[i] = n;
        n *= e[i];
    }
    return s;
}
/// Strides of a tensor without gaps whose first axis is contiguous.
template <int R>
BOXGRAD_FN constexpr extents<R> column_major(const extents<R>& e) {
    extents<R> s;
    index n = 1;
    for (int i = 0; i < R; ++i) {
        s[i] = n;
        n *= e[i];
    }
    return s;
}

/// Pointer to the first element, extents, strides in elements.
template <class T, int R>
    requires(R >= 1 && R <= 4)
struct view {
    using element = T;
    using value_type = std::remove_const_t<T>;
    static constexpr int rank = R;

    T* data = nullptr;
    extents<R> extent;
    extents<R> stride;

    constexpr view() = default;
    BOXGRAD_FN constexpr view(T* p, const extents<R>& e, const extents<R>& s)
        : data(p), extent(e), stride(s) {}
    /// Row-major and without gaps.
    BOXGRAD_FN constexpr view(T* p, const extents<R>& e) : view(p, e, row_major(e)) {}
    /// A mutable view serves where a constant one is asked for.
    template <class U>
        requires(std::same_as<const U, T> && !std::same_as<U, T>)
    BOXGRAD_FN constexpr view(const view<U, R>& v)  // NOLINT(google-explicit-constructor)
        : data(v.data), extent(v.extent), stride(v.stride) {}

    template <class... I>
        requires(sizeof...(I) == R)
    BOXGRAD_FN constexpr index offset(I... i) const {
        const index at[static_cast<std::size_t>(R)] = {static_cast<index>(i)...};
        index o = 0;
        for (int k = 0; k < R; ++k) o += at[k] * stride[k];
        return o;
    }
    template <class... I>
        requires(sizeof...(I) == R)
    BOXGRAD_FN constexpr T& operator()(I... i) const {
        return data[offset(i...)];
    }
    /// The element at a row-major position.
    BOXGRAD_FN constexpr T& at_flat(index n) const {
        index o = 0;
        for (int k = R - 1; k > 0; --k) {
            o += n % extent[k] * stride[k];
            n /= extent[k];
        }
        return data[o + n * stride[0]];
    }
    BOXGRAD_FN constexpr index size() const { return extent.size(); }
};

/// A view whose rank is known at run time only: what an adapter of a dynamically ranked tensor gives.
template <class T>
struct dynamic_view {
    using element = T;
    T* data = nullptr;
    int rank = 0;
    extents<4> extent;
    extents<4> stride;
};

template <class X>
struct is_view : std::false_type {};
template <class T, int R>
struct is_view<view<T, R>> : std::true_type {};
template <class X>
struct is_dynamic_view : std::false_type {};
template <class T>
struct is_dynamic_view<dynamic_view<T>> : std::true_type {};

/// "[2, 3, 4]".
template <class E>
std::string to_string(const E& e, int rank) {
    std::string s = "[";
    for (int i = 0; i < rank; ++i) s += (i ? ", " : "") + std::to_string(e[i]);
    return s + "]";
}
template <int R>
std::string to_string(const extents<R>& e) {
    return to_string(e, R);
}

/// An expected extent that may be anything.
inline constexpr index any_extent = -1;

/// Throws shape_error unless `actual` agrees with `expected` wherever that is not `any_extent`.
template <int R>
void check_shape(const char* operation, const char* argument, const extents<R>& expected,
                 const extents<R>& actual) {
    for (int i = 0; i < R; ++i) {
        if (actual[i] < 0 || (expected[i] != any_extent && expected[i] != actual[i])) {
            std::string want = "[";
            for (int k = 0; k < R; ++k) {
                want += (k ? ", " : "") +
                        (expected[k] == any_extent ? std::string("*") : std::to_string(expected[k]));
            }
            raise(shape_error(complaint(operation, argument, want + "]", to_string(actual))));
        }
    }
}

/// a·b, or size_error where it does not fit (promise P23).
constexpr index checked_product(const char* operation, index a, index b) {
    index r = 0;
    if (__builtin_mul_overflow(a, b, &r)) {
        raise(size_error(std::string(operation) + ": " + std::to_string(a) + " x " +
                         std::to_string(b) + " elements do not fit an index"));
    }
    return r;
}

/// The first and one past the last address that a view reaches.
template <class T, int R>
std::pair<T*, T*> memory_span(const view<T, R>& v) {
    if (v.size() == 0) return {v.data, v.data};
    index low = 0;
    index high = 0;
    for (int i = 0; i < R; ++i) {
        const index reach = (v.extent[i] - 1) * v.stride[i];
        (reach < 0 ? low : high) += reach;
    }
    return {v.data + low, v.data + high + 1};
}

/// Throws shape_error where two elements of an output share an address: a stride of 0 (promise P30).
template <class T, int R>
void check_output(const char* operation, const char* argument, const view<T, R>& v) {
    if (v.size() == 0) return;
    for (int i = 0; i < R; ++i) {
        if (v.stride[i] == 0 && v.extent[i] > 1) {
            raise(shape_error(complaint(operation, argument, "an output without repeated elements",
                                        "stride 0 along axis " + std::to_string(i))));
        }
    }
}

/// Throws shape_error where an output may overlap an input or another output (promise P28).
template <class T, int R, class U, int S>
void check_apart(const char* operation, const char* output, const view<T, R>& o, const char* other,
                 const view<U, S>& i) {
    const auto a = memory_span(o);
    const auto b = memory_span(i);
    if (a.first == a.second || b.first == b.second) return;
    const auto* a0 = reinterpret_cast<const unsigned char*>(a.first);
    const auto* a1 = reinterpret_cast<const unsigned char*>(a.second);
    const auto* b0 = reinterpret_cast<const unsigned char*>(b.first);
    const auto* b1 = reinterpret_cast<const unsigned char*>(b.second);
    if (a0 < b1 && b0 < a1) {
        raise(shape_error(complaint(operation, output, std::string("memory apart from ") + other,
                                    "overlapping memory")));
    }
}

}  // namespace boxgrad::inline BOXGRAD_ABI
