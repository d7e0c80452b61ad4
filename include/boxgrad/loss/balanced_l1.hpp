// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/term.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

namespace detail {

/// e^x - 1.
template <real T>
BOXGRAD_FN constexpr T exp_minus_1(T x) {
    const T u = exp(x);
    return u == T(1) ? x : (u - T(1)) * (x / log(u));  // what u lost by rounding, log u lost as well
}

/// (1 + z)·ln(1 + z) - z for z >= 0, whose derivative is ln(1 + z). Below 1 by s = z/(2 + z), where
/// ln(1 + z) = 2·(s + s³/3 + s⁵/5 + ...): 2·(s² + (1 + s)·(s³/3 + s⁵/5 + ...)) / (1 - s), of parts >= 0.
template <plain_number V>
BOXGRAD_FN constexpr V entropy_excess(V z) {
    using T = scalar_t<V>;
    using boxgrad::detail::polynomial;
    const V one(T(1)), two(T(2));
    const V s = z / (two + z);
    const V q = s * s;
    V series;
    if constexpr (sizeof(T) == 4) {
        series = polynomial<V>(q, T(1) / T(3), T(1) / T(5), T(1) / T(7), T(1) / T(9), T(1) / T(11), T(1) / T(13),
                               T(1) / T(15));
    } else {
        series = polynomial<V>(q, T(1) / T(3), T(1) / T(5), T(1) / T(7), T(1) / T(9), T(1) / T(11), T(1) / T(13),
                               T(1) / T(15), T(1) / T(17), T(1) / T(19), T(1) / T(21), T(1) / T(23), T(1) / T(25),
                               T(1) / T(27), T(1) / T(29), T(1) / T(31));
    }
    const V near = two * q * (one + (one + s) * s * series) / (one - s);
    return select(z < one, near, (one + z) * log1p(z) - z);
}
template <class V, int N>
BOXGRAD_FN constexpr dual<V, N> entropy_excess(const dual<V, N>& z) {
    return dual<V, N>::chain(entropy_excess(z.value), log1p(z.value), z);
}

}  // namespace detail

/// Balanced L1 loss: inliers count more than in `smooth_l1`. d = |x - t|, b = e^(gamma/alpha) - 1, z = b·d/beta:
///
///     l(x, t) = alpha/b·(b·d + 1)·ln(z + 1) - alpha·d                      for d < beta
///     l(x, t) = gamma·d + gamma/b - alpha·beta                             else
///     ∂l/∂x   = sign(x - t)·(alpha·ln(z + 1) + alpha·(1/beta - 1)/(z + 1)) for d < beta
///     ∂l/∂x   = sign(x - t)·gamma                                          else
///
/// computed as alpha/b·(beta·((1 + z)·ln(1 + z) - z) + (1 - beta)·ln(1 + z)), which keeps its digits for small d. Value
/// and slope have no jump for beta = 1 alone, the paper's; another beta is mmdetection's: both jump at d = beta, and
/// above 1 the loss is negative near 0. Throws config_error unless all three are positive and gamma at most 40·alpha.
/// Pang et al., Libra R-CNN, CVPR 2019, equation 8; mmdetection 3.3, BalancedL1Loss.
struct balanced_l1 {
    double alpha = 0.5;  ///< positive
    double gamma = 1.5;  ///< slope of the outer part, positive
    double beta = 1;     ///< in units of the prediction, positive

    constexpr void check() const {
        check_positive("loss::balanced_l1", "alpha", alpha);
        check_positive("loss::balanced_l1", "gamma", gamma);
        check_positive("loss::balanced_l1", "beta", beta);
        check_parameter("loss::balanced_l1", "gamma / alpha", gamma <= 40 * alpha, "at most 40", gamma / alpha);
    }
    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t) const {
        using T = scalar_t<V>;
        const V d = abs(x - V(t));
        const T a = static_cast<T>(alpha);
        const T g = static_cast<T>(gamma);
        const T bound = static_cast<T>(beta);
        const T b = detail::exp_minus_1(static_cast<T>(gamma / alpha));
        const V z = d * V(b / bound);
        const V excess = V(bound) * detail::entropy_excess(z);
        const V near = V(a / b) * (bound == T(1) ? excess : excess + V(T(1) - bound) * log1p(z));
        // gamma·d + gamma/b - alpha·beta by what it is at d = 1, a sum of parts >= 0 for beta = 1
        const T at_1 = a / b * detail::entropy_excess(b) + a * (T(1) - bound);
        return select(d < V(bound), near, V(g) * (d - V(T(1))) + V(at_1));
    }
};
static_assert(elementwise_term<balanced_l1>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
