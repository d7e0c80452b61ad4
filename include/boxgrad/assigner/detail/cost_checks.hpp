// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/error.hpp>

#include <cmath>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

inline void check_positive(const char* op, const char* name, double x) {
    if (!(x > 0 && std::isfinite(x)))
        raise(config_error(complaint(op, name, "finite and positive", std::to_string(x))));
}
inline void check_not_negative(const char* op, const char* name, double x) {
    if (!(x >= 0 && std::isfinite(x)))
        raise(config_error(complaint(op, name, "finite and not negative", std::to_string(x))));
}
/// Throws config_error where a cost's own parameters are out of range.
template <class C>
void check_cost(const char* op, const C& cost) {
    if constexpr (requires { cost.weight; }) {
        if (!std::isfinite(cost.weight))
            raise(config_error(complaint(op, "weight", "finite", std::to_string(cost.weight))));
    }
    if constexpr (requires { cost.check(op); }) cost.check(op);
    if constexpr (requires { cost.first; }) check_cost(op, cost.first);
    if constexpr (requires { cost.rest; }) check_cost(op, cost.rest);
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
