// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/set_prediction.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// The costs of DETR: class 1, L1 5, GIoU 2.
using detr_costs = cost_sum<classification_cost, bbox_l1_cost, iou_cost<>>;
/// The costs of Deformable DETR, DINO and DDQ: focal 2, L1 5, GIoU 2.
using focal_costs = cost_sum<focal_loss_cost, bbox_l1_cost, iou_cost<>>;

namespace detail {

/// A cost as the papers weigh it; any other as it is.
template <class Cost>
constexpr Cost usual_costs() {
    if constexpr (std::same_as<Cost, detr_costs>) {
        return Cost(classification_cost{}, bbox_l1_cost{.weight = 5, .box_format = box_format::xywh},
                    iou_cost<>{.weight = 2});
    } else if constexpr (std::same_as<Cost, focal_costs>) {
        return Cost(focal_loss_cost{.weight = 2}, bbox_l1_cost{.weight = 5, .box_format = box_format::xywh},
                    iou_cost<>{.weight = 2});
    } else {
        return Cost{};
    }
}

}  // namespace detail

/// Set prediction: each truth gets the one query that makes the sum of costs of all pairs least; every other
/// query is background.
///
///     minimise Σ_g cost(query(g), g)         over injective maps; as many pairs as min(Q, G)
///
/// Where truths outnumber queries, some truths stay without one; `truth_positives` tells. An unmatched query of
/// which an ignored region covers more than ignore_iof_thr is `ignored`. A query whose box or logits are NaN,
/// infinite or absurd is quarantined and counted; all others are matched as if it were not there (promise P17).
/// `overlap` is the IoU with the matched truth. Ties: see linear_assignment.
///
/// The exception to memory of O(N + G): an optimal assignment needs every cost. Scratch and result bytes:
/// G·Q·sizeof(T) + B·Q·(sizeof(T) + 8) + 8·B + 4·G + 2·B·sizeof(T); on the host G·Q·sizeof(T) + 4·B·Q and, for the
/// largest image, what linear_assignment needs.
///
/// Carion et al., DETR, ECCV 2020, equation 1; mmdetection 3.3, HungarianAssigner.
template <match_cost Cost = detr_costs>
struct hungarian {
    Cost match_costs = detail::usual_costs<Cost>();
    double ignore_iof_thr = 0.5;  ///< share of the box; not positive: no query is ignored

    /// Assigns the queries of a batch. Shapes: boxes [B, Q, 4] x1 y1 x2 y2 in pixels, scores [B, Q, C] logits
    /// (matrices where B = 1), height and width of each image. Throws shape_error, config_error, gt_error,
    /// size_error.
    template <backend B, detail::image_source_for<B> X, detail::rows_of_images<B> Y>
    result<B> assign(const B& b, const X& boxes, const Y& scores, const truth_list<typename B::scalar>& truths,
                     std::span<const image_shape> image_shapes, bad_truth policy = bad_truth::reject) const {
        const char* op = "hungarian::assign";
        const auto p = detail::make_query_problem(b, op, match_costs, boxes, scores, truths, image_shapes, policy);
        return detail::match_queries(b, op, p, match_costs, 1, ignore_iof_thr, detail::no_metric{});
    }
};
template <match_cost Cost>
hungarian(Cost) -> hungarian<Cost>;
template <match_cost Cost>
hungarian(Cost, double) -> hungarian<Cost>;

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
