// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/point_kernels.hpp>
#include <boxgrad/core/parameter.hpp>

#include <algorithm>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// RepPoints' first stage: each truth takes the points nearest to its centre, on the level that suits its size.
///
///     level      of a point trunc(log2(stride)); of a truth trunc((log2(w/scale) + log2(h/scale)) / 2), moved
///                between the lowest and the highest level of the points
///     distance   |((x - cx)/w, (y - cy)/h)|, with w and h at least 1e-6
///     picks      the pos_num points of the level at the least distance; all where there are fewer
///     conflict   a point that several truths pick goes to the nearest; equal distances: the lower truth
///
/// Equal distances to one truth: the lower point. A point strictly within an ignored region is `ignored`. A point
/// that is NaN, infinite or absurd, or whose stride is not above 0, is quarantined. Overlaps are 0: points have
/// none. Scratch and result bytes: B·N·(sizeof(T) + 4) + 2·B·blocks·sizeof(T) + G·(k·(sizeof(T) + 4) + 8) + 8·B,
/// blocks = N/1024 rounded up, k = min(pos_num, N).
///
/// Yang et al., RepPoints, ICCV 2019, section 4.2; mmdetection 3.3, PointAssigner.
struct point {
    double scale = 4;  ///< > 0; the side in pixels of a truth on level 0
    int pos_num = 3;   ///< > 0

    /// Assigns the points of a batch. Shapes: points [N, 3] = x, y, stride, which all images share, or [B, N, 3];
    /// [.., 4] = x, y, stride across, stride down, of which the first counts; or a row source of points. Throws
    /// shape_error, config_error, gt_error, size_error.
    template <backend B, detail::image_source_for<B> X>
    result<B> assign(const B& b, const X& points, const truth_list<typename B::scalar>& truths,
                     bad_truth policy = bad_truth::reject) const {
        using T = typename B::scalar;
        const char* op = "point::assign";
        check(op);
        const index images = truths.images();
        const auto p = detail::image_strided_points(b, points, images, op, "points");
        const auto t = boxgrad::detail::upload_truths(b, op, truths, images, boxgrad::detail::any_label, policy);
        const index n = p.size();
        const index g = t.size();
        detail::check_sizes(op, images, n, g);
        const int k = static_cast<int>(std::min<index>(pos_num, n));
        checked_product(op, g, k);
        using P = detail::point_problem<lanes_t<B>, std::remove_const_t<decltype(p)>>;
        const index blocks = (n + P::block - 1) / P::block;
        auto truth = b.template make<std::int32_t, 2>(extents<2>{{images, n}});
        auto overlap = b.template make<T, 2>(extents<2>{{images, n}});
        auto levels = b.template make<T, 2>(extents<2>{{images, 2 * blocks}});
        auto distance = b.template make<T, 2>(extents<2>{{g, k}});
        auto pick = b.template make<std::int32_t, 2>(extents<2>{{g, k}});
        auto picks = b.template make<std::int32_t, 1>(extents<1>{{g}});
        auto counts = b.template make<std::int32_t, 1>(extents<1>{{detail::count_size(images, g)}});
        const P problem{p,
                        t.look(b),
                        static_cast<T>(scale),
                        k,
                        as_view<2>(b, truth, op, "truth"),
                        as_view<2>(b, overlap, op, "overlap"),
                        as_view<2>(b, levels, op, "scratch"),
                        as_view<2>(b, distance, op, "scratch"),
                        as_view<2>(b, pick, op, "scratch"),
                        as_view<1>(b, picks, op, "scratch")};
        b.for_each(images * blocks, detail::point_levels<P>{problem});
        b.for_each(g, detail::point_picks<P>{problem});
        b.for_each(images, detail::point_conflicts<P>{problem});
        b.for_each(images * n, detail::no_overlap<T>{problem.overlap});
        return detail::summarise(b, std::move(truth), std::move(overlap), t, counts);
    }

private:
    void check(const char* op) const {
        check_positive(op, "scale", scale);
        check_count(op, "pos_num", pos_num);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
