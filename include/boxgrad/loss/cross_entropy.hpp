// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/evaluate.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Cross entropy of a softmax over the class axis, the second: logits [N, C] or [N, C, ...] against labels [N, ...]
/// of whole numbers, or against a distribution [N, C, ...].
///
///     l = ln Σ e^x_c - x_y                  against label y
///     l = Σ t_c·(ln Σ e^x - x_c)            against a distribution t
///     ∂l/∂x_c = p_c - [c = y]               computed as (Σ t - t_c)·p_c - t_c·(1 - p_c), each part >= 0
///
/// Finite and not negative for every finite logit (promise P12); what the smaller classes add to a probability near 1
/// is not rounded away. `targets(labels).ignore_index(i)` leaves rows out, `.class_weight(w)` weighs them by their
/// label; reduction::mean divides by all rows as mmdetection has it, mean_valid is its `avg_non_ignore`, mean_weights
/// PyTorch's mean with class weights. mmdetection 3.3, CrossEntropyLoss, which has distributions only in PyTorch.
struct cross_entropy {
    template <number V>
    BOXGRAD_FN constexpr V of_softmax(V ce, V) const {
        return ce;
    }
};
static_assert(softmax_term<cross_entropy>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
