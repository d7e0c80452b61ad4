// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/parameter.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/detail/objects.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// What `eqlv2` remembers from step to step: the sums of gradients of C classes, on the host in double. Background is
/// not among them. Copy it to save it.
struct eqlv2_state {
    std::vector<double> pos_grad, neg_grad;  ///< [C] weighted |gradient| at labels, and elsewhere
    bool collected = false;                  ///< something has been

    eqlv2_state() = default;
    explicit eqlv2_state(index classes)
        : pos_grad(static_cast<std::size_t>(classes)), neg_grad(static_cast<std::size_t>(classes)) {}

    /// positive / (negative + 1e-10); 100 before anything is collected, so that all weights are 1.
    double pos_neg(index c) const {
        const auto i = static_cast<std::size_t>(c);
        return collected ? pos_grad[i] / (neg_grad[i] + 1e-10) : 100.0;
    }
    /// Adds what another state has collected: a step of another rank, into one that had both. Throws shape_error.
    void merge(const eqlv2_state& other) {
        check_shape<1>("eqlv2_state::merge", "other", {{static_cast<index>(pos_grad.size())}},
                       {{static_cast<index>(other.pos_grad.size())}});
        for (std::size_t c = 0; c < pos_grad.size(); ++c) {
            pos_grad[c] += other.pos_grad[c];
            neg_grad[c] += other.neg_grad[c];
        }
        collected = collected || other.collected;
    }
};

namespace detail {

/// The weight of every element: that of its class as a positive or a negative.
template <class T>
struct eqlv2_weight_kernel {
    label_reader<1> labels;
    view<const T, 2> by_class;  ///< [2, C + 1]: of negatives, of positives
    view<T, 2> out;

    BOXGRAD_FN void operator()(index e) const {
        const index i = e / out.extent[1];
        const index c = e % out.extent[1];
        out(i, c) = by_class(labels.at(i) == c ? 1 : 0, c);
    }
};

/// Gradients of a class, summed over a batch: [2, C] of negatives and of positives.
template <class T>
struct eqlv2_collect_kernel {
    label_reader<1> labels;
    view<const T, 2> logits, by_class;
    view<double, 2> out;

    BOXGRAD_FN void operator()(index c) const {
        double sum[2]{0, 0};
        for (index i = 0; i < logits.extent[0]; ++i) {
            const bool positive = labels.at(i) == c;
            const T x = logits(i, c);
            sum[positive ? 1 : 0] += static_cast<double>(sigmoid(positive ? -x : x));
        }
        for (int s = 0; s < 2; ++s) out(s, c) = sum[s] * static_cast<double>(by_class(s, c));
    }
};

template <class T>
struct eqlv2_activation_kernel {
    view<const T, 2> logits;
    view<T, 2> out;

    BOXGRAD_FN void operator()(index e) const {
        const index i = e / out.extent[1];
        const index c = e % out.extent[1];
        const index last = out.extent[1] - 1;
        const T p = sigmoid(logits(i, c));
        out(i, c) = c == last ? p : p * sigmoid(-logits(i, last));
    }
};

}  // namespace detail

/// Equalization loss v2: binary cross entropy whose positives and negatives of a class are weighed by the ratio g of
/// the gradients that the class has collected.
///
///     ratio             g_c = Σ positive / (Σ negative + 1e-10), 100 at the start
///     negative weight   n_c = 1 / (1 + e^(-γ·(g_c - μ))), 1 for background
///     positive weight   q_c = 1 + α·(1 - n_c)
///     l = loss_weight/N · Σ_ic w_ic·BCE(x_ic, [c = y_i]),     w = q_c at the label, else n_c, constants
///     collected: |∂BCE/∂x|·w of every class but background, after the weights of this step were taken
///
/// Logits [N, C + 1], the last column background (objectness); labels [N] from 0 to C. N = 0 gives 0. `value` only
/// looks at the state; `value_and_gradient` collects into it, once nothing can fail any more. With several ranks
/// collect into a state of the step's own and merge those of all ranks: mmdetection's all_reduce.
///
/// Errors: shape_error; config_error for a label that is no column, naming the row, and for parameters that are not
/// finite. Scratch: a weight for every logit.
///
/// Tan et al., Equalization Loss v2, CVPR 2021, equations 5 to 7; mmdetection 3.3, EQLV2Loss, which takes no weight and
/// no average factor either.
struct eqlv2 {
    double gamma = 12;
    double mu = 0.8;
    double alpha = 4;
    double loss_weight = 1;

    constexpr void check() const {
        for (const double x : {gamma, mu, alpha, loss_weight})
            check_finite("loss::eqlv2", "gamma, mu, alpha, loss_weight", x);
    }

    template <backend B, detail::numbers_for<B> X, detail::labels_for<B> Y>
    typename B::scalar value(const B& b, const X& logits, const Y& labels, const eqlv2_state& state) const {
        const prepared<B> p(*this, b, "eqlv2::value", logits, labels, state);
        return p.of_mean(loss::value(b, bce{}, reduction::sum{}, p.logits, targets(labels), p.weights()), loss_weight);
    }

