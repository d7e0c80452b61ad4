// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/sum.hpp>
#include <boxgrad/head/detail/yolox_kernels.hpp>
#include <boxgrad/head/recipe.hpp>
#include <boxgrad/head/yolox_head.hpp>

namespace boxgrad::inline BOXGRAD_ABI {

/// One number for each term of the loss: weights, or upstream gradients.
struct yolox_terms {
    double classes = 1, boxes = 1, objectness = 1, l1 = 1;
};

/// The loss of a batch. Terms carry their weights and are divided by the normaliser.
template <real T>
struct yolox_value {
    T classes, boxes, objectness, l1;  ///< l1 is 0 where that term is absent
    T total;
    index positives;    ///< of this process
    double normaliser;  ///< what the terms were divided by
};

/// Gradients with respect to the head's outputs, a tensor a level, in tensors that the backend made.
template <backend B>
struct yolox_gradient {
    std::vector<tensor_t<B, typename B::scalar, 4>> classes, boxes, objectness;
};

template <backend B>
struct yolox_evaluation {
    yolox_value<typename B::scalar> value;
    assigner::result<B> assignment;
};
template <backend B>
struct yolox_evaluation_with_gradient {
    yolox_value<typename B::scalar> value;
    yolox_gradient<B> gradient;
    assigner::result<B> assignment;
};

/// The first phase's result: who is assigned to whom, and how many are positive.
template <backend B>
struct yolox_count {
    assigner::detail::matching<B> matching;
    boxgrad::detail::device_truths<B> truths;
    index positives;

    /// What mmdetection divides by on one process.
    double normaliser() const { return positives > 1 ? static_cast<double>(positives) : 1.0; }
};

/// The whole loss of a YOLOX head and its gradient with respect to the head's raw outputs.
///
///     classes      Σ over positives, classes   BCE(logit, overlap at the truth's label, else 0)
///     boxes        Σ over positives            Box(decode(prior, raw), truth)
///     objectness   Σ over all priors           BCE(logit, 1 for positives, else 0)
///     l1           Σ over positives            |raw - encode(prior, truth)|, where L1 is not none
///
/// each times its weight, over max(positives, 1). Positives are chosen by SimOTA; targets are constants.
/// Priors whose centre lies in an ignored region of the truths enter nothing: their objectness weighs 0, and
/// its gradient is exactly 0, whatever the prediction.
/// Shapes: yolox_head's; priors are numbered level by level, row by row. One call takes a whole batch.
/// Gradients are written completely, zeros included. Inputs are only read (promise P25).
///
/// Terms and the assigner are template arguments; `loss::none` leaves a term out at no cost.
/// Errors: shape_error, config_error, gt_error, size_error, before anything is written.
///
/// Ge et al., YOLOX, 2021; mmdetection 3.3, YOLOXHead.loss_by_feat. `recipe` has the variants.
template <class Recipe = recipe::mmdetection, class Box = typename Recipe::box, class L1 = loss::none,
          class Assigner = typename Recipe::assigner, class Classes = loss::bce, class Objectness = loss::bce>
    requires(loss::box_term<Box> || std::same_as<Box, loss::none>) &&
            (loss::elementwise_term<L1> || std::same_as<L1, loss::none>) &&
            (loss::elementwise_term<Classes> || std::same_as<Classes, loss::none>) &&
            (loss::elementwise_term<Objectness> || std::same_as<Objectness, loss::none>)
struct yolox_loss {
    index classes = 80;                       ///< C
    per_level<stride> strides{8, 16, 32};     ///< pixels a cell
    yolox_terms weights{.boxes = 5};          ///< of the terms, >= 0
    bad_truth truths = bad_truth::reject;     ///< what to do with truths that are not boxes
    Assigner assigner{};
    Box box = default_box();
    L1 l1{};
    Classes class_term{};
    Objectness objectness_term{};
    coder::yolox coder{};

    /// The loss alone.
    template <backend B, readable_head<B> H>
    yolox_evaluation<B> value(const B& b, const H& head, const truth_list<typename B::scalar>& t) const {
        auto counted = count(b, head, t);
        const auto v = finish(b, head, counted, counted.normaliser());
        return {v, std::move(counted.matching.result)};
    }

