// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/inplace_vector.hpp>
#include <boxgrad/core/number.hpp>

namespace boxgrad::inline BOXGRAD_ABI {

/// The most levels of a feature pyramid that one call takes.
inline constexpr int max_levels = 8;

/// One value a level: `per_level<stride>{8, 16, 32}`.
template <class T>
using per_level = inplace_vector<T, max_levels>;

/// Pixels from one cell to the next, across and down. One number: a square stride.
struct stride {
    double w = 0, h = 0;

    constexpr stride() = default;
    constexpr stride(double s) : w(s), h(s) {}  // NOLINT(google-explicit-constructor)
    constexpr stride(double across, double down) : w(across), h(down) {}
};

/// Cells of a feature map, in the reference's order: (h, w).
struct featmap_size {
    index h = 0, w = 0;
    BOXGRAD_FN constexpr index cells() const { return h * w; }
};

/// Height and width of a picture in pixels, in the reference's order: (h, w). By default unbounded.
struct image_shape {
    double h = infinity<double>;
    double w = infinity<double>;
};
constexpr bool is_bounded(const image_shape& s) { return s.h < infinity<double> || s.w < infinity<double>; }

}  // namespace boxgrad::inline BOXGRAD_ABI
