// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/accuracy.hpp>
#include <boxgrad/loss/cross_entropy.hpp>

#include <cmath>
#include <vector>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// How often every class was a label so far: the state of `seesaw`, which belongs to the caller. Counts of several
/// processes are merged by adding them.
class seesaw_counts {
public:
    /// Classes 0 to num_classes - 1, and background, num_classes. Throws config_error for none.
    explicit seesaw_counts(index num_classes) {
        check_count("loss::seesaw_counts", "num_classes", num_classes);
        counts_.resize(static_cast<std::size_t>(num_classes) + 1);
    }
    index num_classes() const { return static_cast<index>(counts_.size()) - 1; }
    /// num_classes + 1 counts, background last.
    const std::vector<std::int64_t>& values() const { return counts_; }
    std::int64_t operator[](index label) const { return counts_[static_cast<std::size_t>(label)]; }

    /// Counts labels [N] of backend b, background included. Throws config_error for one that is neither, with its
    /// row, and then counts none.
    template <backend B, detail::labels_for<B> Y>
    void add(const B& b, const Y& labels) {
        add(to_host<1>(b, labels));
    }
    template <class L>
    void add(const std::vector<L>& labels) {
        for (std::size_t i = 0; i < labels.size(); ++i) {
            if (labels[i] >= 0 && static_cast<std::int64_t>(labels[i]) <= num_classes()) continue;
            raise(config_error(complaint("loss::seesaw_counts", "labels", "from 0 to " + std::to_string(num_classes()),
                                         std::to_string(labels[i]) + " in row " + std::to_string(i))));
        }
        for (const L l : labels) ++counts_[static_cast<std::size_t>(l)];
    }
    /// Throws config_error for counts of other classes.
    void merge(const seesaw_counts& other) {
        check_parameter("loss::seesaw_counts", "num_classes", other.num_classes() == num_classes(), "that of both",
                        other.num_classes());
        for (std::size_t c = 0; c < counts_.size(); ++c) counts_[c] += other.counts_[c];
    }
    void reset() { counts_.assign(counts_.size(), 0); }

private:
    std::vector<std::int64_t> counts_;
};

/// Both losses of `seesaw`: numbers, or tensors [N] for reduction::none.
template <class V>
struct seesaw_value {
    V loss_cls_objectness, loss_cls_classes;
};
template <class V, class G>
struct seesaw_evaluated {
    V loss_cls_objectness, loss_cls_classes;
    G gradient;  ///< [N, C + 2]
};
/// Upstream gradients of both: numbers, or tensors [N] for reduction::none.
template <class U>
struct seesaw_upstream {
    const U& objectness;
    const U& classes;
};
template <class U>
seesaw_upstream(const U&, const U&) -> seesaw_upstream<U>;

struct seesaw_accuracy {
    double acc_objectness, acc_classes;  ///< in per cent
};

namespace detail {

/// A row whose numbers are raised by ln(M·K) of each class, the label's by 0.
template <class Row>
struct seesaw_row {
    using number = typename Row::number;
    using scalar = typename Row::scalar;
    using V = number;
    using T = scalar;

    const Row& of;
    view<const T, 1> log_counts;
    T label_logit, label_log_count;
    T p, q;
    T bound;  ///< x - bound is what a logit has over max(s_y, eps), for s_y < eps

    BOXGRAD_FN V raised(V x, V log_count) const {
        const V zero(T(0)), huge(T(1e30));  // finite for every finite logit
        const V over = min(min(x - V(label_logit), x - V(bound)), huge);
        return x + (V(p) * min(log_count - V(label_log_count), zero) + V(q) * max(over, zero));
    }
    BOXGRAD_FN V at(index c, int count) const {
        return raised(of.at(c, count), load<V>(&log_counts(c), log_counts.stride[0], count));
    }
    BOXGRAD_FN T at(index) const { return label_logit; }  ///< asked of the label only
    BOXGRAD_FN index size() const { return of.size(); }
    BOXGRAD_FN bool wants_gradient() const { return of.wants_gradient(); }
    BOXGRAD_FN T factor() const { return of.factor(); }
    template <class X>
    BOXGRAD_FN void write(X g, index c, int count) const {
        of.write(g, c, count);
    }
    BOXGRAD_FN void write(T g, index c) const { of.write(g, c); }
    BOXGRAD_FN V written(index c, int count) const { return of.written(c, count); }
    template <class F>
    BOXGRAD_FN void for_packs(const F& f) const {
        of.for_packs(f);
    }
};

template <class T>
struct seesaw_classes {
    static constexpr bool over_rows = true;
    view<const T, 1> log_counts{};
    T p = 0, q = 0, log_eps = 0;

