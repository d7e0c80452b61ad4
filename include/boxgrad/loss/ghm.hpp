// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/parameter.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/detail/objects.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// What GHM remembers where its momentum is not 0: for each bin a moving average of how many fell into it. Empty
/// stands for zeros.
struct ghm_state {
    std::vector<double> acc_sum;
};

/// How a batch spreads over the bins. Those of several ranks are merged before the loss is taken: then the loss of
/// each rank is its share of the loss of the whole batch, and all states stay equal.
struct ghm_histogram {
    std::vector<double> count;  ///< of valid elements in each bin
    double total = 0;           ///< valid elements (ghmc), or the sum of their weights (ghmr)

    /// Throws shape_error.
    void merge(const ghm_histogram& other) {
        check_shape<1>("ghm_histogram::merge", "other", {{static_cast<index>(count.size())}},
                       {{static_cast<index>(other.count.size())}});
        for (std::size_t i = 0; i < count.size(); ++i) count[i] += other.count[i];
        total += other.total;
    }
};

/// The authentic smooth L1 of GHM-R, smooth everywhere:
///
///     d = x - t       l = sqrt(d² + μ²) - μ     computed as d·d / (sqrt(d² + μ²) + μ)
///     ∂l/∂x = d / sqrt(d² + μ²)
///
/// Throws config_error unless μ is positive.
struct authentic_smooth_l1 {
    double mu = 0.02;

    constexpr void check() const { check_positive("loss::authentic_smooth_l1", "mu", mu); }
    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t) const {
        const V m(static_cast<scalar_t<V>>(mu));
        const V d = abs(x - V(t));
        return d * (d / (root(d) + m));
    }
    /// sqrt(d² + μ²), which neither overflows nor vanishes.
    template <number V>
    BOXGRAD_FN constexpr V root(V d) const {
        const V m(static_cast<scalar_t<V>>(mu));
        const auto small = d < m;
        const V larger = select(small, m, d);
        const V ratio = select(small, d, m) / larger;
        return larger * sqrt(V(scalar_t<V>(1)) + ratio * ratio);
    }
};
static_assert(elementwise_term<authentic_smooth_l1>);

namespace detail {

/// |∂BCE/∂x|.
struct bce_length {
    template <class T>
    BOXGRAD_FN T operator()(T x, T t) const {
        return abs((T(1) - t) * sigmoid(x) - t * sigmoid(-x));
    }
};
/// |∂l/∂x| of authentic_smooth_l1.
struct smooth_l1_length {
    authentic_smooth_l1 term;
    template <class T>
    BOXGRAD_FN T operator()(T x, T t) const {
        const T d = abs(x - t);
        return d / term.root(d);
    }
};

/// The bin of every element.
template <class T, class Length>
struct ghm_bins {
    Length length;
    reader<const T, 2> prediction, target;
    label_reader<1> labels;
    matrix_weights<T> weight;
    index columns, elements;
    int bins;

    BOXGRAD_FN T target_of(index e) const {
        return labels.given() ? T(labels.at(e / columns) == e % columns ? 1 : 0) : target.at(e);
    }
    /// From i/bins up to (i + 1)/bins, which belongs to the next; 1 and NaN to the last.
    BOXGRAD_FN int bin(index e) const {
        const T g = length(prediction.at(e), target_of(e));
        const T n(static_cast<T>(bins));
        if (!(g * n < n)) return bins - 1;
        int i = static_cast<int>(g * n);
        if (i > bins - 1) i = bins - 1;
        if (i > 0 && g < static_cast<T>(i) / n) return i - 1;
        if (i + 1 < bins && g >= static_cast<T>(i + 1) / n) return i + 1;
        return i;
    }
};

template <class Bins>
struct ghm_count_kernel {
    static constexpr index block = 1024;
    Bins in;
    bool by_weight;         ///< the total is of weights
    view<double, 2> count;  ///< [blocks, bins + 1]: the last is the total
    view<index, 1> bad_weight;

    BOXGRAD_FN index blocks() const { return (in.elements + block - 1) / block; }
    BOXGRAD_FN void operator()(index b) const {
        for (index i = 0; i <= in.bins; ++i) count(b, i) = 0;
        bad_weight(b) = -1;
        const index end = in.elements < (b + 1) * block ? in.elements : (b + 1) * block;
        for (index e = b * block; e < end; ++e) {
            const auto w = in.weight.at(e);
            if (!(w >= 0) && bad_weight(b) < 0) bad_weight(b) = e / in.columns;
            if (!(w > 0)) continue;
            count(b, in.bin(e)) += 1;
            count(b, in.bins) += by_weight ? static_cast<double>(w) : 1.0;
        }
    }
};

template <class Bins, class T>
struct ghm_weight_kernel {
    Bins in;
    view<const T, 1> by_bin;
    reader<T, 2> out;

