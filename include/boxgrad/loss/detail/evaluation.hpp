// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// From tensors to kernels: what evaluate.hpp does for each kind of term.

#include <boxgrad/backend/rows.hpp>
#include <boxgrad/backend/sum.hpp>
#include <boxgrad/backend/transfer.hpp>
#include <boxgrad/loss/detail/box_kernel.hpp>
#include <boxgrad/loss/detail/row_kernel.hpp>
#include <boxgrad/loss/detail/softmax.hpp>
#include <boxgrad/loss/detail/survey.hpp>
#include <boxgrad/loss/targets.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

namespace detail {

/// Rank of a tensor as backend B sees it; `otherwise` where only run time knows.
template <class B, class X>
constexpr int static_rank(int otherwise) {
    using V = decltype(look_at(std::declval<const B&>(), std::declval<const X&>()));
    if constexpr (is_view<V>::value) {
        return V::rank;
    } else {
        return otherwise;
    }
}
template <class B, class X>
int rank_of(const B& b, const X& x) {
    return look_at(b, x).rank;
}

template <class Term>
concept whole_row_term = row_term<Term> || softmax_term<Term>;
template <class Term>
concept box_row_term = box_term<Term> || coordinate_term<Term>;

/// A term that decodes its predictions: `formula()` is the term of the boxes, `map(b, op, rows)` makes them.
template <class Term>
concept decoding_term = requires(const Term& t) { t.formula(); };

/// Views of the inputs, checked; everything of a kernel but its outputs. `R`: rank of the prediction.
template <class B, class Term, int R>
struct problem {
    using T = typename B::scalar;
    static constexpr int Q = whole_row_term<Term> ? R - 1 : box_term<Term> ? 1 : R;

    const B& b;
    const char* op;
    view<const T, R> prediction;
    extents<Q> value_extents;

    problem(const B& backend, const char* operation, const Term& term, const view<const T, R>& x)
        : b(backend), op(operation), prediction(x) {
        check(term);
        if constexpr (whole_row_term<Term>) {
            value_extents[0] = x.extent[0];
            for (int a = 1; a < Q; ++a) value_extents[a] = x.extent[a + 1];
        } else if constexpr (box_row_term<Term>) {
            check_shape(op, "prediction", {any_extent, 4}, x.extent);
            for (int a = 0; a < Q; ++a) value_extents[a] = x.extent[a];
        } else {
            value_extents = x.extent;
        }
    }

