// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/atss_kernels.hpp>
#include <boxgrad/core/parameter.hpp>

#include <algorithm>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// Adaptive training sample selection: a truth takes, of the priors nearest to it, those that overlap it more
/// than is usual among them.
///
///     candidates   on each level the topk priors whose centres are nearest to the truth's
///     threshold    mean + sample standard deviation of the candidates' overlaps; of one candidate: its overlap
///     positive     overlap >= threshold, centre of the prior within the truth by more than 0.01 pixels
///     conflict     a prior that several truths take goes to the one of largest overlap
///
/// With predictions, DDOD's cost takes the place of the overlap: σ(score)^(1 - alpha)·iou(predicted)^alpha.
/// Ties go to the lower prior, then the lower truth. `overlap` of the result is that of positives (or their
/// cost), 0 elsewhere. Bytes of scratch and result: B·N·(3·sizeof(T) + 4) + G·K·(sizeof(T) + 4) + 8·G + 8·B with
/// K = Σ over levels of min(topk, priors of the level).
///
/// Zhang et al., ATSS, CVPR 2020, algorithm 1; Chen et al., DDOD, ACM MM 2021, equation 5; mmdetection 3.3,
/// ATSSAssigner.
template <overlap::term Overlap = overlap::iou>
struct atss {
    int topk = 9;        ///< candidates a level; > 0
    double alpha = 0.8;  ///< with predictions: weight of the overlap; in [0, 1]
    /// A level's priors may lie no farther than so many pixels from any side of their truth: what its head can
    /// regress. Empty: any; else one a level.
    per_level<double> side_limits{};
    double ignore_iof_thr = -1;  ///< a prior with more than this share in a region is ignored; <= 0: none is
    Overlap overlap{};

    /// Assigns a batch by its priors. Shapes: priors [N, 4] or a row source, shared by all images, or
    /// [B, N, 4], level by level; truths of B images. Throws shape_error, config_error, gt_error, size_error.
    template <backend B, detail::image_source_for<B> X>
    result<B> assign(const B& b, const X& priors, const per_level<index>& num_level_priors,
                     const truth_list<typename B::scalar>& truths, bad_truth policy = bad_truth::reject) const {
        const char* op = "atss::assign";
        const auto source = detail::image_boxes(b, priors, truths.images(), op, "priors");
        return match(
            b, op, num_level_priors, truths, policy, boxgrad::detail::any_label,
            detail::prior_overlaps<lanes_t<B>, std::remove_const_t<decltype(source)>, Overlap>{source, overlap});
    }

    /// Assigns a batch by its predictions. Shapes: boxes [B, N, 4] decoded, scores [B, N, C] logits; matrices
    /// where B is 1. A prediction that is not finite is quarantined.
    template <backend B, detail::image_source_for<B> X, detail::rows_of_images<B> Y, detail::rows_of_images<B> Z>
    result<B> assign(const B& b, const X& priors, const per_level<index>& num_level_priors, const Y& boxes,
                     const Z& scores, const truth_list<typename B::scalar>& truths,
                     bad_truth policy = bad_truth::reject) const {
        const char* op = "atss::assign";
        const index images = truths.images();
        const auto source = detail::image_boxes(b, priors, images, op, "priors");
        const auto predicted = detail::image_boxes<detail::matrix::of_one_image>(b, boxes, images, op, "boxes");
        const auto score = detail::image_rows<detail::matrix::of_one_image>(b, scores, images, op, "scores");
        check_shape(op, "boxes", {images, source.size(), any_extent}, predicted.rows.extent);
        check_shape(op, "scores", {images, source.size(), any_extent}, score.extent);
        using M = detail::predicted_overlaps<lanes_t<B>, std::remove_const_t<decltype(source)>, Overlap>;
        return match(b, op, num_level_priors, truths, policy, score.extent[2],
                     M{{source, overlap}, predicted, score, static_cast<typename B::scalar>(alpha)});
    }

private:
    template <class B, class M>
    result<B> match(const B& b, const char* op, const per_level<index>& num_level_priors,
                    const truth_list<typename B::scalar>& truths, bad_truth policy, index classes,
                    const M& measure) const {
        check_count(op, "topk", topk);
        check_parameter(op, "alpha", alpha >= 0 && alpha <= 1, "in [0, 1]", alpha);
        check_finite(op, "ignore_iof_thr", ignore_iof_thr);
        if (!side_limits.empty() && side_limits.size() != num_level_priors.size()) {
            raise(config_error(complaint(
                op, "side_limits", "empty or one for each of " + std::to_string(num_level_priors.size()) + " levels",
                std::to_string(side_limits.size()))));
        }
        for (const double limit : side_limits) check_parameter(op, "side_limits", limit > 0, "positive", limit);
        const index images = truths.images();
        const index n = measure.priors.size();
        per_level<index> ends;
        index end = 0;
        index columns = 0;
        for (const index level : num_level_priors) {
            if (level < 0) raise(shape_error(complaint(op, "num_level_priors", "not negative", std::to_string(level))));
            ends.push_back(end += level);
            columns += std::min<index>(topk, level);
        }
        if (end != n) {
            raise(shape_error(
                complaint(op, "num_level_priors", "in sum " + std::to_string(n) + " priors", std::to_string(end))));
        }
        const auto t = boxgrad::detail::upload_truths(b, op, truths, images, classes, policy);
        detail::check_sizes(op, images, n, t.size());
        detail::pick_memory<B> memory(b, images, n, t.size(), columns, detail::atss_problem<M>::fields);
        const auto board = memory.look(b, op, t);
        const detail::atss_problem<M> p{board,       measure, ends,
                                        side_limits, topk,    static_cast<typename B::scalar>(ignore_iof_thr)};
        b.for_each(images * packs_of<lanes_t<B>>(n), detail::atss_start_kernel<M>{p});
        b.for_each(t.size(), detail::atss_pick_kernel<M>{p});
        b.for_each(images, detail::claim_picks_kernel<typename B::scalar>{board});
        return memory.finish(b, t);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
