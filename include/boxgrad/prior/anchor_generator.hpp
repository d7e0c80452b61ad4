// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/parameter.hpp>
#include <boxgrad/prior/detail/base_anchors.hpp>
#include <boxgrad/prior/grid.hpp>

#include <optional>

namespace boxgrad::inline BOXGRAD_ABI::prior {

/// A point in pixels, across and down.
struct centre {
    double x = 0, y = 0;
};

/// Anchors of RPN, RetinaNet and their kin: boxes of every size and ratio around each cell.
///
///     height = size·√ratio      width = size/√ratio         ratio = height / width
///     size = base_size·scale    base_size: the smaller stride where not given
///
/// Scales are given as a list, or by octaves: octave_base_scale·2^(i / scales_per_octave), 0 <= i <
/// scales_per_octave. `sizes` gives the sizes of each level instead. Priors are numbered cell by cell;
/// `base_anchors<T>(level)` and `grid<T>(level, size)` work in constant expressions as well. As tensors
/// by the functions of grid.hpp, which throw config_error for parameters that contradict one another.
///
/// mmdetection 3.3, AnchorGenerator and, with `legacy`, LegacyAnchorGenerator; detectron2,
/// DefaultAnchorGenerator; torchvision, AnchorGenerator.
template <anchor_convention Convention = anchor_convention::half_open>
struct basic_anchor_generator {
    per_level<stride> strides{};                ///< pixels a cell
    numbers ratios{};                           ///< height / width
    numbers scales{};                           ///< of the base size
    std::optional<double> octave_base_scale{};  ///< with scales_per_octave: instead of scales
    std::optional<int> scales_per_octave{};
    per_level<double> base_sizes{};  ///< pixels, one a level
    per_level<numbers> sizes{};      ///< pixels, a list a level: instead of base sizes and scales
    anchor_order order = anchor_order::scale_fastest;
    anchor_rounding rounding = anchor_rounding::none;
    per_level<centre> centers{};  ///< of the first cell, pixels, one a level
    /// Where there is no centre: in base sizes, or with `sizes` in strides; 0 to 1.
    double center_offset = 0;

    static constexpr int columns = 4;

    /// detectron2's DefaultAnchorGenerator: ratios run fastest, cells are hit in their middle.
    static constexpr basic_anchor_generator detectron2(const per_level<numbers>& sizes, const numbers& aspect_ratios,
                                                       const per_level<stride>& strides, double offset = 0.5) {
        basic_anchor_generator g;
        g.strides = strides;
        g.ratios = aspect_ratios;
        g.sizes = sizes;
        g.order = anchor_order::ratio_fastest;
        g.center_offset = offset;
        return g;
    }
    /// torchvision's AnchorGenerator: sizes run fastest, corners are rounded, halves to even. Its strides are
    /// picture / feature map, rounded down: `torchvision_strides`.
    static constexpr basic_anchor_generator torchvision(const per_level<numbers>& sizes, const numbers& aspect_ratios,
                                                        const per_level<stride>& strides) {
        basic_anchor_generator g;
        g.strides = strides;
        g.ratios = aspect_ratios;
        g.sizes = sizes;
        g.rounding = anchor_rounding::half_to_even;
        return g;
    }

    constexpr int num_levels() const { return strides.size(); }
    constexpr int num_base_priors(int level) const {
        return ratios.size() * (sizes.empty() ? scale_count() : sizes[level].size());
    }

    /// The anchors around the first cell of a level, in pixels.
    template <real T>
    constexpr base_anchor_list<T> base_anchors(int level) const {
        check(level);
        const stride s = strides[level];
        const double base = base_sizes.empty() ? (s.w < s.h ? s.w : s.h) : base_sizes[level];
        const numbers of_level = sizes.empty() ? all_scales() : sizes[level];
        const double unit = sizes.empty() ? base : 1;
        for (const double x : of_level) check_positive("anchor_generator", "scales", x);
        const double plus = Convention == anchor_convention::legacy ? 1 : 0;
        centre c =
            centers.empty() ? centre{center_offset * (base - plus), center_offset * (base - plus)} : centers[level];
        if (!sizes.empty() && centers.empty()) c = {center_offset * (s.w - plus), center_offset * (s.h - plus)};
        return detail::boxes_around<T>(Convention, rounding, c.x, c.y, unit, of_level, ratios, order);
    }

    /// The anchors of a level: `grid[i]`, or a row source.
    template <real T>
    constexpr anchor_grid<T> grid(int level, featmap_size size) const {
        return {base_anchors<T>(level), strides[level], size};
    }

private:
    constexpr int scale_count() const { return scales.empty() ? scales_per_octave.value_or(0) : scales.size(); }

    constexpr numbers all_scales() const {
        if (!scales.empty()) return scales;
        numbers r;
        for (int i = 0; i < *scales_per_octave; ++i) {
            r.push_back(*octave_base_scale * detail::power_of_two(i, *scales_per_octave));
        }
        return r;
    }

    constexpr void check(int level) const {
        const char* op = "anchor_generator";
        const bool octaves = octave_base_scale || scales_per_octave;
        if (octaves && !(octave_base_scale && scales_per_octave && *scales_per_octave > 0)) {
            raise(config_error(
                complaint(op, "octave_base_scale", "given with a positive scales_per_octave", "one of them")));
        }
        if (int{!scales.empty()} + int{octaves} + int{!sizes.empty()} != 1) {
            raise(config_error(complaint(op, "scales", "one of scales, octaves and sizes", "none or several")));
        }
        if (ratios.empty()) raise(config_error(complaint(op, "ratios", "a list", "none")));
        if (!(center_offset >= 0 && center_offset <= 1)) {
            raise(config_error(complaint(op, "center_offset", "in [0, 1]", std::to_string(center_offset))));
        }
        if (!centers.empty() && center_offset != 0) {
            raise(config_error(
                complaint(op, "center_offset", "0 where centers are given", std::to_string(center_offset))));
        }
        detail::check_count(op, "centers", centers.size(), num_levels());
        detail::check_count(op, "base_sizes", base_sizes.size(), num_levels());
        detail::check_count(op, "sizes", sizes.size(), num_levels());
        detail::check_level_index(op, level, num_levels());
        for (const double r : ratios) check_positive(op, "ratios", r);
        for (const numbers& of_level : sizes) {
            for (const double s : of_level) check_positive(op, "sizes", s);
        }
        for (const centre& c : centers) {
            if (!(c.x - c.x == 0 && c.y - c.y == 0)) raise(config_error(complaint(op, "centers", "finite", "another")));
        }
        for (const double s : base_sizes) check_positive(op, "base_sizes", s);
    }
};

using anchor_generator = basic_anchor_generator<>;
/// Of mmdetection 1.x: corners are inclusive pixels, rounded.
using legacy_anchor_generator = basic_anchor_generator<anchor_convention::legacy>;
static_assert(generator<anchor_generator> && generator<legacy_anchor_generator>);

/// The strides that torchvision derives from a picture and the sizes of its feature maps.
constexpr per_level<stride> torchvision_strides(featmap_size image, const per_level<featmap_size>& sizes) {
    per_level<stride> r;
    for (const featmap_size s : sizes) {
        if (s.h <= 0 || s.w <= 0) raise(shape_error("torchvision_strides: a feature map without cells"));
        r.push_back({static_cast<double>(image.w / s.w), static_cast<double>(image.h / s.h)});
    }
    return r;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