    /// The loss, and its gradient in the caller's tensors. `upstream` multiplies each term's gradient.
    template <backend B, readable_head<B> H, writable_head<B> G>
    yolox_evaluation<B> value_and_gradient_into(const B& b, const H& head,
                                                const truth_list<typename B::scalar>& t, const G& gradient,
                                                const yolox_terms& upstream = {}) const {
        look_at_gradient(b, look(b, head), gradient);
        auto counted = count(b, head, t);
        const auto v = finish_into(b, head, counted, counted.normaliser(), gradient, upstream);
        return {v, std::move(counted.matching.result)};
    }

    /// The loss, and its gradient in tensors that the backend makes.
    template <backend B, readable_head<B> H>
    yolox_evaluation_with_gradient<B> value_and_gradient(const B& b, const H& head,
                                                         const truth_list<typename B::scalar>& t,
                                                         const yolox_terms& upstream = {}) const {
        auto gradient = make_gradient(b, head);
        auto r = value_and_gradient_into(
            b, head, t, yolox_head(gradient.classes, gradient.boxes, gradient.objectness), upstream);
        return {r.value, std::move(gradient), std::move(r.assignment)};
    }

    /// First phase: assigns, and counts the positives. A caller may sum them over ranks before `finish`.
    template <backend B, readable_head<B> H>
    yolox_count<B> count(const B& b, const H& head, const truth_list<typename B::scalar>& t) const {
        const auto v = look(b, head);
        check();
        auto device = boxgrad::detail::upload_truths(b, op, t, v.images(), classes, truths);
        auto m = assigner.match(b, op, scene_of<B>(v), device);
        const index positives = m.result.total_positives();
        return {std::move(m), std::move(device), positives};
    }

    /// Second phase: the loss over `normaliser`, > 0; mmdetection's is max(mean of positives over
    /// ranks, 1).
    template <backend B, readable_head<B> H>
    yolox_value<typename B::scalar> finish(const B& b, const H& head, const yolox_count<B>& counted,
                                           double normaliser) const {
        return run(b, look(b, head), counted, normaliser, {}, {}, false);
    }

    /// Second phase with the gradient in the caller's tensors.
    template <backend B, readable_head<B> H, writable_head<B> G>
    yolox_value<typename B::scalar> finish_into(const B& b, const H& head, const yolox_count<B>& counted,
                                                double normaliser, const G& gradient,
                                                const yolox_terms& upstream = {}) const {
        const auto v = look(b, head);
        return run(b, v, counted, normaliser, look_at_gradient(b, v, gradient), upstream, true);
    }

    /// Tensors of the head's extents, for gradients.
    template <backend B, readable_head<B> H>
    yolox_gradient<B> make_gradient(const B& b, const H& head) const {
        using T = typename B::scalar;
        const auto v = look(b, head);
        yolox_gradient<B> g;
        for (int l = 0; l < v.level.size(); ++l) {
            g.classes.push_back(b.template make<T, 4>(v.level[l].classes.extent));
            g.boxes.push_back(b.template make<T, 4>(v.level[l].boxes.extent));
            g.objectness.push_back(b.template make<T, 4>(v.level[l].objectness.extent));
        }
        return g;
    }

private:
    static constexpr const char* op = "yolox_loss";
    template <class B>
    using scene = head::detail::yolox_scene<lanes_t<B>, Assigner::rules::class_cost>;

    static constexpr Box default_box() {
        if constexpr (std::same_as<Box, typename Recipe::box>) {
            return Recipe::default_box;
        } else {
            return Box{};
        }
    }
    template <class B, class H>
    auto look(const B& b, const H& head) const {
        return head::detail::look_at_head<const typename B::scalar>(b, op, head, strides.size(), classes);
    }
    template <class B, class G>
    auto look_at_gradient(const B& b, const head::detail::head_view<const typename B::scalar>& head,
                          const G& gradient) const {
        const auto g = head::detail::look_at_head<typename B::scalar>(b, "yolox_loss gradient", gradient,
                                                                      strides.size(), classes);
        head::detail::check_gradient(op, g, head);
        return g;
    }
    template <class B>
    scene<B> scene_of(const head::detail::head_view<const typename B::scalar>& v) const {
        return {v, strides, coder};
    }
    void check() const {
        const auto refuse = [](const char* name, const char* want, const std::string& got) {
            raise(config_error(complaint(op, name, want, got)));
        };
        if (classes < 1) refuse("classes", "positive", std::to_string(classes));
        for (const stride& s : strides) {
            if (!(s.w > 0 && s.h > 0)) refuse("strides", "positive", std::to_string(s.w));
        }
        for (const double w : {weights.classes, weights.boxes, weights.objectness, weights.l1}) {
            if (!(w >= 0 && std::isfinite(w))) refuse("weights", "finite and not negative", std::to_string(w));
        }
    }

