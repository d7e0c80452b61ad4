// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/region_kernels.hpp>
#include <boxgrad/core/parameter.hpp>

#include <span>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// The location targets of guided anchoring: a prior whose centre lies in the middle of a truth is positive, one around
/// it, or around its place on the levels next to it, is `ignored`.
///
///     level      floor(log2(sqrt(w·h) / (anchor_scale·anchor_strides[0])) + 1/2), within the levels there are
///     region_r   the truth in cells, (1 - r)/2 of its size cut off at each side and rounded (calc_region); bounds
///                are inclusive
///     own level  truths in order: priors whose centre, in cells, lies in region_{ignore_ratio} are `ignored`, those
///                in region_{center_ratio} positive; what a later truth says counts
///     beside     priors with the centre in region_{ignore_ratio} on the level below and above: `ignored`, whatever
///                else they are
///     outside    a prior that is not valid, or leaves the picture by allowed_border or more: `ignored`
///
/// A prior of which an ignored region covers more than ignore_iof_thr is `ignored`; one that is NaN, infinite or
/// absurd is quarantined. `overlap` is the IoU of a prior with its truth. A truth's coordinates count up to 2^51
/// cells. Scratch and result bytes: B·N·(sizeof(T) + 4) + 72·G + B·(2·sizeof(T) + 8).
///
/// Wang et al., Region Proposal by Guided Anchoring, CVPR 2019, section 3.2; mmdetection 3.3, RegionAssigner.
struct region {
    double center_ratio = 0.2;  ///< in [0, 1]
    double ignore_ratio = 0.5;  ///< in [0, 1]
    double anchor_scale = 4;    ///< > 0; the finest level's anchors are this many strides wide
    per_level<double> anchor_strides{4, 8, 16, 32, 64};
    double allowed_border = 0;    ///< pixels; negative: no test
    double ignore_iof_thr = 0.5;  ///< share of a prior; not above 0: off

