// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Prime sample attention: isr_p weighs positives by their importance, carl lets a box's loss teach its score.
/// Cao, Chen, Loy and Lin, Prime Sample Attention in Object Detection, CVPR 2020; mmdetection 3.3, pisa_loss.py.

#include <boxgrad/core/parameter.hpp>
#include <boxgrad/core/power.hpp>
#include <boxgrad/loss/detail/objects.hpp>
#include <boxgrad/loss/per_row.hpp>
#include <boxgrad/overlap/iou.hpp>
#include <boxgrad/overlap/pairwise.hpp>

#include <algorithm>
#include <numeric>

namespace boxgrad::inline BOXGRAD_ABI::loss {

namespace detail {

/// 1 for rows whose label is a class, else 0.
template <class T>
struct positive_kernel {
    label_reader<1> labels;
    std::int64_t classes;
    view<T, 1> out;

    BOXGRAD_FN void operator()(index i) const {
        const std::int64_t l = labels.at(i);
        out(i) = l >= 0 && l < classes ? T(1) : T(0);
    }
};

/// Checks labels and writes which rows are positive. Throws config_error for a label above `classes`.
template <class B>
void find_positives(const B& b, const char* op, const label_reader<1>& labels, index rows, index classes,
                    const view<typename B::scalar, 1>& out) {
    using T = typename B::scalar;
    survey_kernel<T, 1, 1, any_target> s;
    s.labels = labels;
    s.ignored.negatives = true;
    s.rows = rows;
    s.highest_label = classes;
    survey(b, op, s);
    b.for_each(rows, positive_kernel<T>{labels, classes, out});
}

template <class Y, class B>
concept row_labels = labels_for<Y, B>;

}  // namespace detail

/// Importance-based sample reweighting of positives: the weights of a classification loss.
///
///     1. positives of the same truth and class are ranked by the overlap of their predicted box, the best first
///     2. those of a class are ranked by the rank of step 1, then by overlap: r = 0, 1, ...
///     3. u = (n_max - r)/n_max                      n_max: positives of the most frequent class
///     4. w' = (bias + (1 - bias)·w·u)^k             w: the sample's weight until now
///     5. w' ← w'·Σ w·l / Σ w'·l                     l: the classification loss of a row; the sum stays what it was
///
/// Negatives keep their weight. Logits [N, C] or, with a background column, [N, C + 1]; labels [N]: below `classes` is
/// positive, `classes` is background, a negative label is ignored; boxes, target_boxes [N, 4] decoded, x1 y1 x2 y2;
/// truths [N] whole numbers that tell the truths of the batch apart, read for positives only; weights [N] or none for
/// ones. The term: cross_entropy, or an elementwise term, summed over classes. The result [N] is a constant of the
/// loss. Equal overlaps: the first row ranks higher. A sample of weight 0 stays at 0 (mmdetection gives it bias^k).
/// Where Σ w'·l = 0 step 5 is left out.
///
/// Errors: shape_error; config_error for a label above `classes`, naming the row, for k < 0 and for bias outside of
/// [0, 1]. Ranks are found on the host, from N numbers a column. Equations 1 to 3 of the paper, isr_p of mmdetection.
struct isr_p {
    double k = 2;
    double bias = 0;
    index classes = 80;

    constexpr void check() const {
        check_not_negative("loss::isr_p", "k", k);
        check_parameter("loss::isr_p", "bias", bias >= 0 && bias <= 1, "in [0, 1]", bias);
        check_count("loss::isr_p", "classes", classes);
    }

