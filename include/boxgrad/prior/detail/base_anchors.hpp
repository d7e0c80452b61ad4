// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/math.hpp>
#include <boxgrad/core/parameter.hpp>
#include <boxgrad/prior/anchor_grid.hpp>

namespace boxgrad::inline BOXGRAD_ABI::prior {

/// How a base anchor of size w lies around its centre.
enum class anchor_convention {
    half_open,  ///< centre ∓ w/2
    legacy      ///< centre ∓ (w - 1)/2, rounded, halves to even: mmdetection 1.x
};

/// Which of sizes and ratios changes from one base anchor to the next.
enum class anchor_order {
    scale_fastest,  ///< mmdetection's `scale_major = True`; torchvision
    ratio_fastest   ///< mmdetection's `scale_major = False`; detectron2
};

enum class anchor_rounding {
    none,
    half_to_even  ///< corners of base anchors become whole numbers: torchvision
};

namespace detail {

/// √x, rounded correctly, in constant expressions and at run time alike.
constexpr double square_root(double x) {
    if (!__builtin_is_constant_evaluated()) return sqrt(x);
    if (!(x > 0)) return x == 0 ? 0 : not_a_number<double>;
    double scale = 1;
    for (; x < 0.25; x *= 4) scale *= 0.5;
    for (; x >= 1; x *= 0.25) scale *= 2;
    double r = 0.75;
    for (int i = 0; i < 6; ++i) r = 0.5 * (r + x / r);
    // r² - x without rounding, by parts of 26 bits.
    const double shifted = r * 0x1.0000002p27;
    const double high = shifted - (shifted - r);
    const double low = r - high;
    const double error = ((high * high - x) + 2 * high * low) + low * low;
    return (r - error / (2 * r)) * scale;
}

/// 2^(i / n) for i < n.
constexpr double power_of_two(int i, int n) {
    return i == 0 ? 1 : exp(static_cast<double>(i) / static_cast<double>(n) * 0.693147180559945309417);
}

constexpr double round_half_to_even(double x) {
    constexpr double whole = 0x1p52;  // beyond it there are no fractions
    if (x < 0) return -round_half_to_even(-x);
    return x < whole ? (x + whole) - whole : x;
}

template <real T>
constexpr box<T> box_around(anchor_convention convention, anchor_rounding rounding, double cx, double cy, double w,
                            double h) {
    const bool legacy = convention == anchor_convention::legacy;
    const double reach_x = 0.5 * (legacy ? w - 1 : w);
    const double reach_y = 0.5 * (legacy ? h - 1 : h);
    const auto corner = [&](double x) {
        return static_cast<T>(legacy || rounding == anchor_rounding::half_to_even ? round_half_to_even(x) : x);
    };
    return {corner(cx - reach_x), corner(cy - reach_y), corner(cx + reach_x), corner(cy + reach_y)};
}

/// A box for every scale and ratio.
template <real T>
constexpr base_anchor_list<T> boxes_around(anchor_convention convention, anchor_rounding rounding, double cx, double cy,
                                           double unit, const numbers& scales, const numbers& ratios,
                                           anchor_order order) {
    base_anchor_list<T> r;
    const auto add = [&](double scale, double ratio) {
        const double root = square_root(ratio);
        r.push_back(box_around<T>(convention, rounding, cx, cy, unit * (1 / root) * scale, unit * root * scale));
    };
    if (order == anchor_order::scale_fastest) {
        for (const double ratio : ratios) {
            for (const double scale : scales) add(scale, ratio);
        }
    } else {
        for (const double scale : scales) {
            for (const double ratio : ratios) add(scale, ratio);
        }
    }
    return r;
}

constexpr void check_level_index(const char* op, int level, int levels) {
    if (level < 0 || level >= levels) {
        raise(shape_error(complaint(op, "level", "in [0, " + std::to_string(levels) + ")", std::to_string(level))));
    }
}
/// A list that is given has a value for every level.
constexpr void check_count(const char* op, const char* argument, int count, int levels) {
    if (count != 0 && count != levels) {
        raise(config_error(
            complaint(op, argument, std::to_string(levels) + " values, one a level", std::to_string(count))));
    }
}

}  // namespace detail

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
