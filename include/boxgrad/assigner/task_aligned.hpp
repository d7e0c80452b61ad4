// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/task_aligned_kernels.hpp>
#include <boxgrad/core/parameter.hpp>
#include <boxgrad/overlap/diou.hpp>

#include <algorithm>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// TaskAlignedAssigner as TOOD and mmdetection 3.3 have it.
struct tood_rules {
    using overlap = boxgrad::overlap::iou;
    static constexpr overlap default_overlap{.eps = 1e-6};
    static constexpr int topk = 13;
    static constexpr double alpha = 1, beta = 6;
    static constexpr double margin = 0.01;       ///< pixels between a prior and the sides of its truth
    static constexpr bool inside_first = false;  ///< truths pick among the priors that they hold, or pick first
    static constexpr bool among_all =
        false;  ///< conflicts: among all truths that hold the prior, or those that picked it
    static constexpr double score_eps = 1e-7;
};

/// TaskAlignedAssigner as the YOLOv8 family has it.
struct yolov8_rules : tood_rules {
    using overlap =
        boxgrad::overlap::basic_ciou<boxgrad::overlap::alpha_rule::plain, boxgrad::overlap::eps_rule::sides>;
    static constexpr overlap default_overlap{.eps = 1e-7};
    static constexpr int topk = 10;
    static constexpr double alpha = 0.5;
    static constexpr double margin = 1e-9;
    static constexpr bool inside_first = true;
    static constexpr bool among_all = true;
    static constexpr double score_eps = 1e-9;
};

/// A result with what the losses of TOOD and YOLOv8 weigh positives by.
template <backend B>
struct task_aligned_result : result<B> {
    tensor_t<B, typename B::scalar, 2> metric;  ///< [B, N] with the prior's truth; 0 where there is none
    tensor_t<B, typename B::scalar, 2> score;   ///< [B, N] target of the truth's class; 0 where there is none
};

/// Task-aligned assignment: a truth takes the priors whose predictions are best at both tasks.
///
///     metric    score of the truth's class^alpha · overlap^beta
///     picks     the topk priors of largest metric; positive where the metric is above 0 and the prior lies in the
///               truth, by more than a margin. yolov8_rules: the topk of those in the truth
///     conflict  a prior that several truths pick goes to the one of largest overlap; yolov8_rules: of all
///               truths that it lies in
///     score     metric · (largest overlap) / (largest metric + eps), largest of the truth's positives
///
/// Ties go to the lower prior, then the lower truth. A prior within an ignored region is no truth's. `overlap` of the
/// result is that of positives. An overlap of one's own must not be above 0 where boxes do not meet. Bytes of scratch
/// and result: B·N·(4·sizeof(T) + 4) + 4·B·packs·sizeof(T) + G·(K·(sizeof(T) + 4) + 2·sizeof(T)) + 8·G + 8·B with
/// K = min(max(topk, topk2), N) and packs = N / lanes rounded up.
///
/// Feng et al., TOOD, ICCV 2021, section 3.2; mmdetection 3.3, TaskAlignedAssigner.
template <class Rules = tood_rules, overlap::term Overlap = typename Rules::overlap>
struct task_aligned {
    using rules = Rules;

    int topk = Rules::topk;       ///< > 0
    double alpha = Rules::alpha;  ///< power of the score; >= 0
    double beta = Rules::beta;    ///< power of the overlap; >= 0
    int topk2 = 0;                ///< of a truth's positives only so many stay; 0: all
    double reg_max = 0;           ///< a prior reaches no side farther than so many strides; 0: any
    double small_side = 0;        ///< in pixels: a truth's side below it counts as grown_side where priors have to lie
    double grown_side = 0;
    Overlap overlap = default_overlap();

    /// Assigns a batch. Shapes: priors [N, 4] = x, y, stride across, stride down (or [N, 2] = x, y) or a row
    /// source of points, shared by all images, or [B, N, 4]; boxes [B, N, 4] decoded; scores [B, N, C]
    /// probabilities; matrices where B is 1. Throws shape_error, config_error, gt_error, size_error.
    template <backend B, detail::image_source_for<B> X, detail::rows_of_images<B> Y, detail::rows_of_images<B> Z>
    task_aligned_result<B> assign(const B& b, const X& priors, const Y& boxes, const Z& scores,
                                  const truth_list<typename B::scalar>& truths,
                                  bad_truth policy = bad_truth::reject) const {
        using T = typename B::scalar;
        using V = lanes_t<B>;
        const char* op = "task_aligned::assign";
        check(op);
        const index images = truths.images();
        const auto points = detail::image_points(b, priors, images, op, "priors");
        const auto predicted = detail::image_boxes<detail::matrix::of_one_image>(b, boxes, images, op, "boxes");
        const auto score = detail::image_rows<detail::matrix::of_one_image>(b, scores, images, op, "scores");
        const index n = points.size();
        check_shape(op, "boxes", {images, n, any_extent}, predicted.rows.extent);
        check_shape(op, "scores", {images, n, any_extent}, score.extent);
        const auto t = boxgrad::detail::upload_truths(b, op, truths, images, score.extent[2], policy);
        detail::check_sizes(op, images, n, t.size());

        using P = detail::task_aligned_problem<V, std::remove_const_t<decltype(points)>, Rules, Overlap>;
        const auto at_most = [&](int k) { return static_cast<int>(std::min<index>(k, n)); };
        detail::pick_memory<B> memory(b, images, n, t.size(), at_most(std::max(topk, topk2)), P::fields);
        auto metric = b.template make<T, 2>(extents<2>{{images, n}});
        auto target = b.template make<T, 2>(extents<2>{{images, n}});
        auto hull = b.template make<T, 3>(extents<3>{{images, 4, packs_of<V>(n)}});
        auto peak = b.template make<T, 2>(extents<2>{{2, t.size()}});
        const P p{memory.look(b, op, t),
                  points,
                  predicted,
                  score,
                  overlap,
                  static_cast<T>(alpha),
                  static_cast<T>(beta),
                  static_cast<T>(reg_max),
                  static_cast<T>(small_side),
                  static_cast<T>(grown_side),
                  at_most(topk),
                  at_most(topk2),
                  as_view<2>(b, metric, op, "scratch"),
                  as_view<2>(b, target, op, "scratch"),
                  as_view<3>(b, hull, op, "scratch"),
                  as_view<2>(b, peak, op, "scratch")};

        b.for_each(images * packs_of<V>(n), detail::task_aligned_start_kernel<P>{p});
        b.for_each(t.size(), detail::task_aligned_pick_kernel<P>{p});
        b.for_each(images, detail::task_aligned_claim_kernel<P>{p});
        b.for_each(images, detail::task_aligned_score_kernel<P>{p});
        return {memory.finish(b, t), std::move(metric), std::move(target)};
    }

private:
    static constexpr Overlap default_overlap() {
        if constexpr (std::same_as<Overlap, typename Rules::overlap>) {
            return Rules::default_overlap;
        } else {
            return Overlap{};
        }
    }
    void check(const char* op) const {
        check_count(op, "topk", topk);
        check_parameter(op, "topk2", topk2 >= 0, "not negative", topk2);
        check_not_negative(op, "alpha", alpha);
        check_not_negative(op, "beta", beta);
        check_not_negative(op, "reg_max", reg_max);
        check_not_negative(op, "small_side", small_side);
        check_not_negative(op, "grown_side", grown_side);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