    template <backend B, term Term, detail::numbers_for<B> X, detail::row_labels<B> Y, detail::numbers_for<B> P,
              detail::numbers_for<B> Q, detail::row_labels<B> G, detail::optional_numbers<B> W = ones>
    auto weights(const B& b, const Term& classification, const X& logits, const Y& labels, const P& boxes,
                 const Q& target_boxes, const G& truths, const W& label_weights = {}) const {
        using T = typename B::scalar;
        const char* op = "isr_p::weights";
        check();
        const auto x = as_const_view<2>(b, logits, op, "logits");
        const index n = x.extent[0];
        if (x.extent[1] < classes) check_shape(op, "logits", {n, classes}, x.extent);
        check_shape(op, "boxes", {n, 4}, as_const_view<2>(b, boxes, op, "boxes").extent);
        check_shape(op, "target_boxes", {n, 4}, as_const_view<2>(b, target_boxes, op, "target_boxes").extent);
        const auto y = detail::read_labels<1>(b, op, "labels", labels, {{n}});
        detail::read_labels<1>(b, op, "truths", truths, {{n}});
        auto positive = b.template make<T, 1>(extents<1>{{n}});
        const auto p = as_view<1>(b, positive, op, "scratch");
        detail::find_positives(b, op, y, n, classes, p);

        std::vector<T> weight(static_cast<std::size_t>(n), T(1));
        if constexpr (!std::same_as<W, ones>) {
            check_shape(op, "label_weights", {n}, as_const_view<1>(b, label_weights, op, "label_weights").extent);
            weight = to_host<1>(b, label_weights);
            for (std::size_t i = 0; i < weight.size(); ++i) {
                if (weight[i] >= T(0)) continue;
                raise(config_error(complaint(op, "label_weights", "not negative",
                                             "a negative or NaN entry in row " + std::to_string(i))));
            }
        }
        const auto loss_of_row = to_host<1>(b, row_losses(b, classification, x, labels, view<const T, 1>(p)));
        const auto overlap = to_host<1>(b, overlap::aligned(b, overlap::iou{}, boxes, target_boxes));
        const auto importance = ranked(to_host<1>(b, labels), to_host<1>(b, truths), overlap);
        double before = 0;
        double after = 0;
        std::vector<double> w(importance.size());
        for (std::size_t i = 0; i < w.size(); ++i) {
            if (importance[i] < 0 || weight[i] == T(0)) continue;
            const double old = static_cast<double>(weight[i]);
            w[i] = std::pow(bias + (1 - bias) * old * importance[i], k);
            before += old * static_cast<double>(loss_of_row[i]);
            after += w[i] * static_cast<double>(loss_of_row[i]);
        }
        const double ratio = after > 0 ? before / after : 1.0;
        for (std::size_t i = 0; i < w.size(); ++i) {
            if (importance[i] >= 0 && weight[i] != T(0)) weight[i] = static_cast<T>(w[i] * ratio);
        }
        return from_host(b, extents<1>{{n}}, weight.data());
    }

private:
    template <class B, class Term, class T, class Y>
    static auto row_losses(const B& b, const Term& term, const view<const T, 2>& x, const Y& labels,
                           const view<const T, 1>& positive) {
        const auto y = targets(labels).ignore_negatives();
        if constexpr (row_term<Term> || softmax_term<Term>) {
            return loss::value(b, term, reduction::none{}, x, y, positive);
        } else {
            return loss::value(b, per_row<Term>{term}, reduction::none{}, x, y, positive);
        }
    }

    /// (n_max - r)/n_max of every positive, -1 of others.
    template <class Label, class Truth, class T>
    std::vector<double> ranked(const std::vector<Label>& labels, const std::vector<Truth>& truths,
                               const std::vector<T>& overlaps) const {
        std::vector<std::size_t> rows;
        for (std::size_t i = 0; i < labels.size(); ++i) {
            if (labels[i] >= 0 && static_cast<index>(labels[i]) < classes) rows.push_back(i);
        }
        const auto overlap = [&](std::size_t i) { return overlaps[i] == overlaps[i] ? overlaps[i] : T(-1); };
        std::vector<index> local(labels.size()), all(labels.size());
        const auto rank = [&](const auto& before, const auto& same, std::vector<index>& ranks) {
            index most = 0;
            std::sort(rows.begin(), rows.end(), before);
            for (std::size_t j = 0; j < rows.size(); ++j) {
                ranks[rows[j]] = j > 0 && same(rows[j - 1], rows[j]) ? ranks[rows[j - 1]] + 1 : 0;
                most = std::max(most, ranks[rows[j]] + 1);
            }
            return most;
        };
        rank(
            [&](std::size_t i, std::size_t j) {
                if (labels[i] != labels[j]) return labels[i] < labels[j];
                if (truths[i] != truths[j]) return truths[i] < truths[j];
                return overlap(i) != overlap(j) ? overlap(i) > overlap(j) : i < j;
            },
            [&](std::size_t i, std::size_t j) { return labels[i] == labels[j] && truths[i] == truths[j]; }, local);
        const index most = rank(
            [&](std::size_t i, std::size_t j) {
                if (labels[i] != labels[j]) return labels[i] < labels[j];
                if (local[i] != local[j]) return local[i] < local[j];
                return overlap(i) != overlap(j) ? overlap(i) > overlap(j) : i < j;
            },
            [&](std::size_t i, std::size_t j) { return labels[i] == labels[j]; }, all);
        std::vector<double> u(labels.size(), -1);
        for (const std::size_t i : rows) u[i] = static_cast<double>(most - all[i]) / static_cast<double>(most);
        return u;
    }
};

namespace detail {

/// Score, weight and loss of every positive.
template <class T>
struct carl_kernel {
    view<const T, 2> logits;
    label_reader<1> labels;
    view<const T, 1> positive;
    view<const T, 2> losses;  ///< of a row's numbers
    T k, bias;
    bool by_sigmoid;
    view<double, 1> weight, weighted_loss, loss;
    view<T, 1> slope;  ///< of the weight by the logit at the label

