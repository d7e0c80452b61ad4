// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Checks of parameters. Each throws config_error: "operation: parameter must be EXPECTED, got ACTUAL".

#include <boxgrad/core/error.hpp>
#include <boxgrad/core/number.hpp>

namespace boxgrad::inline BOXGRAD_ABI {

template <class X>
constexpr void check_parameter(const char* operation, const char* parameter, bool good, const char* expected, X actual) {
    if (!good) raise(config_error(complaint(operation, parameter, expected, std::to_string(actual))));
}
constexpr bool is_finite_parameter(double x) { return x - x == 0; }

constexpr void check_finite(const char* operation, const char* parameter, double x) {
    check_parameter(operation, parameter, is_finite_parameter(x), "finite", x);
}
constexpr void check_positive(const char* operation, const char* parameter, double x) {
    check_parameter(operation, parameter, x > 0 && is_finite_parameter(x), "finite and positive", x);
}
constexpr void check_not_negative(const char* operation, const char* parameter, double x) {
    check_parameter(operation, parameter, x >= 0 && is_finite_parameter(x), "finite and not negative", x);
}
constexpr void check_not_nan(const char* operation, const char* parameter, double x) {
    check_parameter(operation, parameter, x == x, "a number", x);
}
/// A count of at least one.
constexpr void check_count(const char* operation, const char* parameter, index n) {
    check_parameter(operation, parameter, n >= 1, "positive", n);
}

}  // namespace boxgrad::inline BOXGRAD_ABI
