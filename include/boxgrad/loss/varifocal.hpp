// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/detail/binary.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Varifocal loss of a logit x with a target t in [0, 1]: the overlap of a positive, 0 for a negative.
///
///     l(x, t) = t·bce(x, t)                            for t > 0; without the factor t where not iou_weighted
///     l(x, t) = alpha·|σ(x) - t|^gamma·bce(x, t)       for t <= 0
///     ∂l/∂x   = t·(σ - t)                              for t > 0
///     ∂l/∂x   = alpha·σ^gamma·(σ + gamma·(1 - σ)·bce(x, 0))      for t = 0
///
/// Throws config_error for alpha or gamma below 0. Zhang et al., VarifocalNet, CVPR 2021, equation 2; mmdetection 3.3,
/// VarifocalLoss.
struct varifocal {
    double alpha = 0.75;       ///< weight of negatives, not negative
    double gamma = 2;          ///< not negative
    bool iou_weighted = true;  ///< positives are weighed by their target

    constexpr void check() const {
        check_not_negative("loss::varifocal", "alpha", alpha);
        check_not_negative("loss::varifocal", "gamma", gamma);
    }
    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t) const {
        using T = scalar_t<V>;
        using P = base_t<V>;
        const detail::logistic<V> s(x);
        const V p = power(detail::distance(s.yes, s.no, t), static_cast<T>(gamma));
        const V positive(iou_weighted ? t : P(T(1)));
        return select(t > P(T(0)), positive, V(static_cast<T>(alpha)) * p) * bce::of(s, t, t);
    }
};
static_assert(elementwise_term<varifocal>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
