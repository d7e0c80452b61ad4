// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/cost_matrix.hpp>
#include <boxgrad/assigner/detail/focal.hpp>
#include <boxgrad/core/parameter.hpp>
#include <boxgrad/overlap/iou.hpp>

#include <span>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// Several costs added up: a cost itself. `cost_sum{focal_loss_cost{.weight = 2}, iou_cost<>{}}`.
template <class... C>
struct cost_sum;
template <class... C>
cost_sum(C...) -> cost_sum<C...>;

template <class C>
struct cost_sum<C> {
    C first{};

    constexpr cost_sum() = default;
    constexpr explicit cost_sum(const C& c) : first(c) {}
    template <plain_number V>
    BOXGRAD_FN auto prepare(const query<V>& q) const {
        return detail::prepare(first, q);
    }
    template <plain_number V, class Ready>
    BOXGRAD_FN V operator()(const query<V>& q, const target<V>& g, const Ready& ready) const {
        return detail::price(first, q, g, ready);
    }
};
template <class C, class... Rest>
struct cost_sum<C, Rest...> {
    C first{};
    cost_sum<Rest...> rest{};

    constexpr cost_sum() = default;
    constexpr explicit cost_sum(const C& c, const Rest&... r) : first(c), rest(r...) {}
    template <class A, class B>
    struct both {
        A first;
        B rest;
    };
    template <plain_number V>
    BOXGRAD_FN auto prepare(const query<V>& q) const {
        using A = decltype(detail::prepare(first, q));
        using B = decltype(rest.prepare(q));
        return both<A, B>{detail::prepare(first, q), rest.prepare(q)};
    }
    template <plain_number V, class Ready>
    BOXGRAD_FN V operator()(const query<V>& q, const target<V>& g, const Ready& ready) const {
        return detail::price(first, q, g, ready.first) + rest(q, g, ready.rest);
    }
};

/// The probability of the truth's class: -weight·softmax(x)_label. mmdetection 3.3, ClassificationCost; Carion et
/// al., DETR, ECCV 2020, section 3.1.
struct classification_cost {
    double weight = 1;

    template <plain_number V>
    struct normaliser {
        V largest, sum;
    };
    template <plain_number V>
    BOXGRAD_FN normaliser<V> prepare(const query<V>& q) const {
        const V one(scalar_t<V>(1));
        normaliser<V> n{q.logit(0), V(scalar_t<V>(0))};
        for (index c = 1; c < q.classes(); ++c) n.largest = max(n.largest, q.logit(c));
        for (index c = 0; c < q.classes(); ++c) n.sum += product(exp(q.logit(c) - n.largest), one);
        return n;
    }
    template <plain_number V>
    BOXGRAD_FN V operator()(const query<V>& q, const target<V>& g, const normaliser<V>& n) const {
        return product(V(-static_cast<scalar_t<V>>(weight)), exp(q.logit(g.label) - n.largest) / n.sum);
    }
};

/// What a focal loss would lose or gain if the query's class x = logit(label) were this one; p = σ(x).
///
///     weight·( -ln(p + eps)·alpha·(1 - p)^gamma + ln(1 - p + eps)·(1 - alpha)·p^gamma )
///
/// 1 - p is σ(-x), and a logarithm near 0 is taken of what is missing to 1: nothing cancels. Of masks
/// (mmdetection's binary_input), the mean over the pixels; see mask_costs. mmdetection 3.3, FocalLossCost; Zhu et
/// al., Deformable DETR, ICLR 2021.
struct focal_loss_cost {
    double weight = 1;
    double alpha = 0.25;
    double gamma = 2;    ///< not negative
    double eps = 1e-12;  ///< positive

    void check(const char* op) const {
        check_not_negative(op, "gamma", gamma);
        check_positive(op, "eps", eps);
    }
    template <plain_number V>
    BOXGRAD_FN V operator()(const query<V>& q, const target<V>& g) const {
        const auto f = detail::focal_terms(q.logit(g.label), alpha, gamma, eps);
        return product(V(static_cast<scalar_t<V>>(weight)), f.set - f.clear);
    }

