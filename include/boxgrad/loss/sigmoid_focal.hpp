// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/bce.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Focal loss of a logit x with a target t in [0, 1].
///
///     q = t·σ(-x) + (1 - t)·σ(x)                       how wrong the probability is
///     l(x, t) = a·q^gamma·bce(x, t)                    a = alpha·t + (1 - alpha)·(1 - t), 1 for alpha < 0
///     ∂l/∂x   = a·q^gamma·(σ(x) - t) + a·gamma·q^(gamma - 1)·(1 - 2t)·σ(x)·σ(-x)·bce(x, t)
///
/// q is computed without cancellation, so saturated logits keep their digits until q^gamma underflows.
/// gamma = 0 is weighted cross entropy. Lin et al., Focal loss, ICCV 2017, equation 5; torchvision 0.14,
/// sigmoid_focal_loss.
struct sigmoid_focal {
    double alpha = 0.25;  ///< weight of positives; negative: no weights
    double gamma = 2;     ///< not negative

    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t) const {
        using T = scalar_t<V>;
        const base_t<V> one(T(1));
        const base_t<V> a(static_cast<T>(alpha));
        const V q = V(t) * sigmoid(-x) + V(one - t) * sigmoid(x);
        const V l = power(q) * bce{}(x, t);
        return alpha < 0 ? l : V(a * t + (one - a) * (one - t)) * l;
    }

private:
    template <number V>
    BOXGRAD_FN constexpr V power(const V& q) const {
        using T = scalar_t<V>;
        if (gamma == 2) return q * q;
        if (gamma == 1) return q;
        if (gamma == 0) return V(T(1));
        return exp(V(static_cast<T>(gamma)) * log(clamp_min(q, V(smallest_normal<T>))));
    }
};
static_assert(elementwise_term<sigmoid_focal>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
