// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/parameter.hpp>
#include <boxgrad/prior/detail/base_anchors.hpp>

namespace boxgrad::inline BOXGRAD_ABI::prior {

/// Cells from (x1, y1) to (x2, y2).
struct region {
    index x1 = 0, y1 = 0, x2 = 0, y2 = 0;
    friend constexpr bool operator==(const region&, const region&) = default;
};

/// The region of a box that is left when `ratio` of its size is cut off at each side, in whole cells:
///
///     x1' = round((1 - r)·x1 + r·x2)     x2' = round(r·x1 + (1 - r)·x2)     y likewise, halves to even
///
/// The box is in cells; coordinates have to be finite, as those of truths are. mmdetection 3.3,
/// calc_region (guided anchoring).
constexpr region calc_region(const box<double>& b, double ratio) {
    const double limit = 0x1p52;
    if (!(b.x1 >= -limit && b.x1 <= limit && b.y1 >= -limit && b.y1 <= limit && b.x2 >= -limit && b.x2 <= limit &&
          b.y2 >= -limit && b.y2 <= limit)) {
        raise(config_error("calc_region: a coordinate is not a number of cells"));
    }
    check_parameter("calc_region", "ratio", ratio >= 0 && ratio <= 1, "in [0, 1]", ratio);
    const auto mix = [](double x, double share, double y) {
        return static_cast<index>(detail::round_half_to_even((1 - share) * x + share * y));
    };
    return {mix(b.x1, ratio, b.x2), mix(b.y1, ratio, b.y2), mix(b.x2, ratio, b.x1), mix(b.y2, ratio, b.y1)};
}
/// The same, within a feature map: coordinates in [0, w] and [0, h].
constexpr region calc_region(const box<double>& b, double ratio, featmap_size size) {
    const region r = calc_region(b, ratio);
    const auto within = [](index x, index end) { return x < 0 ? 0 : x > end ? end : x; };
    return {within(r.x1, size.w), within(r.y1, size.h), within(r.x2, size.w), within(r.y2, size.h)};
}

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
