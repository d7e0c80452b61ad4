// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What a loss term is: a struct of parameters with one operator(), written over a number. Its gradient
/// follows on every backend from evaluating the same line on duals. `check()`, where a term has it,
/// throws config_error for parameters outside of their range; it is called before anything else.

#include <boxgrad/core/box.hpp>
#include <boxgrad/core/parameter.hpp>
#include <boxgrad/core/rows.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// term(x, t): prediction and target of one element.
template <class L>
concept elementwise_term = requires(const L& l, float x, dual<float, 1> d) {
    { l(x, x) } -> std::same_as<float>;
    { l(d, x) } -> std::same_as<dual<float, 1>>;
};

/// term(x, t, w): the same with a weight of the positive part, as BCE's `pos_weight`.
template <class L>
concept positively_weighted = elementwise_term<L> && requires(const L& l, float x, dual<float, 1> d) {
    { l(d, x, x) } -> std::same_as<dual<float, 1>>;
};

/// term(p, t): predicted and target box.
template <class L>
concept box_term = requires(const L& l, box<float> f, box<dual<float, 4>> d) {
    { l(f, f) } -> std::same_as<float>;
    { l(d, d) } -> std::same_as<dual<float, 4>>;
};

/// term(p, t): a loss for each of four numbers of a box.
template <class L>
concept coordinate_term = requires(const L& l, box<float> f, box<dual<float, 4>> d) {
    { l(f, f) } -> std::same_as<fields<float, 4>>;
    { l(d, d) } -> std::same_as<fields<dual<float, 4>, 4>>;
};

/// term(ce, q): the cross entropy of a softmax at its label, and the probability of all other classes,
/// 1 - e^-ce without its rounding.
template <class L>
concept softmax_term = requires(const L& l, float x, dual<float, 1> d) {
    { l.of_softmax(x, x) } -> std::same_as<float>;
    { l.of_softmax(d, d) } -> std::same_as<dual<float, 1>>;
};

/// term.row(r): the loss of a row of numbers as a whole; it hands its gradient to the row. detail/row_kernel.hpp
/// says what a row has.
template <class L>
concept row_term = L::over_rows;

/// Label C, of no class, is allowed in its rows: background.
template <class L>
inline constexpr bool takes_background = false;
template <class L>
    requires L::takes_background
inline constexpr bool takes_background<L> = true;

template <class L>
concept term = elementwise_term<L> || box_term<L> || coordinate_term<L> || softmax_term<L> || row_term<L>;

/// No term: nothing is computed, nothing is stored.
struct none {};

/// A term times a constant, mmdetection's `loss_weight`.
template <class Term>
struct weighted {
    double weight = 1.0;
    Term term{};

    template <class... X>
    BOXGRAD_FN constexpr auto operator()(const X&... x) const
        requires requires(const Term& t) { t(x...); }
    {
        return times(term(x...));
    }
    template <class V>
    BOXGRAD_FN constexpr V of_softmax(const V& ce, const V& q) const
        requires requires(const Term& t) { t.of_softmax(ce, q); }
    {
        return times(term.of_softmax(ce, q));
    }
    constexpr void check() const
        requires requires(const Term& t) { t.check(); }
    {
        term.check();
    }
    /// Of a term that decodes its predictions.
    constexpr auto formula() const
        requires requires(const Term& t) { t.formula(); }
    {
        using F = std::remove_cvref_t<decltype(term.formula())>;
        return weighted<F>{weight, term.formula()};
    }
    template <class B>
    auto map(const B& b, const char* op, index rows) const
        requires requires(const Term& t) { t.map(b, op, rows); }
    {
        return term.map(b, op, rows);
    }

private:
    template <class V>
    BOXGRAD_FN constexpr V times(V x) const {
        if constexpr (number<V>) {
            return V(static_cast<scalar_t<V>>(weight)) * x;
        } else {
            for (auto& v : x.at) v = times(v);
            return x;
        }
    }
};

/// The same for a term over rows.
template <row_term Term>
struct weighted<Term> {
    static constexpr bool over_rows = true;
    static constexpr bool takes_background = loss::takes_background<Term>;
    double weight = 1.0;
    Term term{};

    template <class Row>
    BOXGRAD_FN constexpr auto row(const Row& r) const {
        const auto w = static_cast<typename Row::scalar>(weight);
        return w * term.row(r.scaled(w));
    }
    template <class T>
    BOXGRAD_FN constexpr bool accepts(T target, index columns) const
        requires requires(const Term& t) { t.accepts(target, columns); }
    {
        return term.accepts(target, columns);
    }
    constexpr void check() const
        requires requires(const Term& t) { t.check(); }
    {
        term.check();
    }
};

namespace detail {

using boxgrad::check_parameter;

template <class Term>
constexpr void check(const Term& term) {
    if constexpr (requires { term.check(); }) term.check();
}

}  // namespace detail

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
