// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Which priors lie in an ignored region of their image.

#include <boxgrad/core/truths.hpp>
#include <boxgrad/overlap/iou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// Points strictly within an ignored region of image b.
template <plain_number V, class T>
BOXGRAD_FN mask_t<V> is_ignored(const boxgrad::detail::truth_view<T>& truths, index b, V x, V y) {
    mask_t<V> in = V(T(1)) < V(T(0));
    for (index r = truths.ignored_offset(b); r < truths.ignored_offset(b + 1); ++r) {
        const box<T> g = truths.region(r);
        in = in || (x > V(g.x1) && x < V(g.x2) && y > V(g.y1) && y < V(g.y2));
    }
    return in;
}

/// Boxes of which a region covers more than `threshold` (`of_box`), or of which a region has more than
/// that share of itself. No threshold above 0: none.
template <plain_number V, class T>
BOXGRAD_FN mask_t<V> is_ignored(const boxgrad::detail::truth_view<T>& truths, index b, const box<V>& x, T threshold,
                                bool of_box = true) {
    mask_t<V> in = V(T(1)) < V(T(0));
    if (!(threshold > T(0))) return in;
    for (index r = truths.ignored_offset(b); r < truths.ignored_offset(b + 1); ++r) {
        const box<T> g = truths.region(r);
        const box<V> region{V(g.x1), V(g.y1), V(g.x2), V(g.y2)};
        const V share = of_box ? overlap::iof{}(x, region) : overlap::iof{}(region, x);
        in = in || share > V(threshold);
    }
    return in;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