    struct row_x {
        const carl_kernel& of;
        index i;
        BOXGRAD_FN T operator()(index c, int) const { return of.logits(i, c); }
    };
    struct ignore {
        BOXGRAD_FN void operator()(T, index, int) const {}
    };
    BOXGRAD_FN softmax_sums<T> sums(index i) const {
        return softmax_of<T>(logits.extent[1], row_x{*this, i}, ignore{});
    }

    BOXGRAD_FN void operator()(index i) const {
        weight(i) = weighted_loss(i) = loss(i) = 0;
        slope(i) = T(0);
        if (positive(i) == T(0)) return;
        const T x = logits(i, labels.at(i));
        T score = sigmoid(x);
        T rest = sigmoid(-x);
        if (!by_sigmoid) {
            const auto s = sums(i);
            const T e = exp(x - s.largest);
            score = e * s.inverse();
            rest = s.others(e);
        }
        const T one(1);
        const T base = bias + (one - bias) * score;
        const T w = k == T(0) ? one : power(base, k);
        double l = 0;
        for (index c = 0; c < losses.extent[1]; ++c) l += static_cast<double>(losses(i, c));
        weight(i) = static_cast<double>(w);
        weighted_loss(i) = static_cast<double>(w) * l;
        loss(i) = l;
        slope(i) = base == T(0) ? T(0) : k * w * ((one - bias) * score / base) * rest;
    }
};

/// Weights that sum to the number of positives.
template <class T>
struct carl_weight_kernel {
    view<const double, 1> weight;
    double ratio;
    view<T, 1> out;
    BOXGRAD_FN void operator()(index i) const { out(i) = static_cast<T>(weight(i) * ratio); }
};

/// The gradient by the logits: the loss of a row against the mean loss, times the slope of its weight.
template <class T>
struct carl_logit_kernel {
    carl_kernel<T> of;
    double positives, mean, scale;  ///< Σ positive, Σ w·l/Σ w·positives, factor/Σ w
    view<T, 2> out;

    BOXGRAD_FN void operator()(index i) const {
        for (index c = 0; c < out.extent[1]; ++c) out(i, c) = T(0);
        if (of.positive(i) == T(0)) return;
        const T at_label = static_cast<T>(scale * (positives * of.loss(i) - mean)) * of.slope(i);
        const index y = static_cast<index>(of.labels.at(i));
        if (!of.by_sigmoid) {
            // p_y·(1 - p_y) = Σ_{c≠y} p_y·p_c: the slope at the label spreads over the others by their share.
            const auto s = of.sums(i);
            const T others = s.others(exp(of.logits(i, y) - s.largest));
            for (index c = 0; c < out.extent[1]; ++c) {
                const T p = exp(of.logits(i, c) - s.largest) * s.inverse();
                out(i, c) = others == T(0) ? T(0) : -at_label * (p / others);
            }
        }
        out(i, y) = at_label;
    }
};

}  // namespace detail

template <backend B>
struct carl_gradient {
    typename B::scalar value;
    tensor_t<B, typename B::scalar, 2> logits, boxes;
};

/// Classification-aware regression loss: the loss of positive boxes, weighed by the score of their class, through which
/// it has a gradient by the logits, too.
///
///     v_i = (bias + (1 - bias)·p_i)^k              p: probability of row i's class
///     L   = 1/avg_factor · Σ_i P·v_i/Σ v · l_i     P positives; l: the sum of the term over a positive's box
///     ∂L/∂v_i = (P·l_i - Σ_j P·v_j/Σ v · l_j) / (avg_factor·Σ v)
///
/// Scores by softmax over all columns, or by `sigmoid`. Logits [N, C] or [N, C + 1], labels [N] as for isr_p; boxes and
/// targets [N, 4] as the term has them: deltas with smooth_l1, or decoded boxes. Without an avg_factor N divides.
/// Without positives everything is 0.
///
/// Errors: shape_error; config_error for a label above `classes`, naming the row, for k < 0, bias outside of [0, 1] and
/// an avg_factor that is not positive. Equations 4 and 5 of the paper, where L is a sum; mmdetection's carl_loss.
struct carl {
    double k = 1;
    double bias = 0.2;
    bool sigmoid = false;
    index classes = 80;

    constexpr void check() const {
        check_not_negative("loss::carl", "k", k);
        check_parameter("loss::carl", "bias", bias >= 0 && bias <= 1, "in [0, 1]", bias);
        check_count("loss::carl", "classes", classes);
    }

