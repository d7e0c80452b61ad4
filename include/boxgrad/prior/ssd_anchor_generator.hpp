// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/parameter.hpp>
#include <boxgrad/prior/detail/base_anchors.hpp>
#include <boxgrad/prior/grid.hpp>

namespace boxgrad::inline BOXGRAD_ABI::prior {

/// Anchors of SSD: around the middle of each cell, for R ratios of a level, a small square, a square of
/// size √(min·max), and for each ratio r two boxes of 1/r and r, r = height / width.
///
///     sizes of a level: min_sizes and max_sizes, or spread evenly over basesize_ratio_range of
///     input_size, which is then 300 or 512 (Liu et al., SSD, ECCV 2016, equation 4, as rounded by
///     mmdetection)
///
/// Of mmdetection's base anchors, generated in `order`, the first 2R + 1 are kept, and the one after them
/// second: with ratio_fastest, which every published configuration sets, that is the large square. The
/// class's default, scale_fastest, keeps an odd subset; it is the default here as well. torchvision's
/// default boxes are those of `default_box_generator`.
///
/// mmdetection 3.3, SSDAnchorGenerator and, with `legacy`, LegacySSDAnchorGenerator.
template <anchor_convention Convention = anchor_convention::half_open>
struct basic_ssd_anchor_generator {
    per_level<stride> strides{};                   ///< pixels a cell
    per_level<numbers> ratios{};                   ///< height / width, a list a level
    per_level<double> min_sizes{}, max_sizes{};    ///< pixels, one a level; neither or both
    double basesize_ratio_range[2] = {0.15, 0.9};  ///< of input_size
    int input_size = 300;                          ///< pixels
    anchor_order order = anchor_order::scale_fastest;

    static constexpr int columns = 4;

    constexpr int num_levels() const { return strides.size(); }
    constexpr int num_base_priors(int level) const { return 2 + 2 * ratios[level].size(); }

    /// The anchors around the first cell of a level, in pixels.
    template <real T>
    constexpr base_anchor_list<T> base_anchors(int level) const {
        const auto [smallest, largest] = sizes_of(level);
        numbers shapes{1};
        for (const double r : ratios[level]) {
            shapes.push_back(1 / r);
            shapes.push_back(r);
        }
        const double minus = Convention == anchor_convention::legacy ? 1 : 0;
        const stride s = strides[level];
        const auto all =
            detail::boxes_around<T>(Convention, anchor_rounding::none, (s.w - minus) / 2, (s.h - minus) / 2, smallest,
                                    {1, detail::square_root(largest / smallest)}, shapes, order);
        base_anchor_list<T> kept;
        for (int i = 0; i < shapes.size(); ++i) {
            kept.push_back(all[i]);
            if (i == 0) kept.push_back(all[shapes.size()]);
        }
        return kept;
    }

    /// The anchors of a level: `grid[i]`, or a row source.
    template <real T>
    constexpr anchor_grid<T> grid(int level, featmap_size size) const {
        return {base_anchors<T>(level), strides[level], size};
    }

private:
    struct range {
        double smallest, largest;
    };

    constexpr range sizes_of(int level) const {
        const char* op = "ssd_anchor_generator";
        const int levels = num_levels();
        detail::check_level_index(op, level, levels);
        if (ratios.size() != levels) {
            raise(config_error(
                complaint(op, "ratios", std::to_string(levels) + " lists", std::to_string(ratios.size()))));
        }
        if (min_sizes.empty() != max_sizes.empty()) {
            raise(config_error(complaint(op, "max_sizes", "given with min_sizes", "one of them")));
        }
        for (const double r : ratios[level]) check_positive(op, "ratios", r);
        if (!min_sizes.empty()) {
            detail::check_count(op, "min_sizes", min_sizes.size(), levels);
            detail::check_count(op, "max_sizes", max_sizes.size(), levels);
            check_positive(op, "min_sizes", min_sizes[level]);
            check_positive(op, "max_sizes", max_sizes[level]);
            return {min_sizes[level], max_sizes[level]};
        }
        return spread(level);
    }

    /// Percentages of the input, as whole numbers; the first level lies below the range.
    constexpr range spread(int level) const {
        const char* op = "ssd_anchor_generator";
        if (!(basesize_ratio_range[0] > 0 && basesize_ratio_range[0] < basesize_ratio_range[1] &&
              basesize_ratio_range[1] <= 1)) {
            raise(config_error(complaint(
                op, "basesize_ratio_range", "rising within (0, 1]",
                "(" + std::to_string(basesize_ratio_range[0]) + ", " + std::to_string(basesize_ratio_range[1]) + ")")));
        }
        const int low = static_cast<int>(basesize_ratio_range[0] * 100);
        const int high = static_cast<int>(basesize_ratio_range[1] * 100);
        const auto pixels = [&](int percent) { return static_cast<double>(input_size * percent / 100); };
        if (num_levels() < 3) raise(config_error(complaint(op, "strides", "3 levels or more, or sizes", "fewer")));
        int first_low = 0;
        int first_high = 0;
        if (input_size == 300 && basesize_ratio_range[0] == 0.15) {
            first_low = 7;
            first_high = 15;
        } else if (input_size == 300 && basesize_ratio_range[0] == 0.2) {
            first_low = 10;
            first_high = 20;
        } else if (input_size == 512 && basesize_ratio_range[0] == 0.1) {
            first_low = 4;
            first_high = 10;
        } else if (input_size == 512 && basesize_ratio_range[0] == 0.15) {
            first_low = 7;
            first_high = 15;
        } else {
            raise(config_error(
                complaint(op, "input_size", "300 with a range from 0.15 or 0.2, or 512 with one from 0.1 or 0.15",
                          std::to_string(input_size) + " with " + std::to_string(basesize_ratio_range[0]))));
        }
        if (level == 0) return {pixels(first_low), pixels(first_high)};
        const int step = (high - low) / (num_levels() - 2);
        const int percent = low + (level - 1) * step;
        return {pixels(percent), pixels(percent + step)};
    }
};

using ssd_anchor_generator = basic_ssd_anchor_generator<>;
/// Of mmdetection 1.x: corners are inclusive pixels, rounded.
using legacy_ssd_anchor_generator = basic_ssd_anchor_generator<anchor_convention::legacy>;
static_assert(generator<ssd_anchor_generator> && generator<legacy_ssd_anchor_generator>);

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
