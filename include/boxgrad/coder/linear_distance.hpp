// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/coder/distance_point.hpp>

namespace boxgrad::inline BOXGRAD_ABI::coder {

/// Which distances decode takes.
enum class distance_sign {
    not_negative,  ///< negative ones count as 0, gradient 0 below: detectron2
    any            ///< torchvision
};

/// The linear box coder: distances from the prior's centre to the sides, in prior sizes.
///
///     encode   l = (px - x1)/pw    t = (py - y1)/ph    r = (x2 - px)/pw    b = (y2 - py)/ph
///     decode   x1 = px - l·pw      y1 = py - t·ph      x2 = px + r·pw      y2 = py + b·ph
///
/// with the prior's centre (px, py) and size pw, ph in pixels; without `normalize_by_size` they do not
/// divide.
///
/// detectron2, Box2BoxTransformLinear; torchvision, BoxLinearCoder, with distance_sign::any.
struct linear_distance {
    template <class V>
    using prior_of = box<V>;
    template <class V>
    using code_of = left_top_right_bottom<V>;

    bool normalize_by_size = true;
    distance_sign sign = distance_sign::not_negative;

    template <plain_number V>
    BOXGRAD_FN constexpr left_top_right_bottom<V> encode(const box<V>& p, const box<V>& b) const {
        const auto [cx, cy, w, h] = detail::center_and_unit(p, normalize_by_size);
        return {(cx - b.x1) / w, (cy - b.y1) / h, (b.x2 - cx) / w, (b.y2 - cy) / h};
    }

    template <number V>
    BOXGRAD_FN constexpr box<V> decode(const box<base_t<V>>& p, const left_top_right_bottom<V>& c) const {
        const auto [cx, cy, w, h] = detail::center_and_unit(p, normalize_by_size);
        return {V(cx) - product(taken(c.left), V(w)), V(cy) - product(taken(c.top), V(h)),
                V(cx) + product(taken(c.right), V(w)), V(cy) + product(taken(c.bottom), V(h))};
    }

private:
    /// Of PyTorch's relu: no gradient at 0.
    template <number V>
    BOXGRAD_FN constexpr V taken(const V& d) const {
        const V zero(scalar_t<V>(0));
        return sign == distance_sign::any ? d : select(d <= zero, zero, d);
    }
};
static_assert(box_coder<linear_distance>);

}  // namespace boxgrad::inline BOXGRAD_ABI::coder
