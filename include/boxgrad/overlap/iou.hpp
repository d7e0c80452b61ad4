// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/rows.hpp>

namespace boxgrad::inline BOXGRAD_ABI::overlap {

/// An overlap of two boxes, written over a number. One that is IoU less penalties has `parts(a, b)` as well:
/// the IoU, then each penalty.
template <class O>
concept term = requires(const O& o, box<float> f, box<dual<float, 4>> d) {
    { o(f, f) } -> std::same_as<float>;
    { o(d, d) } -> std::same_as<dual<float, 4>>;
};

/// The smallest divisor of the scale-invariant form: eps = 0 asks for it (promise P6).
template <class V>
BOXGRAD_FN constexpr V floor_of(double eps) {
    using T = scalar_t<V>;
    return V(eps > 0 ? static_cast<T>(eps) : smallest_normal<T>);
}

/// Where a published form puts the eps that keeps it from dividing by 0. With eps = 0 all are the same.
enum class eps_rule {
    floor,  ///< max(union, eps): mmdetection's iou, iof, giou
    added,  ///< union + eps: mmdetection's other losses, torchvision's losses
    none,   ///< not in the union: torchvision's pairwise functions
    sides   ///< union + eps, of boxes whose heights are larger by eps: ultralytics, where boxes are corners
};

/// Areas that two boxes share and cover.
template <class V>
struct areas {
    V intersection, first, second;

    /// The boxes have to be upright. `taller` is added to heights where areas are taken of one box.
    BOXGRAD_FN constexpr areas(const box<V>& a, const box<V>& b, V taller = V(scalar_t<V>(0)))
        : intersection(product(side(a.x1, a.x2, b.x1, b.x2), side(a.y1, a.y2, b.y1, b.y2))),
          first(product(a.width(), a.height() + taller)),
          second(product(b.width(), b.height() + taller)) {}
    BOXGRAD_FN constexpr V joint() const { return first + second - intersection; }

private:
    BOXGRAD_FN static constexpr V side(V a1, V a2, V b1, V b2) {
        return clamp_min(min(a2, b2) - max(a1, b1), V(scalar_t<V>(0)));
    }
};

/// x as a divisor: x + eps, or x, and never 0.
template <class V>
BOXGRAD_FN constexpr V divisor(const V& x, double eps) {
    using T = scalar_t<V>;
    return clamp_min(eps > 0 ? x + V(static_cast<T>(eps)) : x, V(smallest_normal<T>));
}

/// x / (y + eps), or x / y; 0 where there is nothing to divide by, whose gradient would be infinite.
template <class V>
BOXGRAD_FN constexpr V quotient(const V& x, const V& y, double eps) {
    using T = scalar_t<V>;
    const V q = x / divisor(y, eps);
    return eps > 0 ? q : select(y < V(smallest_normal<T>), V(T(0)), q);
}

/// The union as a divisor, and the overlap that it gives.
template <eps_rule Rule, class V>
struct ratio {
    V joint, iou;

    /// The boxes have to be upright.
    BOXGRAD_FN constexpr ratio(const box<V>& a, const box<V>& b, double eps) {
        const areas<V> s(a, b, V(Rule == eps_rule::sides ? static_cast<scalar_t<V>>(eps) : scalar_t<V>(0)));
        if constexpr (Rule == eps_rule::floor) {
            joint = max(s.joint(), floor_of<V>(eps));
        } else {
            joint = divisor(s.joint(), Rule == eps_rule::none ? 0.0 : eps);
        }
        iou = s.intersection / joint;
        if (!(eps > 0) || Rule == eps_rule::none) {
            using T = scalar_t<V>;
            iou = select(s.joint() < V(smallest_normal<T>), V(T(0)), iou);
        }
    }
};

/// The smallest box around two.
template <class V>
BOXGRAD_FN constexpr box<V> hull(const box<V>& a, const box<V>& b) {
    return {min(a.x1, b.x1), min(a.y1, b.y1), max(a.x2, b.x2), max(a.y2, b.y2)};
}

/// Intersection over union.
///
///     iou(a, b) = |a ∩ b| / max(|a ∪ b|, eps)               in [0, 1], symmetric
///
/// A box of negative width or height has area 0 (promise P5). eps = 0: no floor but the smallest
/// normal number, invariant under scale (promise P6). Areas are in squared pixels, and so is eps.
///
/// mmdetection 3.3, bbox_overlaps, mode "iou"; other rules: see eps_rule.
template <eps_rule Rule = eps_rule::floor>
struct basic_iou {
    double eps = 1e-6;

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& a, const box<V>& b) const {
        return ratio<Rule, V>(a.upright(), b.upright(), eps).iou;
    }
    template <number V>
    BOXGRAD_FN constexpr fields<V, 1> parts(const box<V>& a, const box<V>& b) const {
        return {{(*this)(a, b)}};
    }
};
using iou = basic_iou<>;