    template <backend B, detail::numbers_for<B> X, detail::labels_for<B> Y>
    auto value_and_gradient(const B& b, const X& logits, const Y& labels, eqlv2_state& state,
                            double upstream = 1) const {
        eqlv2_state step(static_cast<index>(state.pos_grad.size()));
        auto r = value_and_gradient(b, logits, labels, std::as_const(state), step, upstream);
        state.merge(step);
        return r;
    }

    /// With weights of `state`, which stays; what is collected goes into `step`, a new state of as many classes.
    template <backend B, detail::numbers_for<B> X, detail::labels_for<B> Y>
    auto value_and_gradient(const B& b, const X& logits, const Y& labels, const eqlv2_state& state, eqlv2_state& step,
                            double upstream = 1) const {
        const char* op = "eqlv2::value_and_gradient";
        const prepared<B> p(*this, b, op, logits, labels, state);
        const index classes = p.logits.extent[1] - 1;
        check_shape<1>(op, "step", {{classes}}, {{static_cast<index>(step.pos_grad.size())}});
        auto r = loss::value_and_gradient(b, bce{}, reduction::sum{}, p.logits, targets(labels), p.weights(),
                                          p.of_mean(1.0, loss_weight * upstream));
        r.value = p.of_mean(r.value, loss_weight);
        auto sums = b.template make<double, 2>(extents<2>{{2, classes}});
        b.for_each(classes, detail::eqlv2_collect_kernel<typename B::scalar>{p.labels, p.logits, p.by_class(),
                                                                             as_view<2>(b, sums, op, "scratch")});
        const auto host = to_host<2>(b, sums);
        eqlv2_state batch(classes);
        std::copy_n(host.begin(), classes, batch.neg_grad.begin());
        std::copy_n(host.begin() + classes, classes, batch.pos_grad.begin());
        batch.collected = true;
        step.merge(batch);
        return r;
    }

    /// Probabilities of the logits [N, C + 1]: σ(x), and times the probability of no background for the classes.
    template <backend B, detail::numbers_for<B> X>
    auto activation(const B& b, const X& logits) const {
        using T = typename B::scalar;
        const char* op = "eqlv2::activation";
        const auto x = as_const_view<2>(b, logits, op, "logits");
        auto out = b.template make<T, 2>(x.extent);
        b.for_each(x.size(), detail::eqlv2_activation_kernel<T>{x, as_view<2>(b, out, op, "out")});
        return out;
    }

private:
    /// Checked inputs, and the weights that follow from the state.
    template <class B>
    struct prepared {
        using T = typename B::scalar;
        const B& b;
        const char* op;
        view<const T, 2> logits;
        detail::label_reader<1> labels;
        tensor_t<B, T, 2> class_weights, element_weights;

        template <class X, class Y>
        prepared(const eqlv2& l, const B& backend, const char* operation, const X& x, const Y& y,
                 const eqlv2_state& state)
            : b(backend),
              op(operation),
              logits(as_const_view<2>(backend, x, operation, "logits")),
              labels(detail::read_labels<1>(backend, operation, "labels", y, {{logits.extent[0]}})),
              class_weights(l.template weights_by_class<B>(backend, operation, logits.extent[1], state)),
              element_weights(backend.template make<T, 2>(logits.extent)) {
            detail::survey_kernel<T, 1, 1, detail::any_target> s;
            s.labels = labels;
            s.rows = logits.extent[0];
            s.highest_label = logits.extent[1] - 1;
            detail::survey(b, op, s);
            b.for_each(logits.size(), detail::eqlv2_weight_kernel<T>{labels, by_class(),
                                                                     as_view<2>(b, element_weights, op, "scratch")});
        }
        view<const T, 2> by_class() const { return as_const_view<2>(b, class_weights, op, "scratch"); }
        view<const T, 2> weights() const { return as_const_view<2>(b, element_weights, op, "scratch"); }
        template <class S>
        S of_mean(S sum, double factor) const {
            return logits.extent[0] == 0 ? S(0) : detail::scaled(sum, factor / static_cast<double>(logits.extent[0]));
        }
    };

    template <class B>
    auto weights_by_class(const B& b, const char* op, index columns, const eqlv2_state& state) const {
        using T = typename B::scalar;
        check();
        check_shape<1>(op, "state", {{columns - 1}}, {{static_cast<index>(state.pos_grad.size())}});
        std::vector<T> w;
        for (index c = 0; c < columns; ++c) w.push_back(static_cast<T>(negative_weight(c, columns, state)));
        for (index c = 0; c < columns; ++c)
            w.push_back(static_cast<T>(1 + alpha * (1 - negative_weight(c, columns, state))));
        return from_host(b, extents<2>{{2, columns}}, w.data());
    }
    double negative_weight(index c, index columns, const eqlv2_state& state) const {
        return c + 1 == columns ? 1.0 : 1 / (1 + std::exp(-gamma * (state.pos_neg(c) - mu)));
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
