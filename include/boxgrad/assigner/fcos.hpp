// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/states.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// Distances in pixels from `lower` to `upper`, both included.
struct regress_range {
    double lower = 0, upper = infinity<double>;
};

namespace detail {

/// Where levels end and which distances they take.
template <class T>
struct level_ranges {
    index end[max_levels];
    T lower[max_levels], upper[max_levels];

    /// The range of each of the points i to i + count.
    template <plain_number V>
    BOXGRAD_FN void at(index i, int count, V& low, V& high) const {
        T l[static_cast<std::size_t>(width_v<V>)]{};
        T h[static_cast<std::size_t>(width_v<V>)]{};
        int level = 0;
        for (int k = 0; k < count; ++k) {
            while (end[level] <= i + k) ++level;
            l[k] = lower[level];
            h[k] = upper[level];
        }
        low = load<V>(l, 1, width_v<V>);
        high = load<V>(h, 1, width_v<V>);
    }
};

/// Each point takes the smallest of the truths that hold it and suit its level.
template <class V, class Points>
struct fcos_kernel {
    using T = scalar_t<V>;
    Points points;
    boxgrad::detail::truth_view<T> truths;
    level_ranges<T> levels;
    bool center_sampling;
    T radius;
    view<std::int32_t, 2> truth;
    view<T, 2> overlap;

    BOXGRAD_FN void operator()(index n) const {
        const index packs = packs_of<V>(points.size());
        const index b = n / packs;
        const index i = n % packs * width_v<V>;
        const int count = rows_left<V>(points.size(), i);
        const prior::point<V> p = points.template at<V>(b, i, count);
        const std::int32_t free = write_states<V>(truth, b, i, count, is_sane(p), is_ignored(truths, b, p.x, p.y));
        store(V(T(0)), &overlap(b, i), overlap.stride[1], count);
        V low, high;
        levels.at(i, count, low, high);
        V least(largest);
        for (index g = truths.offset(b); g < truths.offset(b + 1); ++g) {
            const box<T> t = truths.at(g);
            const box<V> x = spread<V>(t);
            const V side = max(max(p.x - x.x1, p.y - x.y1), max(x.x2 - p.x, x.y2 - p.y));
            const V area(t.area());
            const mask_t<V> better = is_within(p.x, p.y, region(t, p)) && side >= low && side <= high && area < least;
            if (!any(better)) continue;
            least = select(better, area, least);
            const std::int32_t bits = lane_bits(better) & free;
            for (int l = 0; l < count; ++l) {
                if ((bits >> l & 1) != 0) truth(b, i + l) = static_cast<std::int32_t>(g - truths.offset(b));
            }
        }
    }

private:
    static constexpr T largest = infinity<T>;

    /// The truth, or what of it lies within `radius` strides of its centre.
    BOXGRAD_FN box<V> region(const box<T>& t, const prior::point<V>& p) const {
        const box<V> x = spread<V>(t);
        if (!center_sampling) return x;
        const V cx((t.x1 + t.x2) * T(0.5));
        const V cy((t.y1 + t.y2) * T(0.5));
        const V rx = product(p.sx, V(radius));
        const V ry = product(p.sy, V(radius));
        return {max(cx - rx, x.x1), max(cy - ry, x.y1), min(cx + rx, x.x2), min(cy + ry, x.y2)};
    }
};

}  // namespace detail

/// FCOS: a point belongs to the smallest of the truths that hold it and whose sides are as far away as its
/// level may regress.
///
///     d          (x - x1, y - y1, x2 - x, y2 - y), distances to the sides of a truth
///     holds      min(d) > 0; with center_sampling, the same for the part of the truth within
///                center_sample_radius strides of its centre
///     suits      lower <= max(d) <= upper, the range of the point's level
///     truth      the one of least area that holds and suits; equal areas: the lower truth
///
/// A point strictly within an ignored region is `ignored`. A point that is NaN, infinite or absurd is
/// quarantined. Overlaps are 0: points have none. Scratch and result bytes: B·N·(sizeof(T) + 4) + 8·B + 4·G.
///
/// Tian et al., FCOS, ICCV 2019, sections 3.1 and 3.2; mmdetection 3.3, FCOSHead.get_targets.
struct fcos {
    /// A range a level, in pixels.
    per_level<regress_range> regress_ranges{{-1, 64}, {64, 128}, {128, 256}, {256, 512}, {512, infinity<double>}};
    bool center_sampling = false;
    double center_sample_radius = 1.5;  ///< in strides; > 0

    /// Assigns the points of a batch. Shapes: points [N, 4] = x, y, stride across, stride down, or a row source,
    /// which all images share, or [B, N, 4]; [.., 2] = x, y with strides of 1. `level_sizes`: how many points each
    /// level has, in order. Throws shape_error, config_error, gt_error, size_error.
    template <backend B, detail::image_source_for<B> X>
    result<B> assign(const B& b, const X& points, const per_level<index>& level_sizes,
                     const truth_list<typename B::scalar>& truths, bad_truth policy = bad_truth::reject) const {
        using T = typename B::scalar;
        using V = lanes_t<B>;
        const char* op = "fcos::assign";
        check(op);
        const index images = truths.images();
        const auto p = detail::image_points(b, points, images, op, "points");
        const auto levels = ranges<T>(op, level_sizes, p.size());
        const auto t = boxgrad::detail::upload_truths(b, op, truths, images, boxgrad::detail::any_label, policy);
        detail::check_sizes(op, images, p.size(), t.size());
        auto truth = b.template make<std::int32_t, 2>(extents<2>{{images, p.size()}});
        auto overlap = b.template make<T, 2>(extents<2>{{images, p.size()}});
        auto counts = b.template make<std::int32_t, 1>(extents<1>{{detail::count_size(images, t.size())}});
        using kernel = detail::fcos_kernel<V, std::remove_const_t<decltype(p)>>;
        b.for_each(images * packs_of<V>(p.size()),
                   kernel{p, t.look(b), levels, center_sampling, static_cast<T>(center_sample_radius),
                          as_view<2>(b, truth, op, "truth"), as_view<2>(b, overlap, op, "overlap")});
        return detail::summarise(b, std::move(truth), std::move(overlap), t, counts);
    }

private:
    void check(const char* op) const {
        check_positive(op, "center_sample_radius", center_sample_radius);
        for (const regress_range& r : regress_ranges) {
            if (!(r.lower <= r.upper)) {
                raise(config_error(complaint(op, "regress_ranges", "lower <= upper",
                                             "(" + std::to_string(r.lower) + ", " + std::to_string(r.upper) + ")")));
            }
        }
    }
    template <class T>
    detail::level_ranges<T> ranges(const char* op, const per_level<index>& sizes, index points) const {
        if (sizes.size() != regress_ranges.size()) {
            raise(shape_error(complaint(op, "level_sizes", std::to_string(regress_ranges.size()) + " levels",
                                        std::to_string(sizes.size()))));
        }
        detail::level_ranges<T> r{};
        index end = 0;
        for (int l = 0; l < sizes.size(); ++l) {
            if (sizes[l] < 0)
                raise(shape_error(complaint(op, "level_sizes", "not negative", std::to_string(sizes[l]))));
            end += sizes[l];
            r.end[l] = end;
            r.lower[l] = static_cast<T>(regress_ranges[l].lower);
            r.upper[l] = static_cast<T>(regress_ranges[l].upper);
        }
        if (end != points) {
            raise(shape_error(
                complaint(op, "level_sizes", std::to_string(points) + " points in all", std::to_string(end))));
        }
        return r;
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