/// Intersection over union of boxes whose corners are inclusive pixels: every side counts one more.
/// mmdetection 3.3, BboxOverlaps2D_GLIP.
struct inclusive_iou {
    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& a, const box<V>& b) const {
        const V one(scalar_t<V>(1));
        const auto half_open = [&](const box<V>& x) { return box<V>{x.x1, x.y1, x.x2 + one, x.y2 + one}.upright(); };
        return ratio<eps_rule::none, V>(half_open(a), half_open(b), 0).iou;
    }
};

/// Intersection over the first box ("foreground").
///
///     iof(a, b) = |a ∩ b| / max(|a|, eps)                   in [0, 1]
///
/// mmdetection 3.3, bbox_overlaps, mode "iof".
struct iof {
    double eps = 1e-6;

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& a, const box<V>& b) const {
        const areas<V> s(a.upright(), b.upright());
        const V shared = s.intersection + (s.second - s.second);  // NaN where the second box is
        return eps > 0 ? shared / max(s.first, floor_of<V>(eps)) : quotient(shared, s.first, 0);
    }
};

/// Generalised intersection over union.
///
///     u = max(|a ∪ b|, eps)
///     v = max(|h|, eps)                                     h: the smallest box around both
///     giou(a, b) = |a ∩ b| / u - (v - u) / v
///
/// In [-1, 1]; falls as disjoint boxes move apart. Rezatofighi et al., CVPR 2019, algorithm 1;
/// mmdetection 3.3, bbox_overlaps, mode "giou"; other rules: see eps_rule, with v = |h| + eps.
template <eps_rule Rule = eps_rule::floor>
struct basic_giou {
    double eps = 1e-6;

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& p, const box<V>& q) const {
        const fields<V, 2> x = parts(p, q);
        const V r = x[0] - x[1];
        if constexpr (Rule == eps_rule::floor || Rule == eps_rule::added) {
            return r;
        } else {
            // Flat boxes that are taller by eps may cover more than their hull.
            return clamp_max(r, V(scalar_t<V>(1)));
        }
    }
    template <number V>
    BOXGRAD_FN constexpr fields<V, 2> parts(const box<V>& p, const box<V>& q) const {
        const box<V> a = p.upright();
        const box<V> b = q.upright();
        const ratio<Rule, V> r(a, b, eps);
        const V area = hull(a, b).area();
        if constexpr (Rule == eps_rule::floor) {
            const V v = max(area, floor_of<V>(eps));
            return {{r.iou, (v - r.joint) / v}};
        } else if constexpr (Rule == eps_rule::added) {
            // The reference adds eps to the divisors only.
            return {{r.iou, quotient(area - areas<V>(a, b).joint(), area, eps)}};
        } else {
            const V v = divisor(area, Rule == eps_rule::none ? 0.0 : eps);
            return {{r.iou, (v - r.joint) / v}};
        }
    }
};
using giou = basic_giou<>;

static_assert(term<iou> && term<iof> && term<giou>);

}  // namespace boxgrad::inline BOXGRAD_ABI::overlap
