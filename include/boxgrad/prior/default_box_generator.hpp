// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/parameter.hpp>
#include <boxgrad/prior/detail/base_anchors.hpp>
#include <boxgrad/prior/grid.hpp>

namespace boxgrad::inline BOXGRAD_ABI::prior {

/// torchvision's default boxes of SSD. With s_k the scale of level k, as a fraction of the picture, and
/// pairs (w, h) of it, in this order:
///
///     (s_k, s_k)    (√(s_k·s_{k+1}), √(s_k·s_{k+1}))    for each ratio r: (s_k·√r, s_k/√r), (s_k/√r, s_k·√r)
///
/// each at most the whole picture where `clip`, around the middle of each cell. `strides` are its `steps`,
/// or the picture divided by the feature map where it has none.
///
/// Liu et al., SSD, ECCV 2016, section 2.2; torchvision 0.14, DefaultBoxGenerator. As tensors by the
/// functions of grid.hpp.
struct default_box_generator {
    per_level<stride> strides{};         ///< pixels a cell
    per_level<numbers> aspect_ratios{};  ///< a list a level, without 1
    inplace_vector<double, 9> scales{};  ///< one more than levels; none: even from min_ratio to max_ratio, then 1
    double min_ratio = 0.15, max_ratio = 0.9;
    bool clip = true;      ///< sizes only; boxes may still leave the picture
    featmap_size image{};  ///< pixels (h, w)

    static constexpr int columns = 4;

    constexpr int num_levels() const { return strides.size(); }
    constexpr int num_base_priors(int level) const { return 2 + 2 * aspect_ratios[level].size(); }

    /// The boxes around the first cell of a level, in pixels.
    template <real T>
    constexpr base_anchor_list<T> base_anchors(int level) const {
        const char* op = "default_box_generator";
        detail::check_level_index(op, level, num_levels());
        if (aspect_ratios.size() != num_levels()) {
            raise(config_error(complaint(op, "aspect_ratios", std::to_string(num_levels()) + " lists, one a level",
                                         std::to_string(aspect_ratios.size()))));
        }
        if (!scales.empty() && scales.size() != num_levels() + 1) {
            raise(config_error(complaint(op, "scales", "one more than levels", std::to_string(scales.size()))));
        }
        if (image.h <= 0 || image.w <= 0) {
            raise(config_error(complaint(op, "image", "positive",
                                         "(" + std::to_string(image.h) + ", " + std::to_string(image.w) + ")")));
        }
        for (const double x : scales) check_positive(op, "scales", x);
        check_positive(op, "min_ratio", min_ratio);
        check_positive(op, "max_ratio", max_ratio);
        base_anchor_list<T> r;
        const auto add = [&](double w, double h) {
            const auto within = [&](double x) { return clip ? (x < 0 ? 0 : x > 1 ? 1 : x) : x; };
            r.push_back(detail::box_around<T>(anchor_convention::half_open, anchor_rounding::none, strides[level].w / 2,
                                              strides[level].h / 2, within(w) * static_cast<double>(image.w),
                                              within(h) * static_cast<double>(image.h)));
        };
        const double s = scale(level);
        const double between = detail::square_root(s * scale(level + 1));
        add(s, s);
        add(between, between);
        for (const double ratio : aspect_ratios[level]) {
            check_positive(op, "aspect_ratios", ratio);
            const double root = detail::square_root(ratio);
            add(s * root, s / root);
            add(s / root, s * root);
        }
        return r;
    }

    /// The boxes of a level: `grid[i]`, or a row source.
    template <real T>
    constexpr anchor_grid<T> grid(int level, featmap_size size) const {
        return {base_anchors<T>(level), strides[level], size};
    }

private:
    constexpr double scale(int k) const {
        if (!scales.empty()) return scales[k];
        if (k == num_levels()) return k == 1 ? max_ratio : 1;
        return num_levels() == 1 ? min_ratio : min_ratio + (max_ratio - min_ratio) * k / (num_levels() - 1.0);
    }
};
static_assert(generator<default_box_generator>);

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
