// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Evaluates any term over tensors: `value` and `value_and_gradient`. The gradient is of
/// Σ upstream·loss with respect to the prediction; targets are constants. Nothing is broadcast but what is
/// listed here, and every shape is checked before anything is written (promise P26). A row of weight 0, or one
/// whose target is ignored, contributes exactly 0 to value and gradient, whatever it holds (promise P16).
///
///     term                prediction       target                         weight          value of none
///     elementwise         rank 1 to 4      the same, or labels of [N, C]  the same, [N]   the same
///     box                 [N, 4]           [N, 4]                         [N], [N, 4]     [N]
///     coordinate          [N, 4]           [N, 4]                         [N], [N, 4]     [N, 4]
///     softmax             [N, C, ...]      labels [N, ...], [N, C, ...]   [N, ...]        [N, ...]
///     row                 [N, C, ...]      what the term says             [N, ...]        [N, ...]
///
/// A weight [N] of an elementwise term is that of a whole row of its first axis; of a weight [N, 4] the mean
/// over a row counts for a box term. The upstream gradient of `none` has the shape of its value.
///
/// Errors: shape_error; config_error for a negative or NaN weight (promise P13), for a label that is no class
/// (P10), and as reduction and term have it. Scratch: 12 bytes for every 1024 elements, 48 where labels or weights
/// are looked at.

#include <boxgrad/loss/detail/evaluation.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

template <class V, class G>
struct evaluated {
    V value;
    G gradient;
};

/// The loss: a tensor for reduction::none, else one scalar (shapes at the file's head).
template <backend B, term Term, reduction::kind Red, detail::numbers_for<B> X, detail::target_for<B> Y,
          detail::optional_numbers<B> W = ones>
auto value(const B& backend, const Term& loss, const Red& red, const X& prediction, const Y& target,
           const W& weight = {}) {
    return detail::evaluate(backend, "loss::value", loss, red, prediction, target, weight, ones{},
                            static_cast<ones*>(nullptr));
}

/// The loss, and its gradient written into the caller's tensor of the prediction's shape.
template <backend B, term Term, reduction::kind Red, detail::numbers_for<B> X, detail::target_for<B> Y,
          detail::numbers_for<B> G, detail::optional_numbers<B> W = ones, class U = ones>
    requires is_mutable<G, B>
auto value_and_gradient_into(const B& backend, const Term& loss, const Red& red, const X& prediction,
                             const Y& target, G& gradient, const W& weight = {}, const U& upstream = {}) {
    return detail::evaluate(backend, "loss::value_and_gradient", loss, red, prediction, target, weight, upstream,
                            &gradient);
}

/// The loss, and its gradient in a tensor that the backend makes.
template <backend B, term Term, reduction::kind Red, detail::numbers_for<B> X, detail::target_for<B> Y,
          detail::optional_numbers<B> W = ones, class U = ones>
auto value_and_gradient(const B& backend, const Term& loss, const Red& red, const X& prediction, const Y& target,
                        const W& weight = {}, const U& upstream = {}) {
    constexpr int R = detail::rank_for<Term, B, X>();
    const auto p = as_const_view<R>(backend, prediction, "loss::value_and_gradient", "prediction");
    auto gradient = backend.template make<typename B::scalar, R>(p.extent);
    auto v = value_and_gradient_into(backend, loss, red, prediction, target, gradient, weight, upstream);
    return evaluated<decltype(v), decltype(gradient)>{std::move(v), std::move(gradient)};
}

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
