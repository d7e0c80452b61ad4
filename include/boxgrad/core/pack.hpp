// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// A SIMD pack: as many floats or doubles as one register of the target holds. Packs are xsimd's,
/// wrapped in a type of our own so that `select`, `exp` or `max` in a formula finds this library's
/// overload for every number. Without xsimd there is no pack and formulas run on scalars.

#include <boxgrad/core/number.hpp>

#include <utility>

#if BOXGRAD_HAS_XSIMD
#include <xsimd/xsimd.hpp>

namespace boxgrad::inline BOXGRAD_ABI {

template <real T>
struct pack_mask {
    xsimd::batch_bool<T> m;

    friend pack_mask operator&&(pack_mask a, pack_mask b) { return {a.m & b.m}; }
    friend pack_mask operator||(pack_mask a, pack_mask b) { return {a.m | b.m}; }
    friend pack_mask operator!(pack_mask a) { return {!a.m}; }
};

template <real T>
struct pack {
    using register_type = xsimd::batch<T>;
    static constexpr int width = static_cast<int>(register_type::size);

    register_type v;

    pack() = default;
    pack(T x) : v(x) {}  // NOLINT(google-explicit-constructor): constants mix with packs
    pack(register_type x) : v(x) {}  // NOLINT(google-explicit-constructor)

