// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/topk_hungarian.hpp>
#include <boxgrad/loss/giou.hpp>
#include <boxgrad/loss/per_row.hpp>
#include <boxgrad/loss/quality_focal.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// What the queries of a batch are compared with.
template <backend B>
struct ddq_targets {
    using T = typename B::scalar;
    assigner::topk_hungarian_result<B> assignment;
    tensor_t<B, std::int32_t, 2> labels;  ///< [B, Q] C for background
    tensor_t<B, T, 2> quality;            ///< [B, Q] the normalised metric of positives, else 0
    tensor_t<B, T, 2> weight;             ///< [B, Q] 0 for ignored queries and for images without truths, else 1
    tensor_t<B, T, 3> boxes;              ///< [B, Q, 4] of matched truths, else 0
    double quality_sum;                   ///< of this process

    /// What mmdetection divides both losses by on one process.
    double normaliser() const { return quality_sum > 1 ? quality_sum : 1.0; }
};

/// A number an image for each of the two losses.
template <class T>
struct ddq_value {
    std::vector<T> classes, boxes;
};
template <backend B>
struct ddq_gradient {
    ddq_value<typename B::scalar> value;
    tensor_t<B, typename B::scalar, 3> classes, boxes;  ///< of scores [B, Q, C] and boxes [B, Q, 4]
};
/// Upstream gradients, one an image; empty: 1.
struct ddq_upstream {
    std::vector<double> classes, boxes;
};

namespace detail {

template <class T>
struct ddq_sigmoid_kernel {
    view<const T, 3> x;
    view<T, 3> out;
    BOXGRAD_FN void operator()(index i) const { out.at_flat(i) = sigmoid(x.at_flat(i)); }
};

/// The greatest metric and the greatest overlap of a truth's queries.
template <class T>
struct ddq_best_kernel {
    view<const std::int32_t, 2> truth;
    view<const T, 2> metric, overlap;
    view<const index, 2> at;  ///< [G, 2]: image and row
    view<T, 2> out;

    BOXGRAD_FN void operator()(index g) const {
        const index b = at(g, 0);
        T most[2]{T(0), T(0)};
        for (index i = 0; i < truth.extent[1]; ++i) {
            if (truth(b, i) != at(g, 1)) continue;
            most[0] = max(most[0], metric(b, i));
            most[1] = max(most[1], overlap(b, i));
        }
        out(g, 0) = most[0];
        out(g, 1) = most[1];
    }
};

template <class T>
struct ddq_target_kernel {
    view<const std::int32_t, 2> truth;
    view<const T, 2> metric, best;
    view<const index, 1> offset;
    view<const std::int32_t, 1> label;
    view<const T, 2> box;
    std::int32_t background;
    view<std::int32_t, 2> labels;
    view<T, 2> quality, weight;
    view<T, 3> boxes;

    BOXGRAD_FN void operator()(index item) const {
        const index b = item / truth.extent[1];
        const index i = item % truth.extent[1];
        const std::int32_t row = truth(b, i);
        const index g = offset(b) + row;
        const bool positive = row >= 0;
        labels(b, i) = positive ? label(g) : background;
        quality(b, i) = positive ? metric(b, i) / (best(g, 0) + T(1e-7)) * best(g, 1) : T(0);
        weight(b, i) = row == assigner::ignored || offset(b) == offset(b + 1) ? T(0) : T(1);
        for (index c = 0; c < 4; ++c) boxes(b, i, c) = positive ? box(g, c) : T(0);
    }
};

/// Image b of a batch.
template <class T>
constexpr view<T, 2> image_of(const view<T, 3>& v, index b) {
    return {v.data + b * v.stride[0], {{v.extent[1], v.extent[2]}}, {{v.stride[1], v.stride[2]}}};
}
template <class T>
constexpr view<T, 1> image_of(const view<T, 2>& v, index b) {
    return {v.data + b * v.stride[0], {{v.extent[1]}}, {{v.stride[1]}}};
}

}  // namespace detail

/// The auxiliary loss of the dense queries of DDQ: several queries a truth, weighed by how well they align with it.
///
///     quality q_i = metric_i / (largest metric of the truth + 1e-7) · largest overlap of the truth
///                   for queries that topk_hungarian matches, 0 for all others
///     classes_b   = class_weight/n · Σ_i Classes(x_i, q_i at the truth's label, else 0)
///     boxes_b     = box_weight/n · Σ_i q_i·Box(p_i, truth of i)
///     n           = (1 + 2^-23)·max(Σ q over the batch, 1)
///
/// for each image b; an image without truths gives 0 for both, and no gradient. Targets and the assignment are
/// constants. Scores [B, Q, C] and boxes [B, Q, 4], x1 y1 x2 y2 in pixels. With `quality_focal` scores are logits; with
/// `probability_quality_focal` they are what mmdetection is given, probabilities. The assigner sees probabilities
/// either way, and its focal cost applies a sigmoid once more, as there.
///
/// With several ranks call `prepare`, take the mean of `quality_sum` over ranks, and hand max(mean, 1) to the second
/// phase. Errors: those of the assigner and of evaluate; shape_error for upstream gradients of another number.
///
/// Zhang et al., DDQ, CVPR 2023; mmdetection 3.3, DDQAuxLoss.
template <elementwise_term Classes = quality_focal, box_term Box = giou, class Assigner = assigner::topk_hungarian<>>
struct ddq_aux {
    Assigner assigner = default_assigner();
    Classes class_term{};
    Box box = default_box();
    double class_weight = 1;
    double box_weight = 2;
    bad_truth truths = bad_truth::reject;

