// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/uniform_kernels.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// An assignment and the picks that it comes from. Image b with G_b truths has the entries from 2·match_times·
/// offsets[b] on: (k, [nearest predictions | nearest priors], truth), that is k·2·G_b + side·G_b + row.
template <backend B>
struct uniform_result : result<B> {
    tensor_t<B, std::int32_t, 1> pos_prior;  ///< [P] the prior picked, or -1: priors, or truths, too few
    tensor_t<B, std::uint8_t, 1> pos_idx;    ///< [P] 1 where the prior overlaps the truth by pos_ignore_thr
    tensor_t<B, typename B::scalar, 2> pos_predicted_boxes;  ///< [P, 4] of that prior; 0 where there is none
    tensor_t<B, typename B::scalar, 2> target_boxes;         ///< [P, 4] of the truth; 0 where it was dropped
    tensor_t<B, typename B::scalar, 1> truth_overlap;        ///< [G] with the best prior
};

/// YOLOF: each truth takes the match_times nearest predictions and the match_times nearest priors.
///
///     distance   |cx - cx'| + |cy - cy'| + |w - w'| + |h - h'|
///     ignored    a prior whose prediction overlaps some truth by more than neg_ignore_thr, unless it is picked
///     picks      truth where the prior overlaps it by pos_ignore_thr or more, else `ignored`
///     conflict   the last entry of the list (k, [nearest predictions | nearest priors], truth) counts
///
/// Equal distances: the lower prior. A prior of which an ignored region covers more than ignore_iof_thr is
/// `ignored` and can be no truth's. A prior that, or whose prediction, is NaN, infinite or absurd is quarantined.
/// `overlap` is the IoU of a prior with its truth. Scratch and result bytes, with P = 2·match_times·G entries:
/// B·N·(sizeof(T) + 4) + P·(9·sizeof(T) + 9) + G·(sizeof(T) + 12) + 16·B + 8.
///
/// Chen et al., You Only Look One-level Feature, CVPR 2021, section 4.2; mmdetection 3.3, UniformAssigner.
struct uniform {
    double pos_ignore_thr = 0.15;  ///< IoU
    double neg_ignore_thr = 0.7;   ///< IoU
    int match_times = 4;           ///< > 0
    double ignore_iof_thr = 0.5;   ///< share of a prior; not above 0: off

    /// Assigns the priors of a batch. Shapes: priors [N, 4] or a row source, which all images share, or [B, N, 4];
    /// decoded predictions [B, N, 4], or [N, 4] of one image; boxes in pixels. Throws shape_error, config_error,
    /// gt_error, size_error.
    template <backend B, detail::image_source_for<B> X, detail::image_source_for<B> Y>
    uniform_result<B> assign(const B& b, const X& priors, const Y& predictions,
                             const truth_list<typename B::scalar>& truths, bad_truth policy = bad_truth::reject) const {
        using T = typename B::scalar;
        const char* op = "uniform::assign";
        check(op);
        const index images = truths.images();
        const auto p = detail::image_boxes(b, priors, images, op, "priors");
        const auto q = detail::image_boxes<detail::matrix::of_one_image>(b, predictions, images, op, "predictions");
        check_shape<2>(op, "predictions", {{p.size(), 4}}, {{q.size(), 4}});
        const auto t = boxgrad::detail::upload_truths(b, op, truths, images, boxgrad::detail::any_label, policy);
        const index n = p.size();
        const index g = t.size();
        detail::check_sizes(op, images, n, g);
        const index entries = checked_product(op, index{2} * match_times, truths.size());
        const auto numbers = [&](index rows, index columns) {
            return b.template make<T, 2>(extents<2>{{rows, columns}});
        };
        const auto ints = [&](index rows, index columns) {
            return b.template make<std::int32_t, 2>(extents<2>{{rows, columns}});
        };
        const auto offset = from_host(b, extents<1>{{images + 1}}, truths.offsets.data());
        auto truth = ints(images, n);
        auto overlap = numbers(images, n);
        auto distance = numbers(g, index{2} * match_times);
        auto pick = ints(g, index{2} * match_times);
        auto picks = ints(g, 2);
        auto counts = b.template make<std::int32_t, 1>(extents<1>{{detail::count_size(images, g)}});
        auto pos_prior = b.template make<std::int32_t, 1>(extents<1>{{entries}});
        auto pos_idx = b.template make<std::uint8_t, 1>(extents<1>{{entries}});
        auto predicted = numbers(entries, 4);
        auto targets = numbers(entries, 4);
        auto best = b.template make<T, 1>(extents<1>{{truths.size()}});

        using P =
            detail::uniform_problem<lanes_t<B>, std::remove_const_t<decltype(p)>, std::remove_const_t<decltype(q)>>;
        const P problem{p,
                        q,
                        t.look(b),
                        static_cast<T>(pos_ignore_thr),
                        static_cast<T>(neg_ignore_thr),
                        static_cast<T>(ignore_iof_thr),
                        match_times,
                        as_const_view<1>(b, offset, op, "scratch"),
                        as_view<2>(b, truth, op, "truth"),
                        as_view<2>(b, overlap, op, "overlap"),
                        as_view<2>(b, distance, op, "scratch"),
                        as_view<2>(b, pick, op, "scratch"),
                        as_view<2>(b, picks, op, "scratch"),
                        as_view<1>(b, pos_prior, op, "pos_prior"),
                        as_view<1>(b, pos_idx, op, "pos_idx"),
                        as_view<2>(b, predicted, op, "pos_predicted_boxes"),
                        as_view<2>(b, targets, op, "target_boxes"),
                        as_view<1>(b, best, op, "truth_overlap")};
        b.for_each(truths.size(), detail::uniform_no_overlap<P>{problem});
        b.for_each(entries, detail::uniform_no_entry<P>{problem});
        b.for_each(images * problem.packs(), detail::uniform_states<P>{problem});
        b.for_each(g, detail::uniform_picks<P>{problem});
        b.for_each(images, detail::uniform_entries<P>{problem});
        detail::write_overlaps(b, p, problem.truths, problem.truth, problem.overlap);
        return {detail::summarise(b, std::move(truth), std::move(overlap), t, counts),
                std::move(pos_prior),
                std::move(pos_idx),
                std::move(predicted),
                std::move(targets),
                std::move(best)};
    }

private:
    void check(const char* op) const {
        check_not_nan(op, "pos_ignore_thr", pos_ignore_thr);
        check_not_nan(op, "neg_ignore_thr", neg_ignore_thr);
        check_not_nan(op, "ignore_iof_thr", ignore_iof_thr);
        check_count(op, "match_times", match_times);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
