// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/dynamic_k.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

namespace detail {

/// RTMDet's reach and price: see dynamic_soft_label.
template <class T, class Overlap>
struct soft_label_pricing {
    static constexpr bool penalised = false;
    static constexpr T least_penalised = infinity<T>;
    static constexpr conflict on_conflict = conflict::least_cost;
    static constexpr bool has_bound = true;

    Overlap overlap;
    T soft_center_radius, iou_weight;

    template <class V>
    BOXGRAD_FN mask_t<V> can_reach(const box<T>& g, const prior::point<V>& p) const {
        return in_box(g, p);
    }
    template <class V>
    BOXGRAD_FN mask_t<V> is_free(const box<T>& g, const prior::point<V>& p) const {
        return in_box(g, p);
    }
    template <class V>
    BOXGRAD_FN V operator()(const box<T>& g, const prior::point<V>& p, V classes, V iou, mask_t<V>) const {
        constexpr T ln10 = T(2.302585092994045684);
        const V strides = sqrt(squared_distance(g, p)) / p.sx;
        return plus_distance(classes, iou, iou_weight, T(1e-7)) + exp((strides - V(soft_center_radius)) * V(ln10));
    }
    /// So far from the centre of g that 10^(d - soft_center_radius) alone is dearer. The other costs are
    /// not negative but for rounding, less than a share of `others`. log2 x <= exponent + mantissa - 1 + 0.087.
    template <class V>
    BOXGRAD_FN mask_t<V> is_dearer(const box<T>& g, const prior::point<V>& p, V others, mask_t<V>, V bar) const {
        constexpr T log10_2 = T(0.3010299956639811952);
        constexpr T largest = T(0x1p100);
        const V most = madd(others + V(iou_weight), V(T(0x1p-10)), bar);
        V mantissa;
        const V exponent = split_exponent(clamp_max(clamp_min(most, V(1 / largest)), V(largest)), mantissa);
        const V strides = madd(exponent + (mantissa - V(T(0.9))), V(log10_2), V(soft_center_radius));
        const V far = clamp_min(strides, V(T(0))) * p.sx;
        return squared_distance(g, p) > far * far && most < V(largest);
    }

private:
    template <class V>
    BOXGRAD_FN static V squared_distance(const box<T>& g, const prior::point<V>& p) {
        const V dx = p.x - V((g.x1 + g.x2) / T(2));
        const V dy = p.y - V((g.y1 + g.y2) / T(2));
        return madd(dy, dy, product(dx, dx));
    }
};

}  // namespace detail

/// RTMDet's assigner: dynamic k as SimOTA has it, with soft class labels and a soft centre.
///
///     reach     strictly within some truth's box
///     cost      Σ_c BCE(x_c, t_c)·(t_c - σ(x_c))² - iou_weight·ln(iou + 1e-7) + 10^(d - soft_center_radius)
///     k         max(1, ⌊Σ of the topk largest ious⌋), at most the priors within reach
///     conflict  a prior that several truths pick goes to the truth of least cost, of all truths
///
/// with x the class logits, t_c the iou at the truth's label and 0 elsewhere, and d the distance of the point
/// from the centre of the truth's box in strides (across, for both axes). The sum over classes falls apart as
/// SimOTA's does: O(N·C + N·G). Ignored regions, `reg_max`, ties, quarantine and bytes are sim_ota's, with topk
/// for candidate_topk.
///
/// Lyu et al., RTMDet, 2022, section 3.3; mmdetection 3.3, DynamicSoftLabelAssigner.
template <overlap::term Overlap = overlap::iou>
struct dynamic_soft_label {
    double soft_center_radius = 3.0;  ///< in strides; finite
    int topk = 13;                    ///< > 0
    double iou_weight = 3.0;          ///< >= 0
    Overlap overlap{};                ///< within [0, 1]: it is a label
    double reg_max = 0;               ///< in strides, of the side's axis; 0: no limit

    /// Assigns the priors of a batch of B images. Shapes: priors [N, 4] = x, y, stride across, stride down, or
    /// a row source of points, for all images, or [B, N, 4]; boxes [B, N, 4] decoded, in pixels; scores
    /// [B, N, C] *logits*; matrices where there is one image. An image's result is the same bits alone
    /// and in any batch. Throws shape_error, config_error, gt_error, size_error.
    template <backend B, detail::image_source_for<B> X, detail::rows_of_images<B> Y, detail::rows_of_images<B> Z>
    result<B> assign(const B& b, const X& priors, const Y& boxes, const Z& scores,
                     const truth_list<typename B::scalar>& truths, bad_truth policy = bad_truth::reject) const {
        using T = typename B::scalar;
        const char* op = "dynamic_soft_label::assign";
        check_finite(op, "soft_center_radius", soft_center_radius);
        check_count(op, "topk", topk);
        check_not_negative(op, "iou_weight", iou_weight);
        check_not_negative(op, "reg_max", reg_max);
        const auto scene = detail::list_scene_of<detail::soft_label_cost<lanes_t<B>>>(b, op, priors, boxes, scores);
        const auto t =
            boxgrad::detail::upload_truths(b, op, truths, scene.images(), scene.score_rows.extent[2], policy);
        const detail::soft_label_pricing<T, Overlap> pricing{overlap, static_cast<T>(soft_center_radius),
                                                             static_cast<T>(iou_weight)};
        auto matched = detail::match_by_dynamic_k(b, op, scene, t, pricing, topk, reg_max);
        return std::move(matched.result);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
