// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/coder/coder.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::coder {

/// Distances from a point to the sides of a box, in this order.
template <class V>
struct left_top_right_bottom {
    V left, top, right, bottom;
};
template <class V>
left_top_right_bottom(V, V, V, V) -> left_top_right_bottom<V>;

/// The box coder of FCOS, GFL and RTMDet: distances from a point to the sides of a box, in pixels.
///
///     encode   l = x - x1    t = y - y1    r = x2 - x    b = y2 - y      with max_dis in [0, max_dis - eps]
///     decode   x1 = x - l    y1 = y - t    x2 = x + r    y2 = y + b
///
/// Distances are negative for a point outside of the box, unless max_dis is given. Priors are points
/// [N, 2], or [N, 4] whose strides are not read. The gradient of decode is ∓1; 0 beyond the border.
///
/// Tian et al., FCOS, ICCV 2019, equation 1; mmdetection 3.3, DistancePointBBoxCoder, bbox2distance and
/// distance2bbox.
struct distance_point {
    template <class V>
    using prior_of = prior::point<V>;
    template <class V>
    using code_of = left_top_right_bottom<V>;
    static constexpr bool needs_strides = false;

    bool clip_border = true;            ///< whether decode clips boxes to a picture that is given
    double max_dis = infinity<double>;  ///< pixels; infinity: none
    double eps = 0.1;                   ///< pixels below max_dis, so that a distance falls into a bin

    constexpr void check() const {
        check_parameter("distance_point", "max_dis", max_dis >= eps, "at least eps", max_dis);
    }

    template <plain_number V>
    BOXGRAD_FN constexpr left_top_right_bottom<V> encode(const prior::point<V>& p, const box<V>& b) const {
        const bool bounded = max_dis < infinity<double>;
        const V zero(scalar_t<V>(0));
        const V largest(static_cast<scalar_t<V>>(max_dis - eps));
        const auto within = [&](V d) { return bounded ? clamp_max(clamp_min(d, zero), largest) : d; };
        return {within(p.x - b.x1), within(p.y - b.y1), within(b.x2 - p.x), within(b.y2 - p.y)};
    }

    template <number V>
    BOXGRAD_FN constexpr box<V> decode(const prior::point<base_t<V>>& p, const left_top_right_bottom<V>& c) const {
        return {V(p.x) - c.left, V(p.y) - c.top, V(p.x) + c.right, V(p.y) + c.bottom};
    }
};
static_assert(box_coder<distance_point>);

}  // namespace boxgrad::inline BOXGRAD_ABI::coder