    template <class V>
    BOXGRAD_FN T row(const row_of<V, label_target<T>>& r) const {
        const auto s = softmax_of<V>(
            r.size(), [&](index c, int count) { return r.at(c, count); }, [](V, index, int) {});
        const index y[1] = {r.target().label};
        const T t[1] = {T(1)};
        const seesaw_row<row_of<V, label_target<T>>> raised{
            r, log_counts, r.at(y[0]), log_counts(y[0]), p, q, s.largest + (log1p(s.rest) + log_eps)};
        return over_softmax<cross_entropy>{}.template few<V>(raised, y, t);
    }
};

template <class V, class T>
struct seesaw_activation_kernel {
    view<const T, 2> x;
    view<T, 2> out;

    BOXGRAD_FN void operator()(index i) const {
        const index classes = x.extent[1] - 2;
        const view<const T, 2> in = x;
        const auto logit = [&](index c, int count) { return load<V>(&in(i, c), in.stride[1], count); };
        const auto s = softmax_of<V>(classes, logit, [](V, index, int) {});
        const T no_object = in(i, classes + 1) - in(i, classes);
        const V scale(sigmoid(-no_object) * s.inverse());
        for (index c = 0; c < classes; c += width_v<V>) {
            const int count = rows_left<V>(classes, c);
            store(scale * exp(logit(c, count) - V(s.largest)), &out(i, c), out.stride[1], count);
        }
        out(i, classes) = sigmoid(no_object);
    }
};

}  // namespace detail

/// Seesaw loss: logits [N, C + 2], of C classes and then of "object" and "background", against labels [N] from 0 to C,
/// which is background. Two losses:
///
///     loss_cls_objectness = ce(last two logits, y = C)                       of every row
///     loss_cls_classes    = ce(x + ln S_y, y), S_yj = M_yj·K_yj, S_yy = 1    of rows with y < C, else 0
///     M_yj = min(1, max(n_j, 1) / max(n_y, 1))^p                             mitigation, n: counts so far
///     K_yj = max(1, σ_j / max(σ_y, eps))^q                                   compensation, σ = softmax(x)
///     ∂loss_cls_classes/∂x_j = softmax(x + ln S_y)_j - [j = y]
///
/// M and K are constants of the gradient. Both logarithms are differences of logits and of ln n; no table of C x C is
/// made, a row needs the ratios of its label alone. The call first counts its own labels into `counts`, every call
/// does, as the reference; after an error counts are as before.
///
/// Weights [N] weigh both losses. `mean` divides loss_cls_objectness by N and loss_cls_classes by the rows that are no
/// background; `mean_over` divides both by the same; `none` gives [N] each, 0 for background. loss_weight scales both.
/// Errors: shape_error; config_error for a label that is none of 0 to C (with its row), and for parameters out of
/// range. Wang et al., Seesaw loss, CVPR 2021, section 3; mmdetection 3.3, SeesawLoss, where counts are a
/// buffer of float32, p and q below 0 mean 0, and `none` leaves background out.
struct seesaw {
    double p = 0.8;     ///< mitigation, not negative; 0: none
    double q = 2;       ///< compensation, not negative; 0: none
    double eps = 1e-2;  ///< from 0 to 1: the probability of a label counts as at least this
    double loss_weight = 1.0;

    constexpr void check() const {
        check_not_negative("loss::seesaw", "p", p);
        check_not_negative("loss::seesaw", "q", q);
        check_parameter("loss::seesaw", "eps", eps >= 0 && eps <= 1, "from 0 to 1", eps);
    }

