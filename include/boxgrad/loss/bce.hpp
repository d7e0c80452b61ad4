// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/detail/logistic.hpp>
#include <boxgrad/loss/term.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Binary cross entropy of a logit x with a target t in [0, 1], the positive part weighed by w (1 unless
/// `targets(...).class_weight` gives one for each class: PyTorch's `pos_weight`).
///
///     l(x, t) = -w·t·ln σ(x) - (1 - t)·ln σ(-x)           a sum of parts >= 0: nothing cancels
///     -ln σ(x) = max(-x, 0) + ln(1 + e^-|x|)
///     ∂l/∂x   = (1 - t)·σ(x) - w·t·σ(-x), without cancellation for t = 0 and t = 1
///
/// Finite and not negative for every finite logit (promise P12). Targets outside of [0, 1] are
/// extrapolated linearly. mmdetection 3.3, CrossEntropyLoss(use_sigmoid=True).
struct bce {
    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t, base_t<V> w) const {
        return of(detail::logistic<V>(x), t, w * t);
    }
    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t) const {
        return of(detail::logistic<V>(x), t, t);
    }
    /// Where more is needed of the logit than its cross entropy. `positive` is w·t.
    template <number V>
    BOXGRAD_FN static constexpr V of(const detail::logistic<V>& x, base_t<V> t, base_t<V> positive) {
        return (base_t<V>(scalar_t<V>(1)) - t) * x.minus_log_no + positive * x.minus_log_yes;
    }
};
static_assert(positively_weighted<bce>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