    template <class B>
    yolox_value<typename B::scalar> run(const B& b,
                                        const head::detail::head_view<const typename B::scalar>& v,
                                        const yolox_count<B>& counted, double normaliser,
                                        const head::detail::head_view<typename B::scalar>& gradient,
                                        const yolox_terms& upstream, bool with_gradient) const {
        using T = typename B::scalar;
        using V = lanes_t<B>;
        check();
        if (!(normaliser > 0 && std::isfinite(normaliser))) {
            raise(config_error(complaint(op, "normaliser", "finite and positive", std::to_string(normaliser))));
        }
        const auto& m = counted.matching;
        const auto s = scene_of<B>(v);
        const auto truth = as_const_view<2>(b, m.result.truth, op, "assignment");
        check_shape(op, "assignment", {{v.images(), v.priors()}}, truth.extent);
        const auto scale = [&](double weight, double up) { return static_cast<T>(weight * up / normaliser); };

        const index chunks = std::same_as<Objectness, loss::none> ? 0 : v.images() * s.chunks();
        auto objectness = b.template make<double, 1>(extents<1>{{chunks}});
        auto positive = b.template make<double, 2>(extents<2>{{3, counted.positives}});
        std::vector<index> offset{0};
        for (const index p : m.result.positives) offset.push_back(offset.back() + p);
        auto offsets = from_host(b, extents<1>{{v.images() + 1}}, offset.data());
        summation<B> sum(b, std::max(chunks, counted.positives));

        if (with_gradient) {
            for (int l = 0; l < v.level.size(); ++l) {
                head::detail::clear<V>(b, gradient.level[l].classes);
                head::detail::clear<V>(b, gradient.level[l].boxes);
                if constexpr (std::same_as<Objectness, loss::none>) {
                    head::detail::clear<V>(b, gradient.level[l].objectness);
                }
            }
        }
        if constexpr (!std::same_as<Objectness, loss::none>) {
            b.for_each(chunks, head::detail::objectness_kernel<scene<B>, Objectness>{
                                   s, objectness_term, truth, as_view<1>(b, objectness, op, "scratch"), gradient,
                                   scale(weights.objectness, upstream.objectness), with_gradient,
                                   counted.truths.look(b).ignored.extent[1] > 0});
        }
        const auto partial = as_view<2>(b, positive, op, "scratch");
        b.for_each(counted.positives,
                   head::detail::positive_kernel<scene<B>, Classes, Box, L1>{
                       s, class_term, box, l1, counted.truths.look(b),
                       as_const_view<2>(b, m.positive_prior, op, "positives"),
                       as_const_view<2>(b, m.positive_truth, op, "positives"),
                       as_const_view<2>(b, m.result.overlap, op, "overlap"), as_const_view<1>(b, offsets, op, "scratch"),
                       partial, gradient, scale(weights.classes, upstream.classes),
                       scale(weights.boxes, upstream.boxes), scale(weights.l1, upstream.l1), with_gradient});

        const auto term = [&](double weight, double total) { return static_cast<T>(total * weight / normaliser); };
        const auto of_positives = [&](int i) {
            return sum(view<const double, 1>(partial.data + i * partial.stride[0], extents<1>{{counted.positives}},
                                             extents<1>{{partial.stride[1]}}));
        };
        yolox_value<T> r{};
        r.classes = term(weights.classes, of_positives(0));
        r.boxes = term(weights.boxes, of_positives(1));
        r.l1 = term(weights.l1, of_positives(2));
        r.objectness = term(weights.objectness, sum(as_const_view<1>(b, objectness, op, "scratch")));
        r.total = r.classes + r.boxes + r.objectness + r.l1;
        r.positives = counted.positives;
        r.normaliser = normaliser;
        return r;
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI
