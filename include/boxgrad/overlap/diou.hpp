// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/overlap/iou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::overlap {

/// Squared distance of the centres over the squared diagonal of the hull.
///
///     ((ax1 + ax2 - bx1 - bx2)² + (ay1 + ay2 - by1 - by2)²) / 4 / (w² + h² + eps)         in [0, 1]
template <class V>
BOXGRAD_FN constexpr V centre_distance(const box<V>& a, const box<V>& b, double eps) {
    const V quarter(scalar_t<V>(0.25));
    const box<V> h = hull(a, b);
    const V dx = (b.x1 - a.x1) + (b.x2 - a.x2);
    const V dy = (b.y1 - a.y1) + (b.y2 - a.y2);
    const auto square = [](const V& x) { return product(x, x); };
    return (square(dx) + square(dy)) * quarter / divisor(square(h.width()) + square(h.height()), eps);
}

/// Distance intersection over union.
///
///     diou(a, b) = |a ∩ b| / (|a ∪ b| + eps) - ρ² / (c² + eps)
///
/// ρ: distance of the centres, c: diagonal of the smallest box around both. In [-1, 1], symmetric; tells
/// nested boxes apart, where GIoU is IoU. eps is added to squared pixels; 0: scale-invariant (promise P6).
/// Zheng et al., Distance-IoU loss, AAAI 2020, equation 5; mmdetection 3.3, diou_loss.
template <eps_rule Rule = eps_rule::added>
struct basic_diou {
    double eps = 1e-6;

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& p, const box<V>& q) const {
        const fields<V, 2> x = parts(p, q);
        return x[0] - x[1];
    }
    template <number V>
    BOXGRAD_FN constexpr fields<V, 2> parts(const box<V>& p, const box<V>& q) const {
        const box<V> a = p.upright();
        const box<V> b = q.upright();
        return {{ratio<Rule, V>(a, b, eps).iou, centre_distance(a, b, eps)}};
    }
};
using diou = basic_diou<>;

/// The weight of CIoU's aspect term. It is a constant of the gradient in every form.
enum class alpha_rule {
    gated,  ///< v / (1 - iou + v) where iou > 1/2, else 0; heights + eps; clamped to [-1, 1]: mmdetection
    /// v / (1 - iou + v + eps) everywhere: torchvision, ultralytics; heights are at least eps, so that flat
    /// boxes have a gradient.
    plain
};

namespace detail {

/// atan(w / h) of sizes that are not negative, by the quotient that is at most 1.
template <class V>
BOXGRAD_FN constexpr V aspect_angle(const V& w, const V& h) {
    using T = scalar_t<V>;
    const auto wide = h < w;
    const V q = select(wide, h, w) / clamp_min(select(wide, w, h), V(smallest_normal<T>));
    const V angle = atan(q);
    return select(wide, V(static_cast<T>(1.57079632679489661923)) - angle, angle);
}

}  // namespace detail

/// Complete intersection over union.
///
///     v = 4/π²·(atan(bw/bh) - atan(aw/ah))²      α = v / (1 - iou + v) where iou > 1/2, else 0
///     ciou(a, b) = diou(a, b) - α·v              clamped to [-1, 1]
///
/// α is a constant of the gradient. Identical boxes give 1 in float as well, where mmdetection's α is 0/0.
/// eps is in squared pixels in union and diagonal, in pixels in heights. Zheng et al., AAAI 2020, equations
/// 8 to 10; mmdetection 3.3, ciou_loss.
template <alpha_rule Alpha = alpha_rule::gated, eps_rule Rule = eps_rule::added>
struct basic_ciou {
    double eps = 1e-6;

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& p, const box<V>& q) const {
        const fields<V, 3> x = parts(p, q);
        const V r = x[0] - (x[1] + x[2]);
        const V one(scalar_t<V>(1));
        if constexpr (Alpha == alpha_rule::gated) return clamp_max(clamp_min(r, -one), one);
        return r;
    }
    template <number V>
    BOXGRAD_FN constexpr fields<V, 3> parts(const box<V>& p, const box<V>& q) const {
        using T = scalar_t<V>;
        using P = base_t<V>;
        const P one(T(1));
        const P zero(T(0));
        const box<V> a = p.upright();
        const box<V> b = q.upright();
        const V overlap = ratio<Rule, V>(a, b, eps).iou;
        const auto height = [&](const box<V>& x) {
            constexpr bool plus = Alpha == alpha_rule::gated || Rule == eps_rule::sides;
            const V e(static_cast<T>(eps));
            return plus ? x.height() + e : clamp_min(x.height(), e);
        };
        const V turn = detail::aspect_angle(b.width(), height(b)) - detail::aspect_angle(a.width(), height(a));
        const V v = product(V(static_cast<T>(0.40528473456935108578)), turn * turn);
        const P u = detach(overlap);
        P alpha = detach(v) / divisor(clamp_min(one - u, zero) + detach(v), Alpha == alpha_rule::gated ? 0.0 : eps);
        if constexpr (Alpha == alpha_rule::gated) alpha = select(u > P(T(0.5)), alpha, zero);
        // Where α is 0 the angle's gradient does not count, however large.
        const V aspect = select(alpha == zero, V(zero), product(V(alpha), v));
        return {{overlap, centre_distance(a, b, eps), aspect}};
    }
};
using ciou = basic_ciou<>;

static_assert(term<diou> && term<ciou>);

}  // namespace boxgrad::inline BOXGRAD_ABI::overlap