    template <int N, class X>
    view<const T, N> input(const X& x, const char* argument, const extents<N>& shape) const {
        const auto v = as_const_view<N>(b, x, op, argument);
        check_shape(op, argument, shape, v.extent);
        return v;
    }
    /// Throws config_error for weights of classes that are negative or NaN.
    void check_class_weight(const view<const T, 1>& w) const {
        survey_kernel<T, 1, 1, any_target> s;
        s.rows = w.extent[0];
        s.row_weights = reader<const T, 1>(w);
        survey(b, op, s);
    }
    /// Runs a kernel whose inputs are set. `gradient`: a view, or nothing.
    template <bool None, class K, class Red, class U, class G>
    auto run(K k, const Red& red, const reduction::denominators& d, const U& upstream, [[maybe_unused]] G* gradient,
             const auto& check_gradient) const {
        const double scale = reduction::scale(red, d);
        k.out.upstream_scale = static_cast<T>(scale);
        if constexpr (None) {
            if constexpr (!std::same_as<U, ones>) k.out.upstream = reader<const T, Q>(input<Q>(upstream, "upstream", value_extents));
        } else if constexpr (!std::same_as<U, ones>) {
            k.out.upstream_scale = static_cast<T>(scale * static_cast<double>(upstream));
        }
        if constexpr (!std::same_as<G, ones>) {
            const auto g = as_view<R>(b, *gradient, op, "gradient");
            check_shape(op, "gradient", prediction.extent, g.extent);
            check_output(op, "gradient", g);
            check_apart(op, "gradient", g, "prediction", prediction);
            check_apart(op, "gradient", g, "upstream", k.out.upstream.v);
            check_gradient(g);
            k.out.gradient = reader<T, R>(g);
        }
        auto partial = b.template make<double, 1>(extents<1>{{k.blocks()}});
        summation<B> sum(b, k.blocks());
        k.out.partial = as_view<1>(b, partial, op, "scratch");
        if constexpr (None) {
            auto value = b.template make<T, Q>(value_extents);
            k.out.value = reader<T, Q>(as_view<Q>(b, value, op, "value"));
            b.for_each(k.blocks(), k);
            return value;
        } else {
            b.for_each(k.blocks(), k);
            return static_cast<T>(sum(k.out.partial) * scale);
        }
    }
};

template <class Targets, class B>
inline constexpr bool by_label = false;
template <class Y, class S, class C, class B>
inline constexpr bool by_label<targets_of<Y, S, C>, B> = labels_for<Y, B>;

template <class Y, class S, class C>
ignoring ignored_by(const targets_of<Y, S, C>& t) {
    return {t.ignored.value_or(0), t.ignored.has_value(), t.negatives_ignored};
}

/// The value (always) and the gradient (where `gradient` is a view) of an elementwise term.
template <class B, class Term, class Red, int R, class Y, class S, class C, class W, class U, class G>
auto evaluate_elements(const problem<B, Term, R>& p, const Term& term, const Red& red, const targets_of<Y, S, C>& y,
                       const W& weight, const U& upstream, G* gradient) {
    using T = typename B::scalar;
    using V = lanes_t<B>;
    constexpr bool none = std::same_as<Red, reduction::none>;
    constexpr bool labelled = labels_for<Y, B>;
    constexpr bool positives = !std::same_as<C, ones>;
    static_assert(std::same_as<S, ones> || labelled, "scores belong to labels");
    static_assert(!positives || positively_weighted<Term>, "this term has no weights of classes");
    static_assert(!labelled || R == 2, "labels [N] belong to predictions [N, C]");
    static_assert(!positives || R == 2, "weights of classes belong to predictions [N, C]");

    survey_kernel<T, R, 1, any_target> s;
    s.ignored = ignored_by(y);
    expanded_targets<T, R, positives> e;
    e.ignored = s.ignored;
    for (int a = 1; a < R; ++a) e.columns *= p.prediction.extent[a];
    s.rows = p.prediction.extent[0];
    s.columns = e.columns;
    const extents<1> rows{{p.prediction.extent[0]}};
    if constexpr (labelled) {
        e.labels = s.labels = read_labels<1>(p.b, p.op, "target", *y.tensor, rows);
        s.highest_label = e.columns;
        if constexpr (!std::same_as<S, ones>) e.scores = reader<const T, 1>(p.template input<1>(*y.score, "scores", rows));
    } else {
        e.target = reader<const T, R>(p.template input<R>(*y.tensor, "target", p.prediction.extent));
        if (!s.ignored.none()) s.elements = e.target;
    }
    if constexpr (positives) {
        e.positive_weight = p.template input<1>(*y.class_weights, "class_weight", extents<1>{{e.columns}});
        p.check_class_weight(e.positive_weight);
    }
    if constexpr (!std::same_as<W, ones>) {
        const bool of_rows = R > 1 && rank_of(p.b, weight) == 1;
        if constexpr (static_rank<B, W>(1) == 1 && R > 1) {
            if (of_rows) e.row_weight = s.row_weights = reader<const T, 1>(p.template input<1>(weight, "weight", rows));
        }
        if constexpr (static_rank<B, W>(R) == R) {
            if (!of_rows) e.weight = s.element_weights = reader<const T, R>(p.template input<R>(weight, "weight", p.prediction.extent));
        } else if constexpr (static_rank<B, W>(1) != 1 || R == 1) {
            p.template input<R>(weight, "weight", p.prediction.extent);  // says what is wrong with it
        }
    }
    reduction::denominators d{p.prediction.size(), p.prediction.size(), static_cast<double>(p.prediction.size())};
    if (labelled || !std::same_as<W, ones> || !s.ignored.none()) d = survey(p.b, p.op, s);

    const auto apart = [&](const auto& g) {
        check_apart(p.op, "gradient", g, "target", e.target.v);
        check_apart(p.op, "gradient", g, "target", e.labels.wide.v);
        check_apart(p.op, "gradient", g, "target", e.labels.narrow.v);
        check_apart(p.op, "gradient", g, "scores", e.scores.v);
        check_apart(p.op, "gradient", g, "class_weight", e.positive_weight);
        check_apart(p.op, "gradient", g, "weight", e.weight.v);
        check_apart(p.op, "gradient", g, "weight", e.row_weight.v);
    };
    const auto with = [&](const auto& targets) {
        using Targets = std::remove_cvref_t<decltype(targets)>;
        elementwise_kernel<Term, V, R, Targets> k{term, reader<const T, R>(p.prediction), targets, {}, p.prediction.size()};
        return p.template run<none>(k, red, d, upstream, gradient, apart);
    };
    if constexpr (labelled || positives) {
        return with(e);
    } else {
        if (e.row_weight.given() || !e.ignored.none()) return with(e);
        return with(plain_targets<T, R>{e.target, e.weight});
    }
}

template <class B, class Term, class Red, class Y, class W, class U, class G>
auto evaluate_boxes(const problem<B, Term, 2>& p, const Term& term, const Red& red, const Y& target, const W& weight,
                    const U& upstream, G* gradient) {
    using T = typename B::scalar;
    using V = lanes_t<B>;
    const auto decoding = [&] {
        if constexpr (decoding_term<Term>) {
            return std::pair{term.formula(), term.map(p.b, p.op, p.prediction.extent[0])};
        } else {
            return std::pair{term, stored_predictions{}};
        }
    }();
    box_kernel<typename decltype(decoding)::first_type, V, typename decltype(decoding)::second_type> k{decoding.first,
                                                                                                      decoding.second};
    constexpr index losses = coordinate_term<Term> ? 4 : 1;
    k.prediction = p.prediction;
    k.target = p.template input<2>(target, "target", p.prediction.extent);
    k.rows = p.prediction.extent[0];
    const double n = static_cast<double>(k.rows * losses);
    reduction::denominators d{k.rows * losses, k.rows * losses, n};
    if constexpr (!std::same_as<W, ones>) {
        survey_kernel<T, 2, 1, any_target> s;
        s.rows = k.rows;
        s.columns = losses;
        if (rank_of(p.b, weight) == 1) {
            if constexpr (static_rank<B, W>(1) == 1) {
                k.weight = s.row_weights = reader<const T, 1>(p.template input<1>(weight, "weight", extents<1>{{k.rows}}));
            }
        } else if constexpr (static_rank<B, W>(2) == 2) {
            k.weight4 = p.template input<2>(weight, "weight", p.prediction.extent);
            s.element_weights = reader<const T, 2>(k.weight4);
            s.columns = 4;
        }
        d = survey(p.b, p.op, s);
        if (s.columns != losses) d = {d.elements / 4, d.valid / 4, d.weights / 4};
    }
    const auto apart = [&](const auto& g) {
        check_apart(p.op, "gradient", g, "target", k.target);
        check_apart(p.op, "gradient", g, "weight", k.weight.v);
        check_apart(p.op, "gradient", g, "weight", k.weight4);
        check_apart_from(p.op, "gradient", g, "priors", k.map);
    };
    return p.template run<std::same_as<Red, reduction::none>>(k, red, d, upstream, gradient, apart);
}

/// A term of softmax as a term of rows.
template <class Term>
constexpr auto row_form(const Term& term) {
    if constexpr (softmax_term<Term>) {
        return over_softmax<Term>{term};
    } else {
        return term;
    }
}

template <class B, class Term, class Red, int R, class Y, class S, class C, class W, class U, class G>
auto evaluate_rows(const problem<B, Term, R>& p, const Term& term, const Red& red, const targets_of<Y, S, C>& y,
                   const W& weight, const U& upstream, G* gradient) {
    using T = typename B::scalar;
    using V = lanes_t<B>;
    constexpr int Q = R - 1;
    constexpr row_target kind = labels_for<Y, B>                 ? row_target::label
                                : static_rank<B, Y>(R) == Q ? row_target::number
                                                                 : row_target::dense;
    const auto form = row_form(term);
    using F = std::remove_const_t<decltype(form)>;
    constexpr bool background = takes_background<F>;
    static_assert(std::same_as<S, ones> || (kind == row_target::label && background), "this term takes no scores");
    static_assert(std::same_as<C, ones> || (kind == row_target::label && !background), "this term has no weights of classes");
    row_kernel<F, V, R, kind> k{form};
    k.prediction = p.prediction;
    const index columns = p.prediction.extent[1];
    k.rows = p.value_extents.size();
    k.block = std::max<index>(1, 4096 / std::max<index>(1, columns));
    k.ignored = ignored_by(y);

    constexpr bool checked = kind == row_target::number && requires(T t) { form.accepts(t, columns); };
    survey_kernel<T, Q, Q, std::conditional_t<checked, F, any_target>> s;
    if constexpr (checked) s.accepts = form;
    s.ignored = k.ignored;
    s.rows = k.rows;
    s.accepted_columns = columns;
    s.highest_label = background ? columns : columns - 1;
    if constexpr (kind == row_target::label) {
        k.labels = s.labels = read_labels<Q>(p.b, p.op, "target", *y.tensor, p.value_extents);
        if constexpr (!std::same_as<S, ones>) k.scores = reader<const T, Q>(p.template input<Q>(*y.score, "scores", p.value_extents));
        if constexpr (!std::same_as<C, ones>) {
            k.label_weight = s.label_weights = p.template input<1>(*y.class_weights, "class_weight", extents<1>{{columns}});
            p.check_class_weight(k.label_weight);
        }
    } else if constexpr (kind == row_target::number) {
        k.numbers = s.numbers = reader<const T, Q>(p.template input<Q>(*y.tensor, "target", p.value_extents));
    } else {
        k.dense = p.template input<R>(*y.tensor, "target", p.prediction.extent);
    }
    if constexpr (!std::same_as<W, ones>) {
        k.weight = s.row_weights = reader<const T, Q>(p.template input<Q>(weight, "weight", p.value_extents));
    }
    reduction::denominators d{k.rows, k.rows, static_cast<double>(k.rows)};
    if (kind == row_target::label || checked || !std::same_as<W, ones>) d = survey(p.b, p.op, s);

    const auto apart = [&](const auto& g) {
        check_apart(p.op, "gradient", g, "target", k.dense);
        check_apart(p.op, "gradient", g, "target", k.numbers.v);
        check_apart(p.op, "gradient", g, "scores", k.scores.v);
        check_apart(p.op, "gradient", g, "target", k.labels.wide.v);
        check_apart(p.op, "gradient", g, "target", k.labels.narrow.v);
        check_apart(p.op, "gradient", g, "class_weight", k.label_weight);
        check_apart(p.op, "gradient", g, "weight", k.weight.v);
    };
    return p.template run<std::same_as<Red, reduction::none>>(k, red, d, upstream, gradient, apart);
}

/// The rank in which a term reads a prediction: where only run time knows, the largest that it takes.
template <class Term, class B, class X>
constexpr int rank_for() {
    return box_row_term<Term> ? 2 : static_rank<B, X>(whole_row_term<Term> ? 2 : 4);
}

template <class B, class Term, class Red, class X, class Y, class W, class U, class G>
auto evaluate(const B& b, const char* op, const Term& term, const Red& red, const X& prediction, const Y& target,
              const W& weight, const U& upstream, G* gradient) {
    constexpr int R = rank_for<Term, B, X>();
    const problem<B, Term, R> p(b, op, term, as_const_view<R>(b, prediction, op, "prediction"));
    if constexpr (box_row_term<Term>) {
        return evaluate_boxes(p, term, red, target, weight, upstream, gradient);
    } else if constexpr (whole_row_term<Term>) {
        return evaluate_rows(p, term, red, described(target), weight, upstream, gradient);
    } else {
        return evaluate_elements(p, term, red, described(target), weight, upstream, gradient);
    }
}

}  // namespace detail

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
