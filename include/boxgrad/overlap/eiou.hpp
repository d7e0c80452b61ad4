// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/overlap/iou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::overlap {

/// Extended intersection over union: the intersection of disjoint boxes is negative, so their overlap has a
/// slope.
///
///     i = |[e, m]| + |[e, n]| - |[e, (kx, ny)]| - |[e, (nx, ky)]|         areas of boxes from corner e, with
///     e = least of all x1, y1          k = max of both x1, y1        m = min of both x2, y2
///     n = min(k, m) in the second area, max(k, m) in the others       by coordinate
///     eiou(a, b) = i / (|a| + |b| - i + eps)                             in (-1, 1], symmetric
///
/// For boxes that overlap it is IoU. eps is in squared pixels; 0: scale-invariant (promise P6). Peng and Yu,
/// A systematic IoU-related method, TIP 2021; mmdetection 3.3, eiou_loss.
struct eiou {
    double eps = 1e-6;

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& p, const box<V>& q) const {
        const box<V> a = p.upright();
        const box<V> b = q.upright();
        const V ex = min(a.x1, b.x1);
        const V ey = min(a.y1, b.y1);
        const V kx = max(a.x1, b.x1);
        const V ky = max(a.y1, b.y1);
        const V mx = min(a.x2, b.x2);
        const V my = min(a.y2, b.y2);
        // The four areas cancel where boxes are far from their common corner: the same by gaps and common sides.
        const V zero(scalar_t<V>(0));
        const V gaps = product(max(ky - my, zero), (mx - ex) + (kx - ex)) + product(max(kx - mx, zero), (my - ey) + (ky - ey));
        const V i = product(max(mx - kx, zero), max(my - ky, zero)) - gaps;
        return quotient(i, a.area() + b.area() - i, eps);
    }
};
static_assert(term<eiou>);

}  // namespace boxgrad::inline BOXGRAD_ABI::overlap
