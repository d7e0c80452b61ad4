// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// Throws config_error where a cost's own parameters are out of range.
template <class C>
void check_cost(const char* op, const C& cost) {
    if constexpr (requires { cost.weight; }) check_finite(op, "weight", cost.weight);
    if constexpr (requires { cost.check(op); }) cost.check(op);
    if constexpr (requires { cost.first; }) check_cost(op, cost.first);
    if constexpr (requires { cost.rest; }) check_cost(op, cost.rest);
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
