// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/box.hpp>

namespace boxgrad::inline BOXGRAD_ABI::overlap {

/// An overlap of two boxes, written over a number.
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

/// Areas that two boxes share and cover.
template <class V>
struct areas {
    V intersection, first, second;

    BOXGRAD_FN constexpr areas(const box<V>& a, const box<V>& b)
        : intersection(side(a.x1, a.x2, b.x1, b.x2) * side(a.y1, a.y2, b.y1, b.y2)),
          first(a.area()),
          second(b.area()) {}
    BOXGRAD_FN constexpr V joint() const { return first + second - intersection; }

private:
    BOXGRAD_FN static constexpr V side(V a1, V a2, V b1, V b2) {
        return clamp_min(min(a2, b2) - max(a1, b1), V(scalar_t<V>(0)));
    }
};

/// Intersection over union.
///
///     iou(a, b) = |a ∩ b| / max(|a ∪ b|, eps)               in [0, 1], symmetric
///
/// A box of negative width or height has area 0 (promise P5). eps = 0: no floor but the smallest
/// normal number, invariant under scale (promise P6). Areas are in squared pixels, and so is eps.
///
/// mmdetection 3.3, bbox_overlaps, mode "iou".
struct iou {
    double eps = 1e-6;

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& a, const box<V>& b) const {
        const areas<V> s(a.upright(), b.upright());
        return s.intersection / max(s.joint(), floor_of<V>(eps));
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
        return s.intersection / max(s.first, floor_of<V>(eps));
    }
};

/// Generalised intersection over union.
///
///     u = max(|a ∪ b|, eps)
///     v = max(|h|, eps)                                     h: the smallest box around both
///     giou(a, b) = |a ∩ b| / u - (v - u) / v
///
/// In [-1, 1]; falls as disjoint boxes move apart. Rezatofighi et al., CVPR 2019, algorithm 1;
/// mmdetection 3.3, bbox_overlaps, mode "giou".
struct giou {
    double eps = 1e-6;

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& p, const box<V>& q) const {
        const box<V> a = p.upright();
        const box<V> b = q.upright();
        const areas<V> s(a, b);
        const V u = max(s.joint(), floor_of<V>(eps));
        const box<V> h{min(a.x1, b.x1), min(a.y1, b.y1), max(a.x2, b.x2), max(a.y2, b.y2)};
        const V hull = max(h.area(), floor_of<V>(eps));
        return s.intersection / u - (hull - u) / hull;
    }
};

static_assert(term<iou> && term<iof> && term<giou>);

}  // namespace boxgrad::inline BOXGRAD_ABI::overlap
