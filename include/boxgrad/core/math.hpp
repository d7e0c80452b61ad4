// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Elementary functions of a plain number: float, double, or a pack of either. Each is one formula for
/// scalars and packs, without tables and without branches on a value, so a scalar and a lane of a pack
/// agree as far as the compiler fuses multiply-adds alike. Error bounds and how they were measured:
/// docs/core/math.md. Polynomials are minimax fits of this project (Remez, mpmath), each with its
/// relative error named beside it.

#include <boxgrad/core/number.hpp>
#include <boxgrad/core/pack.hpp>

#if defined(__CUDA_ARCH__)
#include <math.h>
#endif

namespace boxgrad::inline BOXGRAD_ABI {

namespace detail {

/// What the formulas need to know of a binary format.
template <real T>
struct format;

template <>
struct format<float> {
    using bits = std::uint32_t;
    static constexpr int mantissa_bits = 23;
    static constexpr bits mantissa_mask = 0x007fffffu;
    static constexpr bits sign_mask = 0x80000000u;
    static constexpr bits one = 0x3f800000u;
    static constexpr bits root_half = 0x3f3504f3u;
    static constexpr bits ulp_one = 0x4b000000u;  ///< 2^23, whose last mantissa bit is worth 1
    static constexpr float bias = 127.0f;
    static constexpr float ulp_one_biased = 0x1p23f + bias;
    static constexpr float round_magic = 0x1.8p23f;
    static constexpr float min_normal = 0x1p-126f;
    static constexpr float denormal_scale = 0x1p24f;
    static constexpr float denormal_exponent = 24.0f;
    static constexpr float infinity = std::numeric_limits<float>::infinity();
    static constexpr float nan = std::numeric_limits<float>::quiet_NaN();

    static constexpr float log2_e = 0x1.715476p+0f;
    static constexpr float ln2_high = 0x1.62e4p-1f;  ///< 15 bits: n·ln2_high is exact for |n| < 2^9
    static constexpr float ln2_low = 0x1.7f7d1cp-20f;
    static constexpr float exp_lowest = -104.0f;  ///< e^x rounds to 0 here
    static constexpr float exp_highest = 88.75f;  ///< e^x overflows here
    static constexpr float half_pi = 0x1.921fb6p+0f;
    static constexpr float half_pi_rest = -0x1.de12cap-26f;  ///< (pi/2 - half_pi) / half_pi
};

template <>
struct format<double> {
    using bits = std::uint64_t;
    static constexpr int mantissa_bits = 52;
    static constexpr bits mantissa_mask = 0x000fffffffffffffu;
    static constexpr bits sign_mask = 0x8000000000000000u;
    static constexpr bits one = 0x3ff0000000000000u;
    static constexpr bits root_half = 0x3fe6a09e667f3bcdu;
    static constexpr bits ulp_one = 0x4330000000000000u;  ///< 2^52
    static constexpr double bias = 1023.0;
    static constexpr double ulp_one_biased = 0x1p52 + bias;
    static constexpr double round_magic = 0x1.8p52;
    static constexpr double min_normal = 0x1p-1022;
    static constexpr double denormal_scale = 0x1p54;
    static constexpr double denormal_exponent = 54.0;
    static constexpr double infinity = std::numeric_limits<double>::infinity();
    static constexpr double nan = std::numeric_limits<double>::quiet_NaN();

