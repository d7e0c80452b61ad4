// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/dual.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss::detail {

/// What a logit x says of yes and no, all of one exponential. Each has its digits for every finite x.
template <number V>
struct logistic {
    V yes, no;                      ///< σ(x), σ(-x)
    V minus_log_yes, minus_log_no;  ///< -ln σ(x), -ln σ(-x): not negative

    BOXGRAD_FN constexpr explicit logistic(const V& x)
        requires plain_number<V>
    {
        using boxgrad::detail::exp_minus_abs;
        using boxgrad::detail::log1p_unit;
        const V zero(scalar_t<V>(0)), one(scalar_t<V>(1));
        const V e = exp_minus_abs(x);
        const V q = e / (one + e);
        // As in sigmoid: the rounding of 1 + e touches what is small only.
        const V large = one - q;
        const V small = madd(-e, q, e);
        const auto negative = x < zero;
        yes = select(negative, small, large);
        no = select(negative, large, small);
        const V rest = log1p_unit(e);
        minus_log_yes = max(-x, zero) + rest;
        minus_log_no = max(x, zero) + rest;
    }
    BOXGRAD_FN constexpr explicit logistic(const V& x)
        requires(!plain_number<V>)
    {
        const logistic<base_t<V>> v(x.value);
        const auto slope = v.yes * v.no;
        yes = V::chain(v.yes, slope, x);
        no = V::chain(v.no, -slope, x);
        minus_log_yes = V::chain(v.minus_log_yes, -v.no, x);
        minus_log_no = V::chain(v.minus_log_no, v.yes, x);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss::detail
