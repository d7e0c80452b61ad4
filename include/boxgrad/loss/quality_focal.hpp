// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/detail/binary.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Quality focal loss of a logit x with a target t in [0, 1], the quality of what was detected.
///
///     l(x, t) = |t - σ(x)|^beta·bce(x, t)
///     ∂l/∂x   = |t - σ|^beta·(σ - t) - beta·|t - σ|^(beta - 1)·sign(t - σ)·σ(x)·σ(-x)·bce(x, t)
///
/// t - σ(x) is t·σ(-x) - (1 - t)·σ(x), without cancellation for t = 0 and t = 1. Against labels [N] with scores [N],
/// `targets(labels).scores(scores)`, t is the score at the label and 0 elsewhere. mmdetection's value, one a row, is
/// `per_row<quality_focal>`. beta = 0 is cross entropy. Throws config_error for beta below 0.
/// Li et al., Generalized Focal Loss, NeurIPS 2020, equation 2; mmdetection 3.3, QualityFocalLoss.
struct quality_focal {
    double beta = 2;  ///< not negative

    constexpr void check() const { check_not_negative("loss::quality_focal", "beta", beta); }
    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t) const {
        const detail::logistic<V> s(x);
        return power(detail::distance(s.yes, s.no, t), static_cast<scalar_t<V>>(beta)) * bce::of(s, t, t);
    }
};
static_assert(elementwise_term<quality_focal>);

/// The same of a probability p in [0, 1], with the cross entropy of `probability_focal`:
///
///     l(p, t) = |t - p|^beta·b(p, t)
///
/// mmdetection 3.3, QualityFocalLoss(activated=True).
struct probability_quality_focal {
    double beta = 2;  ///< not negative

    constexpr void check() const { check_not_negative("loss::probability_quality_focal", "beta", beta); }
    template <number V>
    BOXGRAD_FN constexpr V operator()(V p, base_t<V> t) const {
        using T = scalar_t<V>;
        return power(detail::distance(p, V(T(1)) - p, t), static_cast<T>(beta)) * detail::bce_of_probability(p, t);
    }
};
static_assert(elementwise_term<probability_quality_focal>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
