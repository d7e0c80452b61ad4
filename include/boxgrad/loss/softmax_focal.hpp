// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/power.hpp>
#include <boxgrad/loss/evaluate.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Focal loss of a softmax over the class axis, the second: logits [N, C] or [N, C, ...] against labels [N, ...], or
/// against a distribution [N, C, ...].
///
///     q = 1 - p_y                      the sum of all other probabilities, not rounded at 1
///     l = q^gamma·ce                   ce = -ln p_y
///     ∂l/∂ce = q^gamma + gamma·q^(gamma - 1)·p_y·ce
///     ∂l/∂x_c = ∂l/∂ce·(p_c - [c = y])
///
/// gamma = 0 is cross entropy. `targets(labels).class_weight(alpha)` are the paper's weights of classes,
/// `.ignore_index(i)` leaves rows out; a distribution's classes are added up, each with its own q. Lin et al., Focal
/// loss, ICCV 2017, equation 5, for a softmax. mmdetection 3.3 has none: its FocalLoss is a sigmoid's.
struct softmax_focal {
    double gamma = 2;  ///< not negative

    constexpr void check() const { check_not_negative("loss::softmax_focal", "gamma", gamma); }

    template <number V>
    BOXGRAD_FN constexpr V of_softmax(V ce, V q) const {
        return power(q, static_cast<scalar_t<V>>(gamma)) * ce;
    }
};
static_assert(softmax_term<softmax_focal>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
