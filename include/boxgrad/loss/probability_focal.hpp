// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/detail/binary.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Focal loss of a probability p in [0, 1] with a target t in [0, 1]. Where there are logits, `sigmoid_focal` is exact
/// where a probability has lost its digits.
///
///     q = t·(1 - p) + (1 - t)·p
///     l(p, t) = a·q^gamma·b(p, t)                      a = alpha·t + (1 - alpha)·(1 - t), 1 for alpha < 0
///     b(p, t) = -t·max(ln p, -100) - (1 - t)·max(ln(1 - p), -100)
///     ∂b/∂p   = (p - t) / max(p·(1 - p), 1e-12)        PyTorch's clamps
///
/// Finite for every p in [0, 1]; others are NaN. Throws config_error for gamma below 0 or alpha above 1.
/// mmdetection 3.3, FocalLoss(activated=True).
struct probability_focal {
    double alpha = 0.25;  ///< weight of positives; negative: no weights
    double gamma = 2;     ///< not negative

    constexpr void check() const {
        check_parameter("loss::probability_focal", "alpha", alpha <= 1, "at most 1", alpha);
        check_not_negative("loss::probability_focal", "gamma", gamma);
    }
    template <number V>
    BOXGRAD_FN constexpr V operator()(V p, base_t<V> t) const {
        using T = scalar_t<V>;
        const V q = detail::wrongness(p, V(T(1)) - p, t);
        const V b = detail::bce_of_probability(p, t);
        return detail::class_balance(t, static_cast<T>(alpha)) * (power(q, static_cast<T>(gamma)) * b);
    }
};
static_assert(elementwise_term<probability_focal>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