    /// First phase: matches queries and truths.
    template <backend B, class X, class Y>
    ddq_targets<B> prepare(const B& b, const X& scores, const Y& boxes, const truth_list<typename B::scalar>& t,
                           std::span<const image_shape> shapes) const {
        using T = typename B::scalar;
        const char* op = "ddq_aux::prepare";
        const auto x = as_const_view<3>(b, scores, op, "scores");
        check_shape(op, "boxes", {x.extent[0], x.extent[1], 4}, as_const_view<3>(b, boxes, op, "boxes").extent);
        auto assigned = assign(b, op, x, boxes, t, shapes);
        const index n = t.size();
        std::vector<index> at;
        std::vector<T> corners;
        std::vector<std::int32_t> own_labels;
        for (index i = 0; i < t.images(); ++i) {
            const auto image = static_cast<std::size_t>(i);
            for (index g = t.offsets[image]; g < t.offsets[image + 1]; ++g) {
                at.insert(at.end(), {i, g - t.offsets[image]});
                const auto& box_of = t.boxes[static_cast<std::size_t>(g)];
                corners.insert(corners.end(), box_of.begin(), box_of.end());
                own_labels.push_back(static_cast<std::int32_t>(t.labels[static_cast<std::size_t>(g)]));
            }
        }
        const auto places = from_host(b, extents<2>{{n, 2}}, at.data());
        const auto truth_boxes = from_host(b, extents<2>{{n, 4}}, corners.data());
        const auto truth_labels = from_host(b, extents<1>{{n}}, own_labels.data());
        const auto offsets = from_host(b, extents<1>{{t.images() + 1}}, t.offsets.data());
        auto best = b.template make<T, 2>(extents<2>{{n, 2}});
        const auto truth = as_const_view<2>(b, assigned.truth, op, "scratch");
        const auto metric = as_const_view<2>(b, assigned.metric, op, "scratch");
        b.for_each(n, detail::ddq_best_kernel<T>{truth, metric, as_const_view<2>(b, assigned.overlap, op, "scratch"),
                                                 as_const_view<2>(b, places, op, "scratch"),
                                                 as_view<2>(b, best, op, "scratch")});
        auto labels = b.template make<std::int32_t, 2>(truth.extent);
        auto quality = b.template make<T, 2>(truth.extent);
        auto weight = b.template make<T, 2>(truth.extent);
        auto targets_of_boxes = b.template make<T, 3>(extents<3>{{truth.extent[0], truth.extent[1], 4}});
        b.for_each(truth.size(),
                   detail::ddq_target_kernel<T>{
                       truth, metric, as_const_view<2>(b, best, op, "scratch"),
                       as_const_view<1>(b, offsets, op, "scratch"), as_const_view<1>(b, truth_labels, op, "scratch"),
                       as_const_view<2>(b, truth_boxes, op, "scratch"), static_cast<std::int32_t>(x.extent[2]),
                       as_view<2>(b, labels, op, "scratch"), as_view<2>(b, quality, op, "scratch"),
                       as_view<2>(b, weight, op, "scratch"), as_view<3>(b, targets_of_boxes, op, "scratch")});
        double sum = 0;
        for (const T q : to_host<2>(b, quality)) sum += static_cast<double>(q);
        return {std::move(assigned), std::move(labels),           std::move(quality),
                std::move(weight),   std::move(targets_of_boxes), sum};
    }

    /// Second phase: the losses over `normaliser`, > 0.
    template <backend B, class X, class Y>
    ddq_value<typename B::scalar> value(const B& b, const X& scores, const Y& boxes, const ddq_targets<B>& t,
                                        double normaliser) const {
        return run(b, "ddq_aux::value", scores, boxes, t, normaliser, ddq_upstream{},
                   static_cast<ddq_gradient<B>*>(nullptr));
    }
    /// The same with gradients.
    template <backend B, class X, class Y>
    ddq_gradient<B> value_and_gradient(const B& b, const X& scores, const Y& boxes, const ddq_targets<B>& t,
                                       double normaliser, const ddq_upstream& upstream = {}) const {
        using T = typename B::scalar;
        const char* op = "ddq_aux::value_and_gradient";
        ddq_gradient<B> r{{},
                          b.template make<T, 3>(as_const_view<3>(b, scores, op, "scores").extent),
                          b.template make<T, 3>(as_const_view<3>(b, boxes, op, "boxes").extent)};
        r.value = run(b, op, scores, boxes, t, normaliser, upstream, &r);
        return r;
    }