    BOXGRAD_FN void operator()(index e) const { out.at(e) = in.weight.at(e) > 0 ? by_bin(in.bin(e)) : T(0); }
};

/// Both losses of GHM. `Loss`: ghmc or ghmr.
template <class B, class Loss, class X, class Y, class W>
struct ghm_problem {
    using T = typename B::scalar;
    using Length = std::remove_cvref_t<decltype(std::declval<const Loss&>().length())>;
    using bins_type = ghm_bins<T, Length>;
    const B& b;
    const char* op;
    const Loss& loss;
    const Y& target;
    view<const T, 2> prediction;
    bins_type in;

    ghm_problem(const B& backend, const char* operation, const Loss& l, const X& x, const Y& y, const W& weight)
        : b(backend),
          op(operation),
          loss(l),
          target(y),
          prediction(as_const_view<2>(backend, x, operation, "prediction")),
          in{l.length(),
             reader<const T, 2>(prediction),
             {},
             {},
             weights_of_matrix(backend, operation, "label_weight", weight, prediction.extent),
             prediction.extent[1],
             prediction.size(),
             l.bins} {
        check_count(op, "bins", l.bins);
        check_parameter(op, "momentum", l.momentum >= 0 && l.momentum < 1, "at least 0 and below 1", l.momentum);
        check_finite(op, "loss_weight", l.loss_weight);
        detail::check(l.term());
        if constexpr (labels_for<Y, B>) {
            in.labels = read_labels<1>(b, op, "target", y, {{prediction.extent[0]}});
        } else {
            const auto t = as_const_view<2>(b, y, op, "target");
            check_shape(op, "target", prediction.extent, t.extent);
            in.target = reader<const T, 2>(t);
        }
    }

    ghm_histogram histogram() const {
        ghm_count_kernel<bins_type> k{in, Loss::total_of_weights, {}, {}};
        const index n = k.blocks();
        auto count = b.template make<double, 2>(extents<2>{{n, loss.bins + 1}});
        auto bad = b.template make<index, 1>(extents<1>{{n}});
        k.count = as_view<2>(b, count, op, "scratch");
        k.bad_weight = as_view<1>(b, bad, op, "scratch");
        b.for_each(n, k);
        for (const index row : to_host<1>(b, bad)) {
            if (row < 0) continue;
            raise(config_error(complaint(op, "label_weight", "not negative",
                                         "a negative or NaN entry in row " + std::to_string(row))));
        }
        const auto host = to_host<2>(b, count);
        const auto bins = static_cast<std::size_t>(loss.bins);
        ghm_histogram h{std::vector<double>(bins), 0};
        for (std::size_t i = 0; i < host.size(); ++i) {
            (i % (bins + 1) == bins ? h.total : h.count[i % (bins + 1)]) += host[i];
        }
        return h;
    }