    static constexpr double log2_e = 0x1.71547652b82fep+0;
    static constexpr double ln2_high = 0x1.62e42fefa4p-1;  ///< 41 bits: n·ln2_high is exact for |n| < 2^12
    static constexpr double ln2_low = -0x1.8432a1b0e2634p-43;
    static constexpr double exp_lowest = -745.25;
    static constexpr double exp_highest = 709.8125;
    static constexpr double half_pi = 0x1.921fb54442d18p+0;
    static constexpr double half_pi_rest = 0x1.678afae35cdd1p-55;
};

template <plain_number V>
using format_of = format<scalar_t<V>>;

template <plain_number V>
BOXGRAD_FN constexpr auto bits_of(typename format_of<V>::bits x) {
    return typename number_traits<V>::bits(x);
}

/// c0 + c1·x + c2·x² + ... by Horner's rule. Coefficients are arguments, not an array: device code
/// cannot index a host array.
template <plain_number V>
BOXGRAD_FN constexpr V polynomial(V, scalar_t<V> c0) {
    return V(c0);
}
template <plain_number V, class... C>
BOXGRAD_FN constexpr V polynomial(V x, scalar_t<V> c0, C... c) {
    return madd(x, polynomial<V>(x, c...), V(c0));
}

/// Keeps sums as written in the builds that let the compiler reassociate; nothing in others.
template <plain_number V>
BOXGRAD_FN constexpr V as_written(V x) {
#if (defined(BOXGRAD_ALLOW_FAST_MATH) || defined(__FAST_MATH__)) && !defined(__CUDA_ARCH__)
    if (!__builtin_is_constant_evaluated()) asm("" : "+m"(x));
#endif
    return x;
}

/// -|x|.
template <plain_number V>
BOXGRAD_FN constexpr V minus_abs(V x) {
    return from_bits<V>(to_bits(x) | bits_of<V>(format_of<V>::sign_mask));
}

}  // namespace detail

// ---- pieces -------------------------------------------------------------------------------------

/// x rounded to an integer, ties to even, for |x| <= 2^22 (float) or 2^51 (double): the addition of
/// 1.5·2^23 leaves no bits for a fraction.
template <plain_number V>
BOXGRAD_FN constexpr V round_to_even(V x) {
    const V magic(detail::format_of<V>::round_magic);
    return detail::as_written(x + magic) - magic;
}

/// 2^n for an integral n in the range of normal exponents (-126 to 127, -1022 to 1023). The sum with
/// 2^23 + 127 holds the biased exponent in its last bits; the shift moves them to their place.
template <plain_number V>
BOXGRAD_FN constexpr V pow2(V n) {
    using F = detail::format_of<V>;
    return from_bits<V>(to_bits(n + V(F::ulp_one_biased)) << F::mantissa_bits);
}

/// x = mantissa · 2^exponent with mantissa in [1, 2), for positive normal x; returns the exponent.
template <plain_number V>
BOXGRAD_FN constexpr V split_exponent(V x, V& mantissa) {
    using F = detail::format_of<V>;
    const auto i = to_bits(x);
    mantissa = from_bits<V>((i & detail::bits_of<V>(F::mantissa_mask)) | detail::bits_of<V>(F::one));
    return from_bits<V>((i >> F::mantissa_bits) | detail::bits_of<V>(F::ulp_one)) - V(F::ulp_one_biased);
}

/// The square root, correctly rounded. That of a pack is in pack.hpp.
template <real T>
BOXGRAD_FN inline T sqrt(T x) {
    if constexpr (sizeof(T) == 4) {
#if defined(__CUDA_ARCH__)
        return ::sqrtf(x);
#else
        return __builtin_sqrtf(x);
#endif
    } else {
#if defined(__CUDA_ARCH__)
        return ::sqrt(x);
#else
        return __builtin_sqrt(x);
#endif
    }
}

namespace detail {

/// e^x for x in [exp_lowest, exp_highest] or NaN. x = n·ln 2 + r, |r| <= 0.3475, n integral;
/// e^x = 2^n·(1 + r + r²·q(r)). Relative error of the fit of 1 + r + r²·q(r): 2^-28.1 (float),
/// 2^-57.7 (double). 2^n is applied as 2^floor(n/2) · 2^ceil(n/2): both are normal where 2^n is not, and
/// only the last product rounds, so denormal results round once.
template <plain_number V>
BOXGRAD_FN constexpr V exp_in_range(V x) {
    using T = scalar_t<V>;
    using F = format_of<V>;
    // The magic number also biases n by twice the bias of the exponent: halves of it are then biased.
    const V magic(F::round_magic + T(2) * F::bias);
    const V shifted = as_written(madd(x, V(F::log2_e), magic));
    const V n = shifted - magic;
    const V r = madd(n, V(-F::ln2_low), as_written(madd(n, V(-F::ln2_high), x)));
    V q;
    if constexpr (sizeof(T) == 4) {
        q = polynomial<V>(r, 0x1.fffffcp-2f, 0x1.55548ap-3f, 0x1.55585p-5f, 0x1.123e3ep-7f, 0x1.6ab578p-10f);
    } else {
        q = polynomial<V>(r, 0x1.000000000000ap-1, 0x1.55555555554fbp-3, 0x1.55555555505e7p-5, 0x1.1111111127038p-7,
                          0x1.6c16c184c3267p-10, 0x1.a01a013089c66p-13, 0x1.a019985a76b56p-16, 0x1.71df12a361c94p-19,
                          0x1.28af12db1a30cp-22, 0x1.ada47486ba4cdp-26);
    }
    const V p = V(T(1)) + madd(r * r, q, r);
    const auto i = to_bits(shifted);
    const auto half = i >> 1;
    const V low = from_bits<V>(half << F::mantissa_bits);
    const V high = from_bits<V>((i - half) << F::mantissa_bits);
    return p * low * high;
}

/// e^(-|x|).
template <plain_number V>
BOXGRAD_FN constexpr V exp_minus_abs(V x) {
    return exp_in_range(max(minus_abs(x), V(format_of<V>::exp_lowest)));
}

/// -k where x = m·2^k, m in [sqrt(1/2), sqrt(2)), x positive and normal. `offset` is added to -k.
/// Negated so that 0·ln 2 below is -0, the neutral element of addition.
template <plain_number V>
BOXGRAD_FN constexpr V minus_exponent(typename number_traits<V>::bits shifted, V offset) {
    using F = format_of<V>;
    return offset - from_bits<V>((shifted >> F::mantissa_bits) | bits_of<V>(F::ulp_one));
}
/// The bits of x moved so that their exponent field changes at sqrt(1/2)·2^k instead of 2^k.
template <plain_number V>
BOXGRAD_FN constexpr auto shift_to_root_half(V x) {
    using F = format_of<V>;
    return to_bits(x) + bits_of<V>(F::one - F::root_half);
}

/// log(1 + f) - minus_k·ln 2 for f in [sqrt(1/2) - 1, sqrt(2) - 1]. With s = f/(2 + f), z = s²:
/// log(1 + f) = 2·atanh(s) = f - (f²/2 - s·(f²/2 + R(z))), R(z) = 2·atanh(s)/s - 2; the form is that of
/// fdlibm's e_log.c (Ng, 1993), which loses no bits for small f. Relative error of the fit of R: 2^-30.2
/// of the logarithm (float), 2^-59.4 (double).
template <plain_number V>
BOXGRAD_FN constexpr V log_of_reduced(V f, V minus_k) {
    using T = scalar_t<V>;
    using F = format_of<V>;
    const V s = f / (V(T(2)) + f);
    const V z = s * s;
    const V h = V(T(0.5)) * f * f;
    V r;
    if constexpr (sizeof(T) == 4) {
        r = z * polynomial<V>(z, 0x1.55557ap-1f, 0x1.995ed4p-2f, 0x1.31e0f8p-2f);
    } else {
        r = z * polynomial<V>(z, 0x1.5555555555592p-1, 0x1.999999997ff0bp-2, 0x1.24924941e346fp-2, 0x1.c71c5211a794dp-3,
                              0x1.74663db3876b1p-3, 0x1.39a1cf09f4511p-3, 0x1.2f04f5f1ccc06p-3);
    }
    const V tail = madd(s, h + r, minus_k * V(-F::ln2_low));
    return madd(minus_k, V(-F::ln2_high), f - (h - tail));
}

/// log(1 + f) for f in [0, 1] or NaN, from f where f < sqrt(2) - 1, else as ln 2 + log(1 + (f - 1)/2).
template <plain_number V>
BOXGRAD_FN constexpr V log1p_unit(V f) {
    using T = scalar_t<V>;
    const V zero(T(0)), one(T(1)), half(T(0.5));
    const auto upper = V(T(0.41421356237309505)) < f;
    return log_of_reduced(select(upper, f * half - half, f), select(upper, -one, zero));
}

/// The logarithm of x where x is 0 (-inf), negative (NaN), infinite or NaN (itself); elsewhere r.
template <plain_number V>
BOXGRAD_FN constexpr V log_edges(V r, V x) {
    using F = format_of<V>;
    const V zero(scalar_t<V>(0));
    r = select(x < V(F::infinity), r, x);
    return select(zero < x, r, select(x == zero, V(-F::infinity), V(F::nan)));
}

}  // namespace detail

// ---- functions ----------------------------------------------------------------------------------

/// e^x.
template <plain_number V>
BOXGRAD_FN constexpr V exp(V x) {
    using F = detail::format_of<V>;
    return detail::exp_in_range(min(max(x, V(F::exp_lowest)), V(F::exp_highest)));
}

/// The natural logarithm. log(0) is -inf, that of a negative number NaN.
template <plain_number V>
BOXGRAD_FN constexpr V log(V x) {
    using T = scalar_t<V>;
    using F = detail::format_of<V>;
    const auto small = x < V(F::min_normal);
    const V y = select(small, x * V(F::denormal_scale), x);
    const auto i = detail::shift_to_root_half(y);
    const V minus_k =
        detail::minus_exponent<V>(i, select(small, V(F::ulp_one_biased + F::denormal_exponent), V(F::ulp_one_biased)));
    const V m = from_bits<V>((i & detail::bits_of<V>(F::mantissa_mask)) + detail::bits_of<V>(F::root_half));
    return detail::log_edges(detail::log_of_reduced(m - V(T(1)), minus_k), x);
}

/// log(1 + x). k is the exponent of the rounded 1 + x; f = (1 + x)·2^-k - 1 = x·2^-k - (1 - 2^-k) is
/// rounded once, from x itself, so what 1 + x lost is not missed. 2^-k is applied as 2^(2-k)/4: normal
/// for every k.
template <plain_number V>
BOXGRAD_FN constexpr V log1p(V x) {
    using T = scalar_t<V>;
    using F = detail::format_of<V>;
    const V one(T(1)), quarter(T(0.25));
    const V u = one + x;
    const V minus_k = detail::minus_exponent<V>(detail::shift_to_root_half(u), V(F::ulp_one_biased));
    const V scale = pow2(minus_k + V(T(2)));
    const V f = x * scale * quarter - (one - scale * quarter);
    return detail::log_edges(detail::log_of_reduced(f, minus_k), u);
}

/// 1 / (1 + e^-x). With e = e^-|x| and q = e / (1 + e) it is 1 - q for positive x and e - e·q for negative:
/// the rounding of 1 + e then touches the smaller part only.
template <plain_number V>
BOXGRAD_FN constexpr V sigmoid(V x) {
    const V zero(scalar_t<V>(0)), one(scalar_t<V>(1));
    const V e = detail::exp_minus_abs(x);
    const V part = select(x < zero, e, one);
    return madd(-part, e / (one + e), part);
}

/// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|).
template <plain_number V>
BOXGRAD_FN constexpr V softplus(V x) {
    const V zero(scalar_t<V>(0));
    return max(x, zero) + detail::log1p_unit(detail::exp_minus_abs(x));
}

/// The arc tangent. |x| is reduced to q in [-0.42, 0.5]: to |x| up to 1/2, to (|x| - 1)/(|x| + 1) beside
/// pi/4 up to tan(3·pi/8), to -1/|x| beside pi/2 above; |x| - 1 is exact there. atan q = q + q³·P(q²).
/// Relative error of the fit: 2^-26.8 (float), 2^-56.9 (double). What pi/4 and pi/2 lose by rounding is
/// carried along.
template <plain_number V>
BOXGRAD_FN constexpr V atan(V x) {
    using T = scalar_t<V>;
    using F = detail::format_of<V>;
    const V zero(T(0)), one(T(1));
    const V a = abs(x);
    const auto middle = V(T(0.5)) < a;
    const auto large = V(T(2.414213562373095)) < a;
    const V numerator = select(large, -one, select(middle, a - one, a));
    const V denominator = select(large, a, select(middle, a + one, one));
    const V base = select(large, V(F::half_pi), select(middle, V(T(0.5) * F::half_pi), zero));
    const V q = numerator / denominator;
    const V z = q * q;
    V p;
    if constexpr (sizeof(T) == 4) {
        p = detail::polynomial<V>(z, -0x1.555512p-2f, 0x1.997b4ap-3f, -0x1.224d4cp-3f, 0x1.a02144p-4f, -0x1.a45fbap-5f);
    } else {
        p = detail::polynomial<V>(z, -0x1.5555555555516p-2, 0x1.99999999910c7p-3, -0x1.249249215b3e8p-3,
                                  0x1.c71c709003035p-4, -0x1.745cf4b4b70cap-4, 0x1.3b113c6095d08p-4,
                                  -0x1.10f31109b954ap-4, 0x1.dfe8b93898417p-5, -0x1.a39515c7595aep-5,
                                  0x1.56ec76aecb0bap-5, -0x1.c161e126a536ep-6, 0x1.4b5a10902b97fp-7);
    }
    const V r = base + madd(base, V(F::half_pi_rest), madd(q * z, p, q));
    return from_bits<V>(to_bits(r) | (to_bits(x) & detail::bits_of<V>(F::sign_mask)));
}

}  // namespace boxgrad::inline BOXGRAD_ABI
