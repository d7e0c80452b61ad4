// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/power.hpp>
#include <boxgrad/loss/term.hpp>
#include <boxgrad/overlap/diou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Efficient IoU loss between a predicted box and its target, [N, 4] each as x1 y1 x2 y2 in pixels: "EIoU" in its
/// paper, a name that mmdetection gives to extended IoU (eiou).
///
///     l = 1 - iou + ρ²/c² + (pw - tw)²/cw² + (ph - th)²/ch²          in [0, 4]
///
/// ρ: distance of the centres; c, cw, ch: diagonal, width and height of the smallest box around both. eps is added to
/// the union and to the squares that divide. Zhang et al., Focal and efficient IOU loss, Neurocomputing 2022
/// (arXiv 2101.08158).
struct efficient_iou {
    double eps = 1e-6;  ///< in squared pixels

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& prediction, const box<V>& target) const {
        const auto x = overlap::diou{eps}.parts(prediction, target);
        const box<V> p = prediction.upright();
        const box<V> t = target.upright();
        const box<V> h = overlap::hull(p, t);
        const auto unlike = [&](const V& a, const V& b, const V& c) {
            return product(a - b, a - b) / overlap::divisor(product(c, c), eps);
        };
        return (V(scalar_t<V>(1)) - x[0]) +
               (x[1] + (unlike(p.width(), t.width(), h.width()) + unlike(p.height(), t.height(), h.height())));
    }
};
static_assert(box_term<efficient_iou>);

/// The efficient IoU loss weighed by the overlap, so that the many bad boxes do not outweigh the few good ones.
///
///     l = iou^gamma · efficient_iou(p, t)          the weight iou^gamma is a constant of the gradient
///
/// Were it not, boxes with iou < gamma·efficient_iou would be driven apart: the loss is 0 where they are. Boxes that are
/// apart have no gradient either way. gamma = 0: efficient_iou. Throws config_error for gamma below 0. Zhang et al., as
/// above.
struct focal_eiou {
    double gamma = 0.5;  ///< the power of the overlap, not negative
    double eps = 1e-6;   ///< in squared pixels

    constexpr void check() const {
        detail::check_parameter("loss::focal_eiou", "gamma", gamma >= 0 && gamma <= largest_finite<double>,
                                "finite and not negative", gamma);
    }

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& prediction, const box<V>& target) const {
        const V l = efficient_iou{eps}(prediction, target);
        const auto u = detach(overlap::basic_iou<overlap::eps_rule::added>{eps}(prediction, target));
        return V(power(u, static_cast<scalar_t<V>>(gamma))) * l;
    }
};
static_assert(box_term<focal_eiou>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