    friend pack operator+(pack a, pack b) { return a.v + b.v; }
    friend pack operator-(pack a, pack b) { return a.v - b.v; }
    friend pack operator*(pack a, pack b) { return a.v * b.v; }
    friend pack operator/(pack a, pack b) { return a.v / b.v; }
    friend pack operator-(pack a) { return -a.v; }
    friend pack_mask<T> operator<(pack a, pack b) { return {a.v < b.v}; }
    friend pack_mask<T> operator>(pack a, pack b) { return {a.v > b.v}; }
    friend pack_mask<T> operator<=(pack a, pack b) { return {a.v <= b.v}; }
    friend pack_mask<T> operator>=(pack a, pack b) { return {a.v >= b.v}; }
    friend pack_mask<T> operator==(pack a, pack b) { return {a.v == b.v}; }
    /// Not xsimd 8's own, which is false for NaN on AVX.
    friend pack_mask<T> operator!=(pack a, pack b) { return !(a == b); }
    pack& operator+=(pack b) { return *this = *this + b; }
    pack& operator-=(pack b) { return *this = *this - b; }
    pack& operator*=(pack b) { return *this = *this * b; }
};

template <real T>
struct number_traits<pack<T>> {
    using scalar = T;
    using base = pack<T>;
    using mask = pack_mask<T>;
    using bits = xsimd::batch<typename number_traits<T>::bits>;
    static constexpr int width = pack<T>::width;
};

template <real T>
pack<T> select(pack_mask<T> m, pack<T> a, pack<T> b) {
    return xsimd::select(m.m, a.v, b.v);
}
#if defined(__SSE2__)
// One instruction of x86, whose second operand is the result where they do not compare or are equal: as
// in number.hpp, NaN and zeros included.
template <real T>
pack<T> max(pack<T> a, pack<T> b) {
    return xsimd::max(b.v, a.v);
}
template <real T>
pack<T> min(pack<T> a, pack<T> b) {
    return xsimd::min(b.v, a.v);
}
#endif
template <real T>
bool any(pack_mask<T> m) {
    return xsimd::any(m.m);
}
template <real T>
bool all(pack_mask<T> m) {
    return xsimd::all(m.m);
}
template <real T>
pack<T> madd(pack<T> a, pack<T> b, pack<T> c) {
#if defined(__AVX512F__)
    // xsimd 8 multiplies and adds apart on AVX-512.
    if constexpr (sizeof(xsimd::batch<T>) == 64) {
        if constexpr (sizeof(T) == 4) {
            return xsimd::batch<T>(_mm512_fmadd_ps(a.v, b.v, c.v));
        } else {
            return xsimd::batch<T>(_mm512_fmadd_pd(a.v, b.v, c.v));
        }
    }
#endif
    return xsimd::fma(a.v, b.v, c.v);
}
/// a·b, rounded by itself.
template <real T>
pack<T> product(pack<T> a, pack<T> b) {
    xsimd::batch<T> r = a.v * b.v;
#if defined(__AVX512F__)
    asm("" : "+v"(r.data));
#elif defined(__FMA__)
    asm("" : "+x"(r.data));
#elif defined(__aarch64__)
    asm("" : "+w"(r.data));
#endif
    return r;
}
template <real T>
pack<T> sqrt(pack<T> x) {
    return xsimd::sqrt(x.v);
}

namespace detail {

/// xsimd 8 names the batch to cast to, xsimd 9 and later its element.
template <class To, class From>
To bit_cast_batch(const From& x) {
    if constexpr (requires { xsimd::bitwise_cast<To>(x); }) {
        return xsimd::bitwise_cast<To>(x);
    } else {
        return xsimd::bitwise_cast<typename To::value_type>(x);
    }
}

}  // namespace detail

template <real T>
auto to_bits(pack<T> x) {
    return detail::bit_cast_batch<typename number_traits<pack<T>>::bits>(x.v);
}
template <class V>
    requires std::same_as<V, pack<scalar_t<V>>>
V from_bits(typename number_traits<V>::bits x) {
    return detail::bit_cast_batch<typename V::register_type>(x);
}
template <real T>
pack<T> abs(pack<T> x) {
    using B = typename number_traits<pack<T>>::bits;
    return from_bits<pack<T>>(to_bits(x) & B(number_traits<T>::magnitude_mask));
}

template <real T>
pack<T> load_full(const T* p) {
    return xsimd::batch<T>::load_unaligned(p);
}

#if defined(__AVX512F__)
namespace detail {

/// A target whose loads and stores can leave out lanes.
template <real T>
inline constexpr bool masked = sizeof(xsimd::batch<T>) == 64;

/// Bits of the first `count` lanes.
template <real T>
auto first_bits(int count) {
    using M = std::conditional_t<sizeof(T) == 4, __mmask16, __mmask8>;
    return static_cast<M>((1U << count) - 1U);
}
template <real T>
xsimd::batch<T> load_first(const T* p, int count) {
    if constexpr (sizeof(T) == 4) {
        return _mm512_mask_loadu_ps(_mm512_set1_ps(*p), first_bits<T>(count), p);
    } else {
        return _mm512_mask_loadu_pd(_mm512_set1_pd(*p), first_bits<T>(count), p);
    }
}
template <real T>
void store_first(xsimd::batch<T> x, T* p, int count) {
    if constexpr (sizeof(T) == 4) {
        _mm512_mask_storeu_ps(p, first_bits<T>(count), x);
    } else {
        _mm512_mask_storeu_pd(p, first_bits<T>(count), x);
    }
}

}  // namespace detail
#endif

/// Reads `count` (1 to width) elements that lie `stride` apart; missing lanes repeat the first.
template <class V>
    requires std::same_as<V, pack<scalar_t<V>>>
V load(const scalar_t<V>* p, index stride, int count) {
    if (stride == 1 && count == V::width) return load_full(p);
#if defined(__AVX512F__)
    if constexpr (detail::masked<scalar_t<V>>) {
        if (stride == 1) return detail::load_first(p, count);
    }
#endif
    scalar_t<V> buffer[V::width];
    for (int i = 0; i < V::width; ++i) buffer[i] = p[(i < count ? i : 0) * stride];
    return load_full(buffer);
}
template <real T>
void store(pack<T> x, T* p, index stride, int count) {
    if (stride == 1 && count == pack<T>::width) {
        x.v.store_unaligned(p);
        return;
    }
#if defined(__AVX512F__)
    if constexpr (detail::masked<T>) {
        if (stride == 1) return detail::store_first(x.v, p, count);
    }
#endif
    T buffer[pack<T>::width];
    x.v.store_unaligned(buffer);
    for (int i = 0; i < count; ++i) p[i * stride] = buffer[i];
}
namespace detail {

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define BOXGRAD_SHUFFLES 1
#endif
#endif

/// Registers that the compiler knows as vectors of T, whose elements it can shuffle.
template <class T>
concept shuffled = requires(typename xsimd::batch<T>::register_type r) {
#if defined(BOXGRAD_SHUFFLES)
    requires sizeof(r) == sizeof(T) * xsimd::batch<T>::size;
    { r[0] } -> std::convertible_to<T>;
    requires xsimd::batch<T>::size > 1;
#else
    requires sizeof(r) == 0;
#endif
};

#if defined(BOXGRAD_SHUFFLES)
/// Elements first, first + 2, ... of two registers in a row.
template <int First, class R, int... I>
R every_other(R a, R b, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(a, b, (First + 2 * I)...);
}
/// All lanes turned by By.
template <int By, class R, int... I>
R turned(R a, std::integer_sequence<int, I...>) {
    constexpr int n = static_cast<int>(sizeof...(I));
    return __builtin_shufflevector(a, a, ((I + By) % n)...);
}
template <int N>
struct doubles_of {
    typedef double type __attribute__((vector_size(static_cast<std::size_t>(N) * sizeof(double))));
};
/// The sum of floats, halves added up.
template <class R, int... I>
double sum_in_double(R a, std::integer_sequence<int, I...> lanes) {
    constexpr int n = static_cast<int>(sizeof...(I));
    using doubles = typename doubles_of<n>::type;
    const auto low = __builtin_convertvector(__builtin_shufflevector(a, a, I...), doubles);
    doubles sum = low + __builtin_convertvector(__builtin_shufflevector(a, a, (I + n)...), doubles);
    if constexpr (n >= 8) sum = sum + turned<4>(sum, lanes);
    sum = sum + turned<2>(sum, lanes);
    return sum[0] + sum[1];
}
/// Half of two registers, their elements in turns.
template <int First, class R, int... I>
R in_turns(R a, R b, std::integer_sequence<int, I...>) {
    constexpr int n = static_cast<int>(sizeof...(I));
    return __builtin_shufflevector(a, b, (First + I / 2 + I % 2 * n)...);
}
#endif

}  // namespace detail

/// Rows of four numbers without gaps, as many as lanes: column by column. False where this target has no
/// way faster than element by element.
template <real T>
bool load_four(const T* p, pack<T> (&column)[4]) {
#if defined(BOXGRAD_SHUFFLES)
    if constexpr (detail::shuffled<T>) {
        using R = typename xsimd::batch<T>::register_type;
        constexpr int n = pack<T>::width;
        constexpr std::make_integer_sequence<int, n> lanes{};
        const R a = load_full(p).v;
        const R b = load_full(p + n).v;
        const R c = load_full(p + 2 * n).v;
        const R d = load_full(p + 3 * n).v;
        const R even1 = detail::every_other<0>(a, b, lanes);
        const R odd1 = detail::every_other<1>(a, b, lanes);
        const R even2 = detail::every_other<0>(c, d, lanes);
        const R odd2 = detail::every_other<1>(c, d, lanes);
        column[0] = xsimd::batch<T>(detail::every_other<0>(even1, even2, lanes));
        column[1] = xsimd::batch<T>(detail::every_other<0>(odd1, odd2, lanes));
        column[2] = xsimd::batch<T>(detail::every_other<1>(even1, even2, lanes));
        column[3] = xsimd::batch<T>(detail::every_other<1>(odd1, odd2, lanes));
        return true;
    }
#endif
    return false;
}
/// The reverse.
template <real T>
bool store_four(const pack<T> (&column)[4], T* p) {
#if defined(BOXGRAD_SHUFFLES)
    if constexpr (detail::shuffled<T>) {
        using R = typename xsimd::batch<T>::register_type;
        constexpr int n = pack<T>::width;
        constexpr std::make_integer_sequence<int, n> lanes{};
        const R a = column[0].v;
        const R b = column[1].v;
        const R c = column[2].v;
        const R d = column[3].v;
        const R even1 = detail::in_turns<0>(a, c, lanes);
        const R even2 = detail::in_turns<n / 2>(a, c, lanes);
        const R odd1 = detail::in_turns<0>(b, d, lanes);
        const R odd2 = detail::in_turns<n / 2>(b, d, lanes);
        xsimd::batch<T>(detail::in_turns<0>(even1, odd1, lanes)).store_unaligned(p);
        xsimd::batch<T>(detail::in_turns<n / 2>(even1, odd1, lanes)).store_unaligned(p + n);
        xsimd::batch<T>(detail::in_turns<0>(even2, odd2, lanes)).store_unaligned(p + 2 * n);
        xsimd::batch<T>(detail::in_turns<n / 2>(even2, odd2, lanes)).store_unaligned(p + 3 * n);
        return true;
    }
#endif
    return false;
}
/// Lane i is lane i + By of x, the last followed by the first.
template <int By, real T>
pack<T> turned(pack<T> x) {
    constexpr int n = pack<T>::width;
#if defined(BOXGRAD_SHUFFLES)
    if constexpr (detail::shuffled<T>) {
        const typename xsimd::batch<T>::register_type r = x.v;
        return xsimd::batch<T>(detail::turned<By>(r, std::make_integer_sequence<int, n>{}));
    }
#endif
    T buffer[static_cast<std::size_t>(2 * n)];
    x.v.store_unaligned(buffer);
    x.v.store_unaligned(buffer + n);
    return load_full(buffer + By);
}
/// true in the first `count` lanes.
template <class V>
    requires std::same_as<V, pack<scalar_t<V>>>
mask_t<V> first_lanes(int count) {
#if defined(__AVX512F__)
    if constexpr (detail::masked<scalar_t<V>>) return {xsimd::batch_bool<scalar_t<V>>(detail::first_bits<scalar_t<V>>(count))};
#endif
    scalar_t<V> position[V::width];
    for (int i = 0; i < V::width; ++i) position[i] = static_cast<scalar_t<V>>(i);
    return load_full(position) < V(static_cast<scalar_t<V>>(count));
}
/// Bit i tells lane i.
template <real T>
std::int32_t lane_bits(pack_mask<T> m) {
#if defined(__AVX512F__)
    if constexpr (sizeof(xsimd::batch<T>) == 64) return static_cast<std::int32_t>(m.m.data);
#elif defined(__AVX__)
    if constexpr (sizeof(T) == 4) return _mm256_movemask_ps(m.m.data);
    if constexpr (sizeof(T) == 8) return _mm256_movemask_pd(m.m.data);
#elif defined(__SSE2__)
    if constexpr (sizeof(T) == 4) return _mm_movemask_ps(m.m.data);
    if constexpr (sizeof(T) == 8) return _mm_movemask_pd(m.m.data);
#endif
    T buffer[pack<T>::width];
    select(m, pack<T>(T(1)), pack<T>(T(0))).v.store_unaligned(buffer);
    std::int32_t bits = 0;
    for (int i = 0; i < pack<T>::width; ++i) bits |= static_cast<std::int32_t>(buffer[i] != T(0)) << i;
    return bits;
}
/// The lanes' sum in double.
template <real T>
double sum_lanes(pack<T> x) {
#if defined(BOXGRAD_SHUFFLES)
    if constexpr (sizeof(T) == 4 && pack<T>::width >= 8) {
        if constexpr (detail::shuffled<T>) {
            const typename xsimd::batch<T>::register_type r = x.v;
            return detail::sum_in_double(r, std::make_integer_sequence<int, pack<T>::width / 2>{});
        }
    }
#endif
    T buffer[pack<T>::width];
    x.v.store_unaligned(buffer);
    double sum = 0;
    for (const T v : buffer) sum += static_cast<double>(v);
    return sum;
}
template <real T>
T lane(pack<T> x, int i) {
#if defined(BOXGRAD_SHUFFLES)
    if constexpr (detail::shuffled<T>) {
        const typename xsimd::batch<T>::register_type r = x.v;
        return r[i];
    }
#endif
    T buffer[pack<T>::width];
    x.v.store_unaligned(buffer);
    return buffer[i];
}

}  // namespace boxgrad::inline BOXGRAD_ABI
#endif
