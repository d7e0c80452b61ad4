// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What a formula may be evaluated on: `float`, `double`, a SIMD pack of them, or a dual number over
/// any of these. A formula is written once against the functions declared here and in math.hpp, with
/// `select(mask, a, b)` instead of `?:`.

#include <boxgrad/core/config.hpp>

#include <concepts>
#include <limits>
#include <type_traits>

namespace boxgrad::inline BOXGRAD_ABI {

/// The arithmetic types under every number. Half types may be stored; arithmetic is at least float.
template <class T>
concept real = std::same_as<T, float> || std::same_as<T, double>;

template <real T>
inline constexpr T infinity = std::numeric_limits<T>::infinity();
template <real T>
inline constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <real T>
inline constexpr T smallest_normal = std::numeric_limits<T>::min();
template <real T>
inline constexpr T largest_finite = std::numeric_limits<T>::max();

/// Unwraps a number. `scalar`: the arithmetic type of one lane. `base`: the number without
/// derivatives. `mask`: what a comparison yields. `width`: lanes.
template <class V>
struct number_traits;

template <real T>
struct number_traits<T> {
    using scalar = T;
    using base = T;
    using mask = bool;
    using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    static constexpr int width = 1;
    // Constants, since device code may not call std::numeric_limits.
    static constexpr T largest = std::numeric_limits<T>::max();
    static constexpr bits magnitude_mask = std::numeric_limits<bits>::max() >> 1;
};

template <class V>
using scalar_t = typename number_traits<V>::scalar;
template <class V>
using base_t = typename number_traits<V>::base;
template <class V>
using mask_t = typename number_traits<V>::mask;
template <class V>
inline constexpr int width_v = number_traits<V>::width;

template <class V>
concept number = requires(V a, V b) {
    typename scalar_t<V>;
    typename base_t<V>;
    typename mask_t<V>;
    { a + b } -> std::same_as<V>;
    { a * b } -> std::same_as<V>;
    { a / b } -> std::same_as<V>;
    { a < b } -> std::same_as<mask_t<V>>;
};

/// A number without derivatives: a scalar or a pack.
template <class V>
concept plain_number = number<V> && std::same_as<base_t<V>, V>;

// ---- scalars ------------------------------------------------------------------------------------

template <real T>
BOXGRAD_FN constexpr T select(bool mask, T a, T b) {
    return mask ? a : b;
}
BOXGRAD_FN constexpr bool any(bool mask) { return mask; }
BOXGRAD_FN constexpr bool all(bool mask) { return mask; }

/// a·b + c, fused where the target does so at no cost.
template <real T>
BOXGRAD_FN constexpr T madd(T a, T b, T c) {
#if (defined(__FMA__) || defined(__ARM_FEATURE_FMA)) && !defined(__CUDA_ARCH__)
    // Said outright, so that a scalar is fused where a pack is, whatever -ffp-contract holds. clang does not
    // evaluate it in constant expressions.
#if defined(__clang__)
    if (!__builtin_is_constant_evaluated())
#endif
    {
        if constexpr (sizeof(T) == 4) {
            return __builtin_fmaf(a, b, c);
        } else {
            return __builtin_fma(a, b, c);
        }
    }
#endif
    return a * b + c;
}

/// a·b, rounded by itself: a compiler may fuse any other product with a sum, and differently from place to
/// place. What has to be the same bits wherever it is computed is built of these.
template <real T>
BOXGRAD_FN constexpr T product(T a, T b) {
#if defined(__CUDA_ARCH__)
    if constexpr (sizeof(T) == 4) {
        return __fmul_rn(a, b);
    } else {
        return __dmul_rn(a, b);
    }
#else
    T r = a * b;
#if defined(__FMA__)
    if (!__builtin_is_constant_evaluated()) asm("" : "+x"(r));
#elif defined(__aarch64__)
    if (!__builtin_is_constant_evaluated()) asm("" : "+w"(r));
#endif
    return r;
#endif
}

template <real T>
BOXGRAD_FN constexpr auto to_bits(T x) {
    return __builtin_bit_cast(typename number_traits<T>::bits, x);
}
template <real T>
BOXGRAD_FN constexpr T from_bits(typename number_traits<T>::bits x) {
    return __builtin_bit_cast(T, x);
}

/// Reads `count` (1 to width) elements that lie `stride` apart; missing lanes repeat the first.
template <real T>
BOXGRAD_FN constexpr T load(const T* p, index, int) {
    return *p;
}
template <real T>
BOXGRAD_FN constexpr void store(T x, T* p, index, int) {
    *p = x;
}
/// true in the first `count` lanes.
template <real V>
BOXGRAD_FN constexpr bool first_lanes(int) {
    return true;
}
/// Bit i tells lane i.
BOXGRAD_FN constexpr std::int32_t lane_bits(bool mask) { return mask ? 1 : 0; }
/// The lowest lane of some: bits are not 0.
BOXGRAD_FN constexpr int lowest_lane(std::int32_t bits) {
#if defined(__CUDA_ARCH__)
    return __ffs(bits) - 1;
#else
    return __builtin_ctz(static_cast<unsigned>(bits));
#endif
}
/// The lanes' sum, added in lane order in double.
template <real T>
BOXGRAD_FN constexpr double sum_lanes(T x) {
    return static_cast<double>(x);
}
/// Lane i of a number.
template <real T>
BOXGRAD_FN constexpr T lane(T x, int) {
    return x;
}

// ---- every plain number -------------------------------------------------------------------------

/// The larger of two; the first where they do not compare (NaN).
template <plain_number V>
BOXGRAD_FN constexpr V max(V a, V b) {
    return select(a < b, b, a);
}
/// The smaller of two; the first where they do not compare (NaN).
template <plain_number V>
BOXGRAD_FN constexpr V min(V a, V b) {
    return select(b < a, b, a);
}
/// |x|; NaN stays NaN. That of a pack is in pack.hpp.
template <real T>
BOXGRAD_FN constexpr T abs(T x) {
    return from_bits<T>(to_bits(x) & number_traits<T>::magnitude_mask);
}
/// The value without its derivatives: where a formula stops the gradient.
template <plain_number V>
BOXGRAD_FN constexpr V detach(V x) {
    return x;
}
/// x, or `lower` where x is below it. Unlike with max, the gradient of x passes whole at the bound.
template <number V>
BOXGRAD_FN constexpr V clamp_min(V x, V lower) {
    if constexpr (plain_number<V>) {
        return max(x, lower);
    } else {
        return select(x < lower, lower, x);
    }
}
/// x, or `upper` where x is above it. The gradient of x passes whole at the bound.
template <number V>
BOXGRAD_FN constexpr V clamp_max(V x, V upper) {
    if constexpr (plain_number<V>) {
        return min(x, upper);
    } else {
        return select(upper < x, upper, x);
    }
}
/// true where x is neither NaN nor infinite.
template <plain_number V>
BOXGRAD_FN constexpr mask_t<V> is_finite(V x) {
    return abs(x) <= V(number_traits<scalar_t<V>>::largest);
}

}  // namespace boxgrad::inline BOXGRAD_ABI
