// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/dynamic_k.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

namespace detail {

/// SimOTA's reach and price: see sim_ota.
template <class T, class Rules, class Overlap>
struct sim_ota_pricing {
    static constexpr bool penalised = true;
    /// No penalised candidate costs less than this, since no other part of a cost is below -1e-5.
    static constexpr T least_penalised = static_cast<T>(Rules::penalty * (1 - 0x1p-10));
    static constexpr conflict on_conflict = Rules::conflict;
    /// Prices are numbers: other overlaps may be negative, and their logarithms NaN.
    static constexpr bool has_bound = std::same_as<Overlap, boxgrad::overlap::iou>;

    Overlap overlap;
    T center_radius, iou_weight, cls_weight;

    template <class V>
    BOXGRAD_FN mask_t<V> can_reach(const box<T>& g, const prior::point<V>& p) const {
        if constexpr (Rules::reach == reach::centre) {
            return in_centre(g, p);
        } else {
            return in_box(g, p) || in_centre(g, p);
        }
    }
    template <class V>
    BOXGRAD_FN mask_t<V> is_free(const box<T>& g, const prior::point<V>& p) const {
        if constexpr (Rules::reach == reach::centre) {
            return in_centre(g, p);
        } else {
            return in_box(g, p) && in_centre(g, p);
        }
    }
    template <class V>
    BOXGRAD_FN V operator()(const box<T>&, const prior::point<V>&, V classes, V iou, mask_t<V> free) const {
        constexpr T penalty = static_cast<T>(Rules::penalty);
        return plus_distance(product(classes, V(cls_weight)), iou, iou_weight, static_cast<T>(Rules::log_eps)) +
               select(free, V(T(0)), V(penalty));
    }
    template <class V>
    BOXGRAD_FN mask_t<V> is_dearer(const box<T>&, const prior::point<V>&, V, mask_t<V> free, V bar) const {
        return !free && V(least_penalised) > bar;
    }

private:
    template <class V>
    BOXGRAD_FN mask_t<V> in_centre(const box<T>& g, const prior::point<V>& p) const {
        const V cx((g.x1 + g.x2) / T(2));
        const V cy((g.y1 + g.y2) / T(2));
        const V rx = product(V(center_radius), p.sx);
        const V ry = product(V(center_radius), p.sy);
        return p.x > cx - rx && p.x < cx + rx && p.y > cy - ry && p.y < cy + ry;
    }
};

}  // namespace detail

/// SimOTA: each truth takes the k cheapest of the priors within reach, k being the sum of its best
/// overlaps.
///
///     reach     some truth's box, or the square of center_radius strides about some truth's centre
///     cost      cls_weight·Σ_c BCE(p_c, [c = label]) - iou_weight·ln(iou + 1e-7)
///               + 1e5 unless the prior lies in both the truth's box and its centre square
///     k         max(1, ⌊Σ of the candidate_topk largest ious⌋), at most the priors within reach
///     conflict  a prior that several truths pick goes to the truth of least cost, of all truths
///
/// with p = sqrt(σ(class)·σ(objectness)). A point strictly within an ignored region is `ignored` and no
/// candidate. With `reg_max` a truth may not have a point that lies further than reg_max strides from any of
/// its sides: it is out of that truth's reach, picks, k and conflicts.
///
/// Ties go to the lower prior, then the lower truth. A truth may end without priors; `truth_positives` tells.
/// Nothing of size N x G is stored; scratch and result bytes are
/// B·N·(11·sizeof(T) + 24) + 16·B·chunks + G·(k·(3·sizeof(T) + 4) + 12) + 16·B, with k = min(candidate_topk, N) and at most
/// N/lanes + levels chunks.
///
/// Ge et al., OTA, CVPR 2021; Ge et al., YOLOX, 2021, section 2.1; mmdetection 3.3, SimOTAAssigner.
/// `sim_ota<megvii_rules>` and `sim_ota<cjm_rules>` are the variants of those code bases.
template <class Rules = mmdetection_rules, overlap::term Overlap = typename Rules::overlap>
struct sim_ota {
    using rules = Rules;

    double center_radius = Rules::center_radius;  ///< in strides; > 0
    int candidate_topk = 10;                      ///< > 0
    double iou_weight = 3.0;                      ///< >= 0
    double cls_weight = 1.0;                      ///< >= 0
    Overlap overlap = default_overlap();
    double reg_max = 0;  ///< in strides, of the side's axis; 0: no limit

    /// Assigns the priors of a batch of B images. Shapes: priors [N, 4] = x, y, stride across, stride down, or
    /// a row source of points, for all images, or [B, N, 4]; boxes [B, N, 4] decoded, in pixels; scores
    /// [B, N, C] probabilities; matrices where there is one image. An image's result is the same bits alone
    /// and in any batch. Throws shape_error, config_error, gt_error, size_error.
    template <backend B, detail::image_source_for<B> X, detail::rows_of_images<B> Y, detail::rows_of_images<B> Z>
    result<B> assign(const B& b, const X& priors, const Y& boxes, const Z& scores,
                     const truth_list<typename B::scalar>& truths,
                     bad_truth policy = bad_truth::reject) const {
        using cost = detail::probability_cost<Rules::class_cost, lanes_t<B>>;
        const char* op = "sim_ota::assign";
        const auto scene = detail::list_scene_of<cost>(b, op, priors, boxes, scores);
        const auto t = boxgrad::detail::upload_truths(b, op, truths, scene.images(), scene.score_rows.extent[2], policy);
        auto matched = match(b, op, scene, t);
        return std::move(matched.result);
    }

    /// Assigns the priors of any scene: what the heads' losses call.
    template <class B, class Scene>
    detail::matching<B> match(const B& b, const char* op, const Scene& scene,
                              const boxgrad::detail::device_truths<B>& truths) const {
        using T = typename B::scalar;
        check_parameter(op, "center_radius", center_radius > 0, "positive", center_radius);
        check_count(op, "candidate_topk", candidate_topk);
        check_not_negative(op, "iou_weight", iou_weight);
        check_not_negative(op, "cls_weight", cls_weight);
        check_not_negative(op, "reg_max", reg_max);
        const detail::sim_ota_pricing<T, Rules, Overlap> pricing{overlap, static_cast<T>(center_radius),
                                                             static_cast<T>(iou_weight), static_cast<T>(cls_weight)};
        return detail::match_by_dynamic_k(b, op, scene, truths, pricing, candidate_topk, reg_max);
    }

private:
    static constexpr Overlap default_overlap() {
        if constexpr (std::same_as<Overlap, typename Rules::overlap>) {
            return Rules::default_overlap;
        } else {
            return Overlap{};
        }
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
