// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What a loss term is: a struct with one operator(), written over a number. Its gradient follows on
/// every backend from evaluating the same line on duals.

#include <boxgrad/core/box.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// term(x, t): prediction and target of one element.
template <class L>
concept elementwise_term = requires(const L& l, float x, dual<float, 1> d) {
    { l(x, x) } -> std::same_as<float>;
    { l(d, x) } -> std::same_as<dual<float, 1>>;
};

/// term(p, t): predicted and target box.
template <class L>
concept box_term = requires(const L& l, box<float> f, box<dual<float, 4>> d) {
    { l(f, f) } -> std::same_as<float>;
    { l(d, d) } -> std::same_as<dual<float, 4>>;
};

template <class L>
concept term = elementwise_term<L> || box_term<L>;

/// No term: nothing is computed, nothing is stored.
struct none {};

/// A term times a constant, mmdetection's `loss_weight`.
template <class Term>
struct weighted {
    double weight = 1.0;
    Term term{};

    template <class X, class Y>
    BOXGRAD_FN constexpr auto operator()(const X& x, const Y& y) const
        requires requires(const Term& t) { t(x, y); }
    {
        using V = decltype(term(x, y));
        return V(static_cast<scalar_t<V>>(weight)) * term(x, y);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
