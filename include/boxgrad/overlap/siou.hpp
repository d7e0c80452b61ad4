// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/overlap/iou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::overlap {

/// The sign of the exponent in SIoU's distance cost.
enum class siou_distance {
    paper,    ///< 1 - e^(-γρ): grows with the distance; mmdetection's `neg_gamma = True`
    inverted  ///< 1 - e^(γρ): mmdetection's default, which rewards distance
};

/// SCYLLA intersection over union.
///
///     sx, sy = distance of the centres, across and down, + eps
///     Λ = 2·t / (1 + t²), t = smaller / larger of |sx|, |sy|             sin of twice the angle
///     Δ = Σ 1 - e^(-(2 - Λ)·(s/c)²)                                      c: width, height of the hull
///     Ω = Σ (1 - e^(-|wa - wb| / max(wa, wb)))⁴                          widths, then heights
///     siou(a, b) = |a ∩ b| / (|a ∪ b| + eps) - (Δ + Ω)/2                 clamped to [-1, 1]
///
/// eps is in squared pixels in the union, else in pixels; it breaks the symmetry by as much. 0:
/// scale-invariant (promise P6). Gevorgyan, SIoU loss, 2022; mmdetection 3.3, siou_loss.
template <siou_distance Distance = siou_distance::paper>
struct basic_siou {
    double eps = 1e-6;

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& p, const box<V>& q) const {
        using T = scalar_t<V>;
        const V one(T(1));
        const V half(T(0.5));
        const V e(static_cast<T>(eps));
        const box<V> a = p.upright();
        const box<V> b = q.upright();
        const box<V> h = hull(a, b);
        const V sx = ((b.x1 - a.x1) + (b.x2 - a.x2)) * half + e;
        const V sy = ((b.y1 - a.y1) + (b.y2 - a.y2)) * half + e;
        // By the smaller over the larger: squares of tiny boxes vanish.
        const V t = min(abs(sx), abs(sy)) / divisor(max(abs(sx), abs(sy)), 0);
        const V angle = V(T(2)) * t / (one + product(t, t));
        const V gamma = Distance == siou_distance::paper ? angle - V(T(2)) : V(T(2)) - angle;
        const auto far = [&](const V& s, const V& side) {
            const V r = s / clamp_min(side, floor_of<V>(eps));
            return one - exp(gamma * (r * r));
        };
        const auto unlike = [&](const V& s, const V& u) {
            const V d = one - exp(-(abs(s - u) / divisor(max(s, u), 0)));
            return product(d * d, d * d);
        };
        const V distance = far(sx, h.width()) + far(sy, h.height());
        const V shape = unlike(a.width(), b.width()) + unlike(a.height() + e, b.height() + e);
        const V r = ratio<eps_rule::added, V>(a, b, eps).iou - (distance + shape) * half;
        return clamp_max(clamp_min(r, V(-one)), V(one));
    }
};
using siou = basic_siou<>;
static_assert(term<siou>);

}  // namespace boxgrad::inline BOXGRAD_ABI::overlap
