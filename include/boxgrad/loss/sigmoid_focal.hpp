// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/detail/binary.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Focal loss of a logit x with a target t in [0, 1].
///
///     q = t·σ(-x) + (1 - t)·σ(x)                       how wrong the probability is
///     l(x, t) = a·q^gamma·bce(x, t)                    a = alpha·t + (1 - alpha)·(1 - t), 1 for alpha < 0
///     ∂l/∂x   = a·q^gamma·(σ(x) - t) + a·gamma·q^(gamma - 1)·(1 - 2t)·σ(x)·σ(-x)·bce(x, t)
///
/// q is computed without cancellation, so saturated logits keep their digits until q^gamma underflows.
/// gamma = 0 is weighted cross entropy. Against labels [N] the target is 1 at the label, and label C is background.
/// Throws config_error for gamma below 0 or alpha above 1. Lin et al., Focal loss, ICCV 2017, equation 5;
/// mmdetection 3.3, FocalLoss; torchvision 0.14, sigmoid_focal_loss.
struct sigmoid_focal {
    double alpha = 0.25;  ///< weight of positives; negative: no weights
    double gamma = 2;     ///< not negative

    constexpr void check() const {
        check_parameter("loss::sigmoid_focal", "alpha", alpha <= 1, "at most 1", alpha);
        check_not_negative("loss::sigmoid_focal", "gamma", gamma);
    }
    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t) const {
        using T = scalar_t<V>;
        const detail::logistic<V> s(x);
        const V q = detail::wrongness(s.yes, s.no, t);
        return detail::class_balance(t, static_cast<T>(alpha)) *
               (power(q, static_cast<T>(gamma)) * bce::of(s, t, t));
    }
};
static_assert(elementwise_term<sigmoid_focal>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
