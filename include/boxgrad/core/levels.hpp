// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/error.hpp>

#include <initializer_list>

namespace boxgrad::inline BOXGRAD_ABI {

/// The most levels of a feature pyramid that one call takes.
inline constexpr int max_levels = 8;

/// One value a level: `per_level<stride>{8, 16, 32}`. Lives in registers and kernel arguments.
template <class T>
struct per_level {
    T at[max_levels]{};
    int count = 0;

    constexpr per_level() = default;
    constexpr per_level(std::initializer_list<T> values) {
        for (const T& v : values) push_back(v);
    }
    constexpr void push_back(const T& v) {
        if (count == max_levels) raise(config_error("per_level: more than 8 levels"));
        at[count++] = v;
    }
    BOXGRAD_FN constexpr const T& operator[](int level) const { return at[level]; }
    BOXGRAD_FN constexpr T& operator[](int level) { return at[level]; }
    BOXGRAD_FN constexpr int size() const { return count; }
    BOXGRAD_FN constexpr const T* begin() const { return at; }
    BOXGRAD_FN constexpr const T* end() const { return at + count; }
};

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

}  // namespace boxgrad::inline BOXGRAD_ABI