    /// Both losses.
    template <backend B, reduction::kind Red, detail::numbers_for<B> X, detail::labels_for<B> Y,
              detail::optional_numbers<B> W = ones>
    auto value(const B& b, seesaw_counts& counts, const Red& red, const X& logits, const Y& labels,
               const W& weight = {}) const {
        const ones no;
        return evaluate(b, "loss::seesaw::value", counts, red, logits, labels, weight, seesaw_upstream{no, no},
                        static_cast<ones*>(nullptr));
    }
    /// Both losses, and the gradient of their sum, weighed by `upstream`, written into a tensor [N, C + 2].
    template <backend B, reduction::kind Red, detail::numbers_for<B> X, detail::labels_for<B> Y,
              detail::numbers_for<B> G, detail::optional_numbers<B> W = ones, class U = ones>
        requires is_mutable<G, B>
    auto value_and_gradient_into(const B& b, seesaw_counts& counts, const Red& red, const X& logits, const Y& labels,
                                 G& gradient, const W& weight = {},
                                 const seesaw_upstream<U>& upstream = seesaw_upstream{none_given, none_given}) const {
        return evaluate(b, "loss::seesaw::value_and_gradient", counts, red, logits, labels, weight, upstream,
                        &gradient);
    }
    template <backend B, reduction::kind Red, detail::numbers_for<B> X, detail::labels_for<B> Y,
              detail::optional_numbers<B> W = ones, class U = ones>
    auto value_and_gradient(const B& b, seesaw_counts& counts, const Red& red, const X& logits, const Y& labels,
                            const W& weight = {},
                            const seesaw_upstream<U>& upstream = seesaw_upstream{none_given, none_given}) const {
        using T = typename B::scalar;
        const auto x = as_const_view<2>(b, logits, "loss::seesaw::value_and_gradient", "prediction");
        auto gradient = b.template make<T, 2>(x.extent);
        auto v = value_and_gradient_into(b, counts, red, logits, labels, gradient, weight, upstream);
        return seesaw_evaluated<decltype(v.loss_cls_classes), decltype(gradient)>{
            std::move(v.loss_cls_objectness), std::move(v.loss_cls_classes), std::move(gradient)};
    }

    /// Scores [N, C + 1]: the softmax of the classes times the probability of an object, and that of background.
    template <backend B, detail::numbers_for<B> X>
    static auto activation(const B& b, const X& logits) {
        using T = typename B::scalar;
        constexpr const char* op = "loss::seesaw::activation";
        const auto x = as_const_view<2>(b, logits, op, "prediction");
        check_columns(op, x.extent[1]);
        auto scores = b.template make<T, 2>(extents<2>{{x.extent[0], x.extent[1] - 1}});
        b.for_each(x.extent[0],
                   detail::seesaw_activation_kernel<lanes_t<B>, T>{x, as_view<2>(b, scores, op, "scores")});
        return scores;
    }
    /// The part of rows whose last two logits tell object from background, and of rows with an object whose class has
    /// the largest logit.
    template <backend B, detail::numbers_for<B> X, detail::labels_for<B> Y>
    static seesaw_accuracy accuracy(const B& b, const X& logits, const Y& labels) {
        constexpr const char* op = "loss::seesaw::accuracy";
        const auto x = as_const_view<2>(b, logits, op, "prediction");
        check_columns(op, x.extent[1]);
        const index classes = x.extent[1] - 2;
        const auto background = background_of(b, to_host<1>(b, labels), classes);
        return {loss::accuracy(b, columns(x, classes, 2), background)[0],
                loss::accuracy(b, columns(x, 0, classes), targets(labels).ignore_index(classes))[0]};
    }

private:
    static constexpr ones none_given{};

    static void check_columns(const char* op, index n) {
        check_parameter(op, "prediction", n >= 3, "of C + 2 columns, C from 1", n);
    }
    template <class T>
    static view<T, 2> columns(const view<T, 2>& x, index first, index n) {
        return {x.data + first * x.stride[1], {{x.extent[0], n}}, x.stride};
    }
    /// 1 for background, else 0.
    template <class B, class L>
    static auto background_of(const B& b, const std::vector<L>& labels, index classes) {
        std::vector<std::int64_t> is(labels.size());
        for (std::size_t i = 0; i < labels.size(); ++i) is[i] = static_cast<index>(labels[i]) == classes ? 1 : 0;
        return from_host<std::int64_t>(b, extents<1>{{static_cast<index>(is.size())}}, is.data());
    }
    /// A gradient where one is wanted.
    template <class B, class Term, class Red, class T, class Y, class W, class U, class G>
    static auto one(const B& b, const char* op, const Term& term, const Red& red, const view<const T, 2>& x, const Y& y,
                    const W& weight, const U& upstream, [[maybe_unused]] G& gradient) {
        if constexpr (std::same_as<G, ones>) {
            return detail::evaluate(b, op, term, red, x, y, weight, ones{}, static_cast<ones*>(nullptr));
        } else {
            return detail::evaluate(b, op, term, red, x, y, weight, upstream, &gradient);
        }
    }

