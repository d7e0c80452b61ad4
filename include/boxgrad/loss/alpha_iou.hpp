// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/power.hpp>
#include <boxgrad/loss/term.hpp>
#include <boxgrad/overlap/iou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Alpha-IoU loss between a predicted box and its target, [N, 4] each as x1 y1 x2 y2 in pixels: the loss of any
/// overlap that is IoU less penalties, each part to a power.
///
///     iou          1 - iou^a                                    giou    1 - iou^a + ((|h| - |p ∪ t|)/|h|)^a
///     diou         1 - iou^a + (ρ²/c²)^a                        ciou    1 - iou^a + (ρ²/c²)^a + (α·v)^a
///
/// alpha = 1 is the loss of the overlap itself; above 1 good boxes count for more, below 1 bad ones. x^a is
/// x·eps^(a - 1) where x < eps and a < 1, so that its slope at 0 is finite. `Overlap`: overlap::iou, giou, diou, ciou
/// or any with `parts`; its constants of the gradient stay such. Throws config_error unless alpha is positive.
///
/// He et al., Alpha-IoU, NeurIPS 2021, section 3.
template <overlap::term Overlap = overlap::iou>
    requires requires(const Overlap& o, box<float> x) { o.parts(x, x); }
struct alpha_iou {
    double alpha = 3;   ///< the power
    Overlap overlap{};  ///< whose own eps is in squared pixels
    double eps = 1e-6;  ///< where a power below 1 turns into a line, no unit

    constexpr void check() const {
        detail::check_parameter("loss::alpha_iou", "alpha", alpha > 0 && alpha <= largest_finite<double>,
                                "finite and positive", alpha);
        detail::check_parameter("loss::alpha_iou", "eps", eps > 0 && eps < 1, "in (0, 1)", eps);
    }

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& prediction, const box<V>& target) const {
        using T = scalar_t<V>;
        const auto parts = overlap.parts(prediction, target);
        constexpr int n = static_cast<int>(sizeof(parts.at) / sizeof(V));
        const T power_of = static_cast<T>(alpha);
        const T chord = power(static_cast<T>(eps), power_of - T(1));
        const auto raised = [&](const V& x) {
            const V y = clamp_min(x, V(T(0)));
            const V r = power(y, power_of);
            return alpha < 1 ? select(y < V(static_cast<T>(eps)), y * V(chord), r) : r;
        };
        V l = V(T(1)) - raised(parts[0]);
        for (int i = 1; i < n; ++i) l = l + raised(parts[i]);
        return l;
    }
};
static_assert(box_term<alpha_iou<>> && box_term<alpha_iou<overlap::giou>>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