    static constexpr int sums = 1;
    template <plain_number V>
    BOXGRAD_FN detail::pixel<V, sums> of_pixel(V x) const {
        const auto f = detail::focal_terms(x, alpha, gamma, eps);
        return {{{f.set}}, {{f.clear}}};
    }
    template <plain_number V>
    BOXGRAD_FN V finish(const fields<V, sums>& sum, scalar_t<V>, scalar_t<V> pixels) const {
        return product(V(static_cast<scalar_t<V>>(weight)), sum[0] / V(pixels));
    }
};

/// How bbox_l1_cost sees a box.
enum class box_format {
    xyxy,  ///< two corners
    xywh   ///< centre, width, height
};

/// Distance of boxes in shares of the image.
///
///     weight·Σ |p_k - g_k| / (w, h, w, h)_k
///
/// mmdetection 3.3, BBoxL1Cost.
struct bbox_l1_cost {
    double weight = 1;
    assigner::box_format box_format = assigner::box_format::xyxy;

    template <plain_number V>
    BOXGRAD_FN V operator()(const query<V>& q, const target<V>& g) const {
        using T = scalar_t<V>;
        const box<V>& a = q.bounds;
        const box<V>& b = g.bounds;
        const V half(T(0.5));
        const bool corners = box_format == assigner::box_format::xyxy;
        const V x = corners ? abs(a.x1 - b.x1) : abs((a.x1 + a.x2) * half - (b.x1 + b.x2) * half);
        const V y = corners ? abs(a.y1 - b.y1) : abs((a.y1 + a.y2) * half - (b.y1 + b.y2) * half);
        const V w = corners ? abs(a.x2 - b.x2) : abs(a.width() - b.width());
        const V h = corners ? abs(a.y2 - b.y2) : abs(a.height() - b.height());
        return product(V(static_cast<T>(weight)), (x + w) / q.image_w + (y + h) / q.image_h);
    }
};

/// -weight·overlap of the boxes, in pixels. mmdetection 3.3, IoUCost, iou_mode "giou" or
/// iou_cost<overlap::iou> for "iou".
template <overlap::term Overlap = overlap::giou>
struct iou_cost {
    double weight = 1;
    Overlap overlap{};

    template <plain_number V>
    BOXGRAD_FN V operator()(const query<V>& q, const target<V>& g) const {
        return product(V(-static_cast<scalar_t<V>>(weight)), overlap(q.bounds, g.bounds));
    }
};

static_assert(match_cost<classification_cost> && match_cost<focal_loss_cost> && match_cost<bbox_l1_cost> &&
              match_cost<iou_cost<>> && match_cost<cost_sum<bbox_l1_cost, classification_cost>>);

/// The cost of every truth of a batch for every query of its image: [G, Q], a row a truth, in the caller's order.
/// A query that is NaN, infinite or absurd (promise P17) costs +inf.
///
///     boxes [B, Q, 4] x1 y1 x2 y2 in pixels, scores [B, Q, C] logits (matrices where B = 1),
///     image_shapes: height and width of each image
///
/// Throws shape_error, config_error, gt_error, size_error. Scratch and result bytes:
/// sizeof(T)·(G·Q + 2·B) + 4·B·Q.
template <backend B, match_cost Cost, detail::image_source_for<B> X, detail::rows_of_images<B> Y>
auto match_costs(const B& b, const Cost& cost, const X& boxes, const Y& scores,
                 const truth_list<typename B::scalar>& truths, std::span<const image_shape> image_shapes) {
    const char* op = "match_costs";
    const auto p = detail::make_query_problem(b, op, cost, boxes, scores, truths, image_shapes, bad_truth::reject);
    auto truth = p.make_truth(b);
    auto out = p.make_costs(b);
    p.fill(b, op, cost, as_view<2>(b, truth, op, "scratch"), as_view<2>(b, out, op, "out"));
    return out;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
