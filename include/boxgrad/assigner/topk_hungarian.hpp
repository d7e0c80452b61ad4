// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/hungarian.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// A result with the quality of each match.
template <backend B>
struct topk_hungarian_result : result<B> {
    tensor_t<B, typename B::scalar, 2> metric;  ///< [B, Q] score^alpha·iou^beta of matched queries, 0 of others
};

namespace detail {

/// metric(b, i) = score of the truth's class^alpha·overlap^beta.
template <class T>
struct alignment_metric {
    view<const T, 3> scores;
    view<const std::int32_t, 1> label;
    T alpha, beta;
    bool use_sigmoid;
    view<T, 2> out;

    BOXGRAD_FN void operator()(index b, index i, index g, T overlap) const {
        out(b, i) = T(0);
        if (g < 0) return;
        const T x = scores(b, i, label(g));
        out(b, i) = product(power(use_sigmoid ? sigmoid(x) : max(x, T(0)), alpha), power(overlap, beta));
    }
};

}  // namespace detail

/// Set prediction with several queries a truth: every truth counts min(topk, ⌊Q/G⌋) times, at least once, in the
/// assignment of least total cost.
///
///     metric      score of the truth's class^alpha·iou^beta of a matched query
///
/// Q without quarantined queries, G of the image. All else as in `hungarian`, which is topk = 1. As in mmdetection,
/// costs and metric see the same scores: its head gives probabilities, to which the focal cost applies a sigmoid
/// once more. With use_sigmoid they are logits for both. Scratch and result bytes: those of `hungarian` and
/// B·Q·sizeof(T); on the host the rows of costs are repeated, too.
///
/// Zhang et al., DDQ, CVPR 2023; mmdetection 3.3, TopkHungarianAssigner.
template <match_cost Cost = focal_costs>
struct topk_hungarian {
    Cost match_costs = default_costs();
    int topk = 1;                 ///< > 0
    double alpha = 1;             ///< >= 0
    double beta = 6;              ///< >= 0
    bool use_sigmoid = false;     ///< of the scores, for the metric: they are logits
    double ignore_iof_thr = 0.5;  ///< share of the box; not positive: no query is ignored

    /// Shapes, units and errors are those of hungarian::assign.
    template <backend B, detail::image_source_for<B> X, detail::rows_of_images<B> Y>
    topk_hungarian_result<B> assign(const B& b, const X& boxes, const Y& scores,
                                    const truth_list<typename B::scalar>& truths,
                                    std::span<const image_shape> image_shapes,
                                    bad_truth policy = bad_truth::reject) const {
        using T = typename B::scalar;
        const char* op = "topk_hungarian::assign";
        check_count(op, "topk", topk);
        check_not_negative(op, "alpha", alpha);
        check_not_negative(op, "beta", beta);
        const auto p = detail::make_query_problem(b, op, match_costs, boxes, scores, truths, image_shapes, policy);
        auto metric = b.template make<T, 2>(extents<2>{{p.images(), p.queries()}});
        const detail::alignment_metric<T> m{p.scores,
                                            p.truths.look(b).label,
                                            static_cast<T>(alpha),
                                            static_cast<T>(beta),
                                            use_sigmoid,
                                            as_view<2>(b, metric, op, "scratch")};
        return {detail::match_queries(b, op, p, match_costs, topk, ignore_iof_thr, m), std::move(metric)};
    }

private:
    static constexpr Cost default_costs() {
        Cost c = detail::usual_costs<Cost>();
        // mmdetection's default is corners here.
        if constexpr (std::same_as<Cost, focal_costs>) c.rest.first.box_format = box_format::xyxy;
        return c;
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