    template <backend B, term Term, detail::numbers_for<B> X, detail::row_labels<B> Y, detail::numbers_for<B> P,
              detail::numbers_for<B> Q>
    typename B::scalar value(const B& b, const Term& regression, const X& logits, const Y& labels, const P& boxes,
                             const Q& target, std::optional<double> avg_factor = {}) const {
        return run(b, "carl::value", regression, logits, labels, boxes, target, avg_factor, 1.0,
                   static_cast<carl_gradient<B>*>(nullptr));
    }
    template <backend B, term Term, detail::numbers_for<B> X, detail::row_labels<B> Y, detail::numbers_for<B> P,
              detail::numbers_for<B> Q>
    carl_gradient<B> value_and_gradient(const B& b, const Term& regression, const X& logits, const Y& labels,
                                        const P& boxes, const Q& target, std::optional<double> avg_factor = {},
                                        double upstream = 1) const {
        using T = typename B::scalar;
        const char* op = "carl::value_and_gradient";
        carl_gradient<B> r{T(0), b.template make<T, 2>(as_const_view<2>(b, logits, op, "logits").extent),
                           b.template make<T, 2>(as_const_view<2>(b, boxes, op, "boxes").extent)};
        r.value = run(b, op, regression, logits, labels, boxes, target, avg_factor, upstream, &r);
        return r;
    }

private:
    template <class B, class Term, class X, class Y, class P, class Q>
    auto run(const B& b, const char* op, const Term& regression, const X& logits, const Y& labels, const P& boxes,
             const Q& target, std::optional<double> avg_factor, double upstream, carl_gradient<B>* gradient) const {
        using T = typename B::scalar;
        check();
        if (avg_factor) check_positive(op, "avg_factor", *avg_factor);
        const auto x = as_const_view<2>(b, logits, op, "logits");
        const index n = x.extent[0];
        if (x.extent[1] < classes) check_shape(op, "logits", {n, classes}, x.extent);
        check_shape(op, "boxes", {n, 4}, as_const_view<2>(b, boxes, op, "boxes").extent);
        const auto y = detail::read_labels<1>(b, op, "labels", labels, {{n}});
        const extents<1> rows{{n}};
        auto positive = b.template make<T, 1>(rows);
        const auto p = as_view<1>(b, positive, op, "scratch");
        detail::find_positives(b, op, y, n, classes, p);

        const view<const T, 1> counts = p;
        const auto losses = loss::value(b, regression, reduction::none{}, boxes, target, counts);
        auto weight = b.template make<double, 1>(rows);
        auto weighted_loss = b.template make<double, 1>(rows);
        auto row_loss = b.template make<double, 1>(rows);
        auto slope = b.template make<T, 1>(rows);
        const detail::carl_kernel<T> kernel{x,
                                            y,
                                            counts,
                                            as_columns<T>(b, op, losses),
                                            static_cast<T>(k),
                                            static_cast<T>(bias),
                                            sigmoid,
                                            as_view<1>(b, weight, op, "scratch"),
                                            as_view<1>(b, weighted_loss, op, "scratch"),
                                            as_view<1>(b, row_loss, op, "scratch"),
                                            as_view<1>(b, slope, op, "scratch")};
        b.for_each(n, kernel);
        summation<B> sum(b, n);
        double positives = 0;
        for (const T one : to_host<1>(b, positive)) positives += static_cast<double>(one);
        const double weights = sum(kernel.weight);
        const double ratio = weights > 0 ? positives / weights : 0.0;
        const double total = ratio * sum(kernel.weighted_loss);
        const double divisor = avg_factor.value_or(n > 0 ? static_cast<double>(n) : 1.0);
        if (gradient) {
            auto row_weight = b.template make<T, 1>(rows);
            const auto w = as_view<1>(b, row_weight, op, "scratch");
            b.for_each(n, detail::carl_weight_kernel<T>{kernel.weight, ratio, w});
            const auto g = as_view<2>(b, gradient->boxes, op, "gradient");
            auto of_boxes = g;
            loss::value_and_gradient_into(b, regression, reduction::sum{}, boxes, target, of_boxes, view<const T, 1>(w),
                                          upstream / divisor);
            b.for_each(n, detail::carl_logit_kernel<T>{kernel, positives, total,
                                                       weights > 0 ? upstream / (divisor * weights) : 0.0,
                                                       as_view<2>(b, gradient->logits, op, "gradient")});
        }
        return static_cast<T>(total / divisor);
    }

    /// Losses [N] as [N, 1].
    template <class T, class B, class L>
    static view<const T, 2> as_columns(const B& b, const char* op, const L& losses) {
        if constexpr (detail::static_rank<B, L>(2) == 1) {
            const auto v = as_const_view<1>(b, losses, op, "scratch");
            return {v.data, {{v.extent[0], 1}}, {{v.stride[0], 1}}};
        } else {
            return as_const_view<2>(b, losses, op, "scratch");
        }
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