    /// evaluate(reduction, weights) has to succeed before the state changes.
    template <class Red, class F>
    auto with_weights(const Red&, const ghm_histogram* merged, ghm_state& state, const F& evaluate) const {
        const ghm_histogram own = histogram();  // which looks at the weights, too
        const ghm_histogram& h = merged ? *merged : own;
        const auto bins = static_cast<std::size_t>(loss.bins);
        check_shape<1>(op, "histogram", {{loss.bins}}, {{static_cast<index>(h.count.size())}});
        ghm_state next = state;
        if (next.acc_sum.empty()) next.acc_sum.resize(bins);
        check_shape<1>(op, "state", {{loss.bins}}, {{static_cast<index>(next.acc_sum.size())}});
        const double total = std::max(h.total, 1.0);
        double filled = 0;
        for (const double n : h.count) filled += n > 0 ? 1 : 0;
        std::vector<T> by_bin(bins);
        for (std::size_t i = 0; i < bins; ++i) {
            if (!(h.count[i] > 0)) continue;
            double& sum = next.acc_sum[i];
            sum = loss.momentum * sum + (1 - loss.momentum) * h.count[i];
            by_bin[i] = static_cast<T>(total / (sum * filled));
        }
        auto weights = b.template make<T, 2>(prediction.extent);
        const auto bin_weights = from_host(b, extents<1>{{loss.bins}}, by_bin.data());
        const auto w = as_view<2>(b, weights, op, "scratch");
        b.for_each(in.elements, ghm_weight_kernel<bins_type, T>{in, as_const_view<1>(b, bin_weights, op, "scratch"),
                                                                reader<T, 2>(w)});
        const auto evaluate_by = [&](const auto& red) {
            return evaluate(weighted<std::remove_cvref_t<decltype(loss.term())>>{loss.loss_weight, loss.term()}, red,
                            view<const T, 2>(w));
        };
        if constexpr (std::same_as<Red, reduction::mean>) {
            auto r = evaluate_by(reduction::mean_over{total});
            if (loss.momentum > 0) state = std::move(next);
            return r;
        } else {
            auto r = evaluate_by(reduction::none{});
            if (loss.momentum > 0) state = std::move(next);
            return r;
        }
    }
};

template <class Y, class B>
concept plain_target = numbers_for<Y, B> || labels_for<Y, B>;

/// What ghmc and ghmr have in common. The parameters are theirs.
template <class Loss>
struct ghm_calls {
    /// How this batch spreads over the bins.
    template <backend B, numbers_for<B> X, plain_target<B> Y, optional_numbers<B> W = ones>
    ghm_histogram histogram(const B& b, const X& prediction, const Y& target, const W& label_weight = {}) const {
        return ghm_problem<B, Loss, X, Y, W>(b, "ghm::histogram", self(), prediction, target, label_weight).histogram();
    }
    /// The loss; `state` takes the batch in. `merged`: the histogram of all ranks in place of the batch's own.
    template <backend B, own_mean Red, numbers_for<B> X, plain_target<B> Y, optional_numbers<B> W = ones>
    auto value(const B& b, const Red& red, const X& prediction, const Y& target, const W& label_weight,
               ghm_state& state, const ghm_histogram* merged = nullptr) const {
        const ghm_problem<B, Loss, X, Y, W> p(b, "ghm::value", self(), prediction, target, label_weight);
        return p.with_weights(red, merged, state,
                              [&](const auto& term, const auto& r, const auto& w) {
                                  return loss::value(b, term, r, prediction, target, w);
                              });
    }
    /// The loss and its gradient.
    template <backend B, own_mean Red, numbers_for<B> X, plain_target<B> Y, optional_numbers<B> W = ones,
              class U = ones>
    auto value_and_gradient(const B& b, const Red& red, const X& prediction, const Y& target, const W& label_weight,
                            ghm_state& state, const U& upstream = {}, const ghm_histogram* merged = nullptr) const {
        const ghm_problem<B, Loss, X, Y, W> p(b, "ghm::value_and_gradient", self(), prediction, target, label_weight);
        return p.with_weights(red, merged, state,
                              [&](const auto& term, const auto& r, const auto& w) {
                                  return loss::value_and_gradient(b, term, r, prediction, target, w, upstream);
                              });
    }

private:
    const Loss& self() const { return static_cast<const Loss&>(*this); }
};

}  // namespace detail

/// GHM-C, the gradient harmonizing mechanism of classification: elements whose gradient has a length that is common in
/// the batch count less.
///
///     g_e = |σ(x_e) - t_e|               its bin: from i/bins up to (i + 1)/bins
///     w_e = total / (R_bin · M)          R: elements in the bin, M: bins that hold some
///     total = max(valid elements, 1)
///     l = loss_weight/total · Σ w_e·BCE(x_e, t_e);    w is a constant
///
/// With a momentum m above 0, R is the state's average: R ← m·R + (1 - m)·count for bins that hold something. Without,
/// the state is neither read nor written.
///
/// Prediction [N, C] logits; target [N, C] or labels [N] up to C, which is background; label_weight none, [N] or
/// [N, C]: elements of weight 0 do not count, all others count alike. reduction::mean, or none for w·BCE [N, C]; the
/// average factor is always `total`. Errors: shape_error; config_error for bins < 1, momentum outside of [0, 1), a
/// negative or NaN label weight and a label above C, naming the row; the state then stays. Scratch: a weight for every
/// element, (bins + 1)·8 bytes for 1024 elements.
///
/// Li et al., Gradient Harmonized Single-stage Detector, AAAI 2019, equations 4 to 9; mmdetection 3.3, GHMC.
struct ghmc : detail::ghm_calls<ghmc> {
    int bins = 10;
    double momentum = 0;
    double loss_weight = 1;

    static constexpr bool total_of_weights = false;
    constexpr detail::bce_length length() const { return {}; }
    constexpr bce term() const { return {}; }
};

/// GHM-R, the same for regression, by the authentic smooth L1: g_e = |d| / sqrt(d² + μ²). total = max(Σ label_weight,
/// 1), as mmdetection has it, though weights only select elements. Prediction and target [N, D], mostly four deltas a
/// box. All else as for ghmc; also config_error unless mu is positive.
///
/// Li et al., equations 10 to 13; mmdetection 3.3, GHMR.
struct ghmr : detail::ghm_calls<ghmr> {
    double mu = 0.02;
    int bins = 10;
    double momentum = 0;
    double loss_weight = 1;

    static constexpr bool total_of_weights = true;
    constexpr detail::smooth_l1_length length() const { return {term()}; }
    constexpr authentic_smooth_l1 term() const { return {mu}; }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