    template <class B, class Red, class X, class Y, class W, class U, class G>
    auto evaluate(const B& b, const char* op, seesaw_counts& counts, const Red& red, const X& logits, const Y& labels,
                  const W& weight, const seesaw_upstream<U>& upstream, [[maybe_unused]] G* gradient) const {
        using T = typename B::scalar;
        static_assert(!std::same_as<Red, reduction::mean_valid> && !std::same_as<Red, reduction::mean_weights>,
                      "seesaw has none, sum, mean and mean_over");
        check();
        const auto x = as_const_view<2>(b, logits, op, "prediction");
        const index classes = counts.num_classes();
        check_shape(op, "prediction", {any_extent, classes + 2}, x.extent);
        const auto y = as_const_view<1>(b, labels, op, "target");
        check_shape(op, "target", extents<1>{{x.extent[0]}}, y.extent);
        const auto whole = [&] {
            if constexpr (std::same_as<G, ones>) {
                return ones{};
            } else {
                const auto g = as_view<2>(b, *gradient, op, "gradient");
                check_shape(op, "gradient", x.extent, g.extent);
                check_output(op, "gradient", g);
                check_apart(op, "gradient", g, "prediction", x);
                check_apart(op, "gradient", g, "target", y);
                if constexpr (!std::same_as<W, ones>) {
                    check_apart(op, "gradient", g, "weight", as_const_view<1>(b, weight, op, "weight"));
                }
                return g;
            }
        }();
        if constexpr (std::same_as<Red, reduction::none> && !std::same_as<U, ones>) {
            const extents<1> rows{{x.extent[0]}};
            check_shape(op, "upstream", rows, as_const_view<1>(b, upstream.objectness, op, "upstream").extent);
            check_shape(op, "upstream", rows, as_const_view<1>(b, upstream.classes, op, "upstream").extent);
        }

        const auto host = to_host<1>(b, labels);
        seesaw_counts counted = counts;
        counted.add(host);
        const std::int64_t objects = x.extent[0] - (counted[classes] - counts[classes]);
        std::vector<T> logs;
        for (index c = 0; c < classes; ++c) {
            logs.push_back(static_cast<T>(std::log(static_cast<double>(std::max<std::int64_t>(counted[c], 1)))));
        }
        const auto log_counts = from_host<T>(b, extents<1>{{classes}}, logs.data());
        const auto background = background_of(b, host, classes);
        using C = detail::seesaw_classes<T>;
        const weighted<C> of_classes{loss_weight, C{as_const_view<1>(b, log_counts, op, "counts"), static_cast<T>(p),
                                                    static_cast<T>(q), static_cast<T>(std::log(eps))}};
        const weighted<cross_entropy> of_objects{loss_weight, {}};

        const auto part = [&](index first, index n) {
            if constexpr (std::same_as<G, ones>) {
                return ones{};
            } else {
                return columns(whole, first, n);
            }
        };
        auto g_objects = part(classes, 2);
        auto g_classes = part(0, classes);
        auto l_objects =
            one(b, op, of_objects, red, columns(x, classes, 2), background, weight, upstream.objectness, g_objects);
        const auto y_classes = targets(labels).ignore_index(classes);
        const auto x_classes = columns(x, 0, classes);
        auto l_classes = [&] {
            if constexpr (std::same_as<Red, reduction::mean>) {
                // Of the rows that are no background.
                const double share = objects > 0 ? 1 / static_cast<double>(objects) : 0;
                T by = static_cast<T>(share);
                if constexpr (!std::same_as<U, ones>)
                    by = static_cast<T>(share * static_cast<double>(upstream.classes));
                const T l = one(b, op, of_classes, reduction::sum{}, x_classes, y_classes, weight, by, g_classes);
                return static_cast<T>(static_cast<double>(l) * share);
            } else {
                return one(b, op, of_classes, red, x_classes, y_classes, weight, upstream.classes, g_classes);
            }
        }();
        counts = std::move(counted);
        return seesaw_value<decltype(l_classes)>{std::move(l_objects), std::move(l_classes)};
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
