// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/dual.hpp>
#include <boxgrad/core/levels.hpp>

namespace boxgrad::inline BOXGRAD_ABI {

/// Two corners in pixels, x to the right, y downwards. Half open: the width is x2 - x1.
template <class V>
struct box {
    V x1, y1, x2, y2;

    /// The box as every overlap sees it: a negative width or height counts as none (promise P5).
    BOXGRAD_FN constexpr box upright() const { return {x1, y1, clamp_min(x2, x1), clamp_min(y2, y1)}; }
    BOXGRAD_FN constexpr V width() const { return x2 - x1; }
    BOXGRAD_FN constexpr V height() const { return y2 - y1; }
    BOXGRAD_FN constexpr V area() const { return product(width(), height()); }
};
template <class V>
box(V, V, V, V) -> box<V>;

/// Coordinates beyond this are treated as not finite: areas and their sums then stay finite
/// (promises P7 and P17).
template <real T>
inline constexpr T largest_coordinate = sizeof(T) == 4 ? T(0x1p60) : T(0x1p500);

template <plain_number V>
BOXGRAD_FN constexpr mask_t<V> is_sane(const box<V>& b) {
    const V limit(largest_coordinate<scalar_t<V>>);
    return abs(b.x1) <= limit && abs(b.y1) <= limit && abs(b.x2) <= limit && abs(b.y2) <= limit;
}

/// Constants as a number with derivatives.
template <class V>
BOXGRAD_FN constexpr box<V> as_constants(const box<base_t<V>>& b) {
    return {V(b.x1), V(b.y1), V(b.x2), V(b.y2)};
}

/// The corners as the four independent variables of a dual.
template <plain_number V>
BOXGRAD_FN constexpr box<dual<V, 4>> as_variables(const box<V>& b) {
    using D = dual<V, 4>;
    return {D::variable(b.x1, 0), D::variable(b.y1, 1), D::variable(b.x2, 2), D::variable(b.y2, 3)};
}

/// The box within a picture, corners moved onto its border. A corner's gradient passes at the border
/// and is 0 beyond it.
template <number V>
BOXGRAD_FN constexpr box<V> clip(const box<V>& b, const image_shape& image) {
    using T = scalar_t<V>;
    const V zero(T(0));
    const V w(static_cast<T>(image.w));
    const V h(static_cast<T>(image.h));
    return {clamp_max(clamp_min(b.x1, zero), w), clamp_max(clamp_min(b.y1, zero), h),
            clamp_max(clamp_min(b.x2, zero), w), clamp_max(clamp_min(b.y2, zero), h)};
}

}  // namespace boxgrad::inline BOXGRAD_ABI
