// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// How far a result lies from the true value, in units in the last place, and the true values: the C
/// library's functions in the next wider format.

#include <boxgrad/core/math.hpp>

#include <cmath>
#include <limits>
#include <string_view>

namespace boxgrad_test {

template <class T>
struct wider;
template <>
struct wider<float> {
    using type = double;
};
template <>
struct wider<double> {
    using type = long double;
};
template <class T>
using wider_t = typename wider<T>::type;

/// |result - truth| in spacings of T at `truth`: 2^(e - p + 1) for 2^e <= |truth| < 2^(e+1), the spacing of
/// denormals below the smallest normal. Infinity counts as 2^(largest exponent), the value that overflows
/// to it. Infinite where one of both is NaN, or where the signs of two infinities differ.
template <class T>
double ulp_error(T result, wider_t<T> truth) {
    using W = wider_t<T>;
    using limits = std::numeric_limits<T>;
    constexpr double wrong = std::numeric_limits<double>::infinity();
    if (std::isnan(truth)) return std::isnan(result) ? 0.0 : wrong;
    if (std::isnan(result)) return wrong;
    const W overflow = std::ldexp(W(1), limits::max_exponent);
    W r = static_cast<W>(result);
    if (std::isinf(result)) r = std::copysign(overflow, r);
    if (std::abs(truth) >= overflow) truth = std::copysign(overflow, truth);
    int exponent = limits::min_exponent - 1;
    if (std::abs(truth) >= W(limits::min())) exponent = std::ilogb(truth);
    if (exponent > limits::max_exponent - 1) exponent = limits::max_exponent - 1;
    const W spacing = std::ldexp(W(1), exponent - limits::digits + 1);
    return static_cast<double>(std::abs(r - truth) / spacing);
}

template <class W>
W true_sigmoid(W x) {
    const W e = std::exp(-std::abs(x));
    return (x < W(0) ? e : W(1)) / (W(1) + e);
}
template <class W>
W true_softplus(W x) {
    return (x > W(0) ? x : W(0)) + std::log1p(std::exp(-std::abs(x)));
}

// Each function as a type, so that a loop over numbers can be instantiated for it.
#define BOXGRAD_TEST_FUNCTION(NAME, TRUTH)         \
    struct NAME##_function {                       \
        static constexpr const char* name = #NAME; \
        template <class V>                         \
        static V value(V x) {                      \
            return boxgrad::NAME(x);               \
        }                                          \
        template <class W>                         \
        static W truth(W x) {                      \
            return TRUTH(x);                       \
        }                                          \
    }
BOXGRAD_TEST_FUNCTION(exp, std::exp);
BOXGRAD_TEST_FUNCTION(log, std::log);
BOXGRAD_TEST_FUNCTION(log1p, std::log1p);
BOXGRAD_TEST_FUNCTION(sigmoid, true_sigmoid);
BOXGRAD_TEST_FUNCTION(softplus, true_softplus);
BOXGRAD_TEST_FUNCTION(atan, std::atan);
#undef BOXGRAD_TEST_FUNCTION

}  // namespace boxgrad_test