    /// Both phases on one process.
    template <backend B, class X, class Y>
    ddq_value<typename B::scalar> value(const B& b, const X& scores, const Y& boxes,
                                        const truth_list<typename B::scalar>& t,
                                        std::span<const image_shape> shapes) const {
        const auto targets = prepare(b, scores, boxes, t, shapes);
        return value(b, scores, boxes, targets, targets.normaliser());
    }
    template <backend B, class X, class Y>
    ddq_gradient<B> value_and_gradient(const B& b, const X& scores, const Y& boxes,
                                       const truth_list<typename B::scalar>& t, std::span<const image_shape> shapes,
                                       const ddq_upstream& upstream = {}) const {
        const auto targets = prepare(b, scores, boxes, t, shapes);
        return value_and_gradient(b, scores, boxes, targets, targets.normaliser(), upstream);
    }

private:
    static constexpr Assigner default_assigner() {
        Assigner a{};
        if constexpr (requires { a.topk; }) a.topk = 8;
        return a;
    }
    static constexpr Box default_box() {
        Box l{};
        if constexpr (std::same_as<Box, giou>) l.eps = 1e-6;
        return l;
    }

    template <class B, class T, class Y>
    auto assign(const B& b, const char* op, const view<const T, 3>& x, const Y& boxes, const truth_list<T>& t,
                std::span<const image_shape> shapes) const {
        if constexpr (std::same_as<Classes, probability_quality_focal>) {
            return assigner.assign(b, boxes, x, t, shapes, truths);
        } else {
            auto p = b.template make<T, 3>(x.extent);
            b.for_each(x.size(), detail::ddq_sigmoid_kernel<T>{x, as_view<3>(b, p, op, "scratch")});
            return assigner.assign(b, boxes, p, t, shapes, truths);
        }
    }

    template <class B, class X, class Y>
    auto run(const B& b, const char* op, const X& scores, const Y& boxes, const ddq_targets<B>& t, double normaliser,
             const ddq_upstream& upstream, ddq_gradient<B>* gradient) const {
        using T = typename B::scalar;
        check_positive(op, "normaliser", normaliser);
        check_finite(op, "class_weight", class_weight);
        check_finite(op, "box_weight", box_weight);
        const auto x = as_const_view<3>(b, scores, op, "scores");
        const auto p = as_const_view<3>(b, boxes, op, "boxes");
        const auto labels = as_const_view<2>(b, t.labels, op, "targets");
        check_shape(op, "boxes", {x.extent[0], x.extent[1], 4}, p.extent);
        check_shape(op, "targets", {x.extent[0], x.extent[1]}, labels.extent);
        const index images = x.extent[0];
        for (const auto* u : {&upstream.classes, &upstream.boxes}) {
            if (!u->empty()) check_shape<1>(op, "upstream", {{images}}, {{static_cast<index>(u->size())}});
        }
        const auto quality = as_const_view<2>(b, t.quality, op, "targets");
        const auto weight = as_const_view<2>(b, t.weight, op, "targets");
        const auto truth_boxes = as_const_view<3>(b, t.boxes, op, "targets");
        ddq_value<T> value;
        for (index i = 0; i < images; ++i) {
            const auto y = detail::image_of(labels, i);
            const auto q = detail::image_of(quality, i);
            const auto of = [&](const std::vector<double>& u) {
                return (u.empty() ? 1.0 : u[static_cast<std::size_t>(i)]) / normaliser;
            };
            value.classes.push_back(
                one(b, weighted<per_row<Classes>>{class_weight, {class_term}}, detail::image_of(x, i),
                    targets(y).scores(q), detail::image_of(weight, i), normaliser, of(upstream.classes),
                    gradient ? detail::image_of(as_view<3>(b, gradient->classes, op, "gradient"), i) : view<T, 2>{}));
            value.boxes.push_back(
                one(b, weighted<Box>{box_weight, box}, detail::image_of(p, i), detail::image_of(truth_boxes, i), q,
                    normaliser, of(upstream.boxes),
                    gradient ? detail::image_of(as_view<3>(b, gradient->boxes, op, "gradient"), i) : view<T, 2>{}));
        }
        return value;
    }

    /// mmdetection's mean with an average factor of 1.
    template <class B, class Term, class T, class Y>
    static T one(const B& b, const Term& term, const view<const T, 2>& x, const Y& y, const view<const T, 1>& weight,
                 double normaliser, double upstream, view<T, 2> gradient) {
        const reduction::mean_over red{1.0};
        const T v = gradient.data ? value_and_gradient_into(b, term, red, x, y, gradient, weight, upstream)
                                  : loss::value(b, term, red, x, y, weight);
        return static_cast<T>(static_cast<double>(v) / normaliser);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