    /// Assigns the priors of a batch, one a cell, level by level. Shapes: priors [N, 4] or a row source, which all
    /// images share, or [B, N, 4]; valid_flags [N] or [B, N] of uint8; a size (h, w) of each level; a picture each
    /// image. Throws shape_error, config_error, gt_error, size_error.
    template <backend B, detail::image_source_for<B> X, detail::flags_for<B> Y>
    result<B> assign(const B& b, const X& priors, const Y& valid_flags, const per_level<featmap_size>& featmap_sizes,
                     std::span<const image_shape> img_shapes, const truth_list<typename B::scalar>& truths,
                     bad_truth policy = bad_truth::reject) const {
        using T = typename B::scalar;
        using V = lanes_t<B>;
        const char* op = "region::assign";
        check(op);
        const index images = truths.images();
        const auto p = detail::image_boxes(b, priors, images, op, "priors");
        const index n = p.size();
        const auto flags = detail::image_flags(b, valid_flags, images, n, op);
        check(op, featmap_sizes, n);
        if (static_cast<index>(img_shapes.size()) != images) {
            raise(shape_error(
                complaint(op, "img_shapes", std::to_string(images) + " images", std::to_string(img_shapes.size()))));
        }
        const auto t = boxgrad::detail::upload_truths(b, op, truths, images, boxgrad::detail::any_label, policy);
        detail::check_sizes(op, images, n, t.size());
        const auto places = upload_places(b, truths, t.kept, featmap_sizes);
        const auto sizes = upload_pictures(b, img_shapes);
        auto truth = b.template make<std::int32_t, 2>(extents<2>{{images, n}});
        auto overlap = b.template make<T, 2>(extents<2>{{images, n}});
        auto counts = b.template make<std::int32_t, 1>(extents<1>{{detail::count_size(images, t.size())}});
        per_level<T> strides;
        for (const double s : anchor_strides) strides.push_back(static_cast<T>(s));
        const auto look = t.look(b);
        const auto out = as_view<2>(b, truth, op, "truth");
        b.for_each(images * packs_of<V>(n), detail::region_kernel<V, std::remove_const_t<decltype(p)>>{
                                                p, look, flags, as_const_view<2>(b, places, op, "scratch"),
                                                as_const_view<2>(b, sizes, op, "scratch"), featmap_sizes, strides,
                                                static_cast<T>(allowed_border), static_cast<T>(ignore_iof_thr), out});
        detail::write_overlaps(b, p, look, out, as_view<2>(b, overlap, op, "overlap"));
        return detail::summarise(b, std::move(truth), std::move(overlap), t, counts);
    }

private:
    void check(const char* op) const {
        check_parameter(op, "center_ratio", center_ratio >= 0 && center_ratio <= 1, "in [0, 1]", center_ratio);
        check_parameter(op, "ignore_ratio", ignore_ratio >= 0 && ignore_ratio <= 1, "in [0, 1]", ignore_ratio);
        check_positive(op, "anchor_scale", anchor_scale);
        for (const double s : anchor_strides) check_positive(op, "anchor_strides", s);
        check_not_nan(op, "ignore_iof_thr", ignore_iof_thr);
        check_not_nan(op, "allowed_border", allowed_border);
    }
    void check(const char* op, const per_level<featmap_size>& sizes, index priors) const {
        if (sizes.size() != anchor_strides.size() || sizes.empty()) {
            raise(shape_error(complaint(op, "featmap_sizes",
                                        std::to_string(anchor_strides.size()) + " levels, at least one",
                                        std::to_string(sizes.size()))));
        }
        index cells = 0;
        for (const featmap_size& s : sizes) {
            prior::detail::check_size(op, s);
            cells += s.cells();
        }
        if (cells != priors) {
            raise(shape_error(complaint(op, "priors", std::to_string(cells) + ", one a cell", std::to_string(priors))));
        }
    }
    /// floor(log2(sqrt(share)) + 1/2) = floor((floor(log2(share)) + 1) / 2), without a logarithm that rounds.
    int level_of(const box<double>& g) const {
        const double anchor = anchor_scale * anchor_strides[0];
        const double share = std::min(g.width() / anchor * (g.height() / anchor), 1e300);
        const int twice = share > 0 ? std::ilogb(share) + 1 : -1;
        const int level = twice < 0 ? 0 : twice / 2;
        return level < anchor_strides.size() ? level : anchor_strides.size() - 1;
    }
    /// Columns of detail::region_places, one a truth.
    template <class B>
    auto upload_places(const B& b, const truth_list<typename B::scalar>& truths, const std::vector<index>& kept,
                       const per_level<featmap_size>& sizes) const {
        using P = detail::region_places;
        const auto n = kept.size();
        std::vector<std::int32_t> rows(P::rows * n);
        for (std::size_t g = 0; g < n; ++g) {
            const auto& r = truths.boxes[static_cast<std::size_t>(kept[g])];
            const box<double> t{static_cast<double>(r[0]), static_cast<double>(r[1]), static_cast<double>(r[2]),
                                static_cast<double>(r[3])};
            const int level = level_of(t);
            const auto put = [&](int at, int l, double ratio) {
                if (l < 0 || l >= sizes.size()) return;
                const prior::region c = prior::calc_region(in_cells(t, anchor_strides[l]), (1 - ratio) / 2, sizes[l]);
                const index bounds[] = {c.x1, c.y1, c.x2, c.y2};
                for (int k = 0; k < 4; ++k) {
                    rows[static_cast<std::size_t>(at + k) * n + g] = static_cast<std::int32_t>(bounds[k]);
                }
            };
            rows[g] = level;
            put(P::center, level, center_ratio);
            for (int beside = -1; beside <= 1; ++beside)
                put(P::around + 4 * (beside + 1), level + beside, ignore_ratio);
        }
        return from_host(b, extents<2>{{static_cast<index>(P::rows), static_cast<index>(n)}}, rows.data());
    }
    static box<double> in_cells(const box<double>& g, double stride) {
        const auto cell = [&](double x) { return std::clamp(x / stride, -0x1p51, 0x1p51); };
        return {cell(g.x1), cell(g.y1), cell(g.x2), cell(g.y2)};
    }
    template <class B>
    static auto upload_pictures(const B& b, std::span<const image_shape> shapes) {
        std::vector<typename B::scalar> sizes;
        for (const image_shape& s : shapes) {
            sizes.push_back(static_cast<typename B::scalar>(s.w));
            sizes.push_back(static_cast<typename B::scalar>(s.h));
        }
        return from_host(b, extents<2>{{static_cast<index>(shapes.size()), 2}}, sizes.data());
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
