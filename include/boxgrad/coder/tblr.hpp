// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/coder/coder.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::coder {

/// Distances from a centre to the sides of a box, in this order.
template <class V>
struct top_bottom_left_right {
    V top, bottom, left, right;
};
template <class V>
top_bottom_left_right(V, V, V, V) -> top_bottom_left_right<V>;

/// The box coder of FSAF: distances from the prior's centre to the sides, in prior sizes.
///
///     encode   t = (py - y1)/ph    b = (y2 - py)/ph    l = (px - x1)/pw    r = (x2 - px)/pw     each / normalizer
///     decode   y1 = py - t·ph      y2 = py + b·ph      x1 = px - l·pw      x2 = px + r·pw
///
/// with the prior's centre (px, py) and size pw, ph in pixels; without `normalize_by_wh` they do not
/// divide. The gradient of decode is ∓ normalizer times the size; 0 beyond the border.
///
/// Zhu et al., FSAF, CVPR 2019; mmdetection 3.3, TBLRBBoxCoder.
struct tblr {
    template <class V>
    using prior_of = box<V>;
    template <class V>
    using code_of = top_bottom_left_right<V>;

    double normalizer[4] = {4, 4, 4, 4};  ///< of top, bottom, left, right
    bool clip_border = true;              ///< whether decode clips boxes to a picture that is given
    bool normalize_by_wh = true;

    constexpr void check() const {
        for (const double n : normalizer) {
            check_parameter("tblr", "normalizer", n > 0 && n < infinity<double>, "positive", n);
        }
    }

    template <plain_number V>
    BOXGRAD_FN constexpr top_bottom_left_right<V> encode(const box<V>& p, const box<V>& b) const {
        const auto [cx, cy, w, h] = detail::center_and_unit(p, normalize_by_wh);
        return {(cy - b.y1) / h / by<V>(0), (b.y2 - cy) / h / by<V>(1), (cx - b.x1) / w / by<V>(2),
                (b.x2 - cx) / w / by<V>(3)};
    }

    template <number V>
    BOXGRAD_FN constexpr box<V> decode(const box<base_t<V>>& p, const top_bottom_left_right<V>& c) const {
        const auto [cx, cy, w, h] = detail::center_and_unit(p, normalize_by_wh);
        return {V(cx) - product(c.left * by<V>(2), V(w)), V(cy) - product(c.top * by<V>(0), V(h)),
                V(cx) + product(c.right * by<V>(3), V(w)), V(cy) + product(c.bottom * by<V>(1), V(h))};
    }

private:
    template <class V>
    BOXGRAD_FN constexpr V by(int side) const {
        return V(static_cast<scalar_t<V>>(normalizer[side]));
    }
};
static_assert(box_coder<tblr>);

}  // namespace boxgrad::inline BOXGRAD_ABI::coder
