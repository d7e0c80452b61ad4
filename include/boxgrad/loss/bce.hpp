// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/term.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Binary cross entropy of a logit x with a target t in [0, 1], the positive part weighed by w (1 unless
/// `targets(...).class_weight` gives one for each class: PyTorch's `pos_weight`).
///
///     l(x, t) = (1 - t)·max(x, 0) + w·t·max(-x, 0) + (1 - t + w·t)·ln(1 + e^-|x|)
///             = -w·t·ln σ(x) - (1 - t)·ln(1 - σ(x))        a sum of parts >= 0: nothing cancels
///     ∂l/∂x   = (1 - t)·σ(x) - w·t·σ(-x), without cancellation for t = 0 and t = 1
///
/// Finite and not negative for every finite logit (promise P12). Targets outside of [0, 1] are
/// extrapolated linearly. mmdetection 3.3, CrossEntropyLoss(use_sigmoid=True).
struct bce {
    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t, base_t<V> w) const {
        using P = base_t<V>;
        const V zero(scalar_t<V>(0));
        const P negative = P(scalar_t<V>(1)) - t;
        const P positive = w * t;
        return V(negative) * max(x, zero) + V(positive) * max(-x, zero) + V(negative + positive) * log1p(exp(-abs(x)));
    }
    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t) const {
        const V zero(scalar_t<V>(0));
        const V one(scalar_t<V>(1));
        return (one - V(t)) * max(x, zero) + V(t) * max(-x, zero) + log1p(exp(-abs(x)));
    }
};
static_assert(positively_weighted<bce>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
