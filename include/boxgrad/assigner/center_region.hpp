// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/center_region_kernels.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// An assignment and the classes that priors should not be trained against.
template <backend B>
struct center_region_result : result<B> {
    /// [M, 2] = prior, label, image after image: priors in a shadow, by prior, then truth; then priors in the core
    /// of a truth that is not theirs, likewise.
    tensor_t<B, std::int32_t, 2> shadowed_labels;
    std::vector<index> shadowed_offsets;  ///< image b has the rows shadowed_offsets[b] to shadowed_offsets[b + 1]
};

/// The effective regions of FSAF: a prior in the core of a truth is positive, one in the shadow around it is
/// negative, but not against the truth's class.
///
///     core_k      truth k with sides pos_scale times as long about its centre; shadow_k with neg_scale
///     in core     the prior's centre strictly within truth k, and iof(prior, core_k) > min_pos_iof
///     in shadow   not in core, and iof(prior, shadow_k) > min_pos_iof
///     truth       the one of least area whose core the prior is in; equal areas: the lower truth
///     rows        (prior, label of k) for each shadow the prior is in, and for each other core
///     override    a prior with a row of its own truth's class is background; with foreground_dominate it stays
///                 positive and the row falls away
///
/// A prior whose centre lies strictly within an ignored region with sides ignore_gt_scale times as long is
/// `ignored`; its rows stay. A prior that is NaN, infinite or absurd is quarantined and has no rows. `overlap` is
/// the IoU of a prior with its truth. Scratch and result bytes: B·N·(sizeof(T) + 24) + G·(8·sizeof(T) + 4) + 32·B,
/// and 8·M for rows, whose number is known after the first pass.
///
/// Zhu et al., FSAF, CVPR 2019, section 3.1; mmdetection 3.3, CenterRegionAssigner.
struct center_region {
    double pos_scale = 0.2;        ///< > 0
    double neg_scale = 0.5;        ///< > 0
    double min_pos_iof = 1e-2;     ///< in [0, 1)
    double ignore_gt_scale = 0.5;  ///< > 0
    bool foreground_dominate = false;

    /// Assigns the priors of a batch. Shapes: priors [N, 4] or a row source, which all images share, or [B, N, 4];
    /// boxes in pixels. Throws shape_error, config_error, gt_error, size_error.
    template <backend B, detail::image_source_for<B> X>
    center_region_result<B> assign(const B& b, const X& priors, const truth_list<typename B::scalar>& truths,
                                   bad_truth policy = bad_truth::reject) const {
        using T = typename B::scalar;
        const char* op = "center_region::assign";
        check<T>(op);
        const index images = truths.images();
        const auto p = detail::image_boxes(b, priors, images, op, "priors");
        const auto t = boxgrad::detail::upload_truths(b, op, truths, images, boxgrad::detail::any_label, policy);
        const index n = p.size();
        detail::check_sizes(op, images, n, t.size());
        auto truth = b.template make<std::int32_t, 2>(extents<2>{{images, n}});
        auto overlap = b.template make<T, 2>(extents<2>{{images, n}});
        auto owner = b.template make<std::int32_t, 2>(extents<2>{{images, n}});
        auto shadows = b.template make<index, 2>(extents<2>{{images, n}});
        auto cores = b.template make<index, 2>(extents<2>{{images, n}});
        auto total = b.template make<index, 1>(extents<1>{{2 * images}});
        auto scaled = b.template make<T, 2>(extents<2>{{8, t.size()}});
        auto counts = b.template make<std::int32_t, 1>(extents<1>{{detail::count_size(images, t.size())}});

        using P = detail::center_region_problem<lanes_t<B>, std::remove_const_t<decltype(p)>>;
        const auto look = t.look(b);
        const detail::center_region_parts<T> parts{look, as_view<2>(b, scaled, op, "scratch"), pos_scale, neg_scale};
        const P problem{p,
                        parts,
                        look,
                        static_cast<T>(min_pos_iof),
                        ignore_gt_scale,
                        foreground_dominate,
                        as_view<2>(b, truth, op, "truth"),
                        as_view<2>(b, owner, op, "scratch"),
                        as_view<2>(b, shadows, op, "scratch"),
                        as_view<2>(b, cores, op, "scratch"),
                        as_view<1>(b, total, op, "scratch")};
        b.for_each(t.size(), parts);
        b.for_each(images * problem.packs(), detail::center_region_kernel<P>{problem});
        b.for_each(images, detail::center_region_places<P>{problem});

        std::vector<index> offsets{0};
        const auto totals = to_host<1>(b, total);
        for (std::size_t i = 0; i < totals.size(); i += 2)
            offsets.push_back(offsets.back() + totals[i] + totals[i + 1]);
        const auto first = from_host(b, extents<1>{{images}}, offsets.data());
        auto rows = b.template make<std::int32_t, 2>(extents<2>{{offsets.back(), 2}});
        b.for_each(images * problem.packs(),
                   detail::center_region_rows<P>{problem, as_view<2>(b, rows, op, "shadowed_labels"),
                                                 as_const_view<1>(b, first, op, "scratch")});
        detail::write_overlaps(b, p, look, problem.truth, as_view<2>(b, overlap, op, "overlap"));
        return {detail::summarise(b, std::move(truth), std::move(overlap), t, counts), std::move(rows),
                std::move(offsets)};
    }

private:
    template <class T>
    void check(const char* op) const {
        for (const auto& [name, scale] : {std::pair{"pos_scale", pos_scale}, std::pair{"neg_scale", neg_scale},
                                          std::pair{"ignore_gt_scale", ignore_gt_scale}}) {
            boxes::detail::checked_factor<T>(op, name, scale);
        }
        check_parameter(op, "min_pos_iof", min_pos_iof >= 0 && min_pos_iof < 1, "in [0, 1)", min_pos_iof);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
