// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Any loss term against a case.

#include "golden_check/backends.hpp"
#include "golden_check/components.hpp"

#include <boxgrad/loss/evaluate.hpp>

namespace golden {

/// Rank 2: the first extent, and all others as one.
inline std::vector<index> as_matrix(const std::vector<index>& shape) {
    if (shape.empty()) return {1, 1};
    index rest = 1;
    for (std::size_t i = 1; i < shape.size(); ++i) rest *= shape[i];
    return {shape.front(), rest};
}

/// The reduction by the parameters that every loss has.
inline boxgrad::reduction::any reduction_of(const recorded& c) {
    const std::string own = c.text("reduction", "mean");
    return boxgrad::reduction::parse(c.text("reduction_override", own), c.maybe_number("avg_factor"),
                                     c.flag("avg_non_ignore", false));
}

/// What a case calls the inputs and outputs of a loss.
struct loss_names {
    const char* prediction = "pred";
    const char* target = "target";
    const char* gradient = "grad_pred";
};

/// Loss and gradient of a term, against a target and with a weight that are laid out already. P: the shape in which
/// the prediction is laid, of rank R; V: that of the values of `none`, of rank Q. The case may call both otherwise.
template <int R, int Q, class B, class Term, class Y, class W>
void evaluate_laid(checker& k, const B& b, const Term& term, const std::vector<index>& laid, const Y& target, const W& weight,
                   const std::vector<index>& value_laid, const loss_names& name = {}) {
    using T = typename B::scalar;
    const recorded& c = k.expected();
    const array& pred = c.input(name.prediction);
    const array* const upstream = c.find_input("grad_output");
    const auto p = tensor_of<R>(b, pred, laid);
    const boxgrad::loss::weighted<Term> loss{c.number("loss_weight", 1.0), term};
    std::visit(
        [&](const auto& red) {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(red)>, boxgrad::reduction::none>) {
                index n = 1;
                for (const index e : value_laid) n *= e;
                const array ones = array::of(value_laid, std::vector<double>(static_cast<std::size_t>(n), 1.0));
                const auto u = tensor_of<Q>(b, upstream ? *upstream : ones, value_laid);
                const auto r = boxgrad::loss::value_and_gradient(b, loss, red, p, target, weight, u);
                k.output("loss", upstream ? upstream->shape : value_laid, boxgrad::to_host<Q>(b, r.value));
                k.output(name.gradient, pred.shape, boxgrad::to_host<R>(b, r.gradient));
            } else {
                if (upstream && !upstream->shape.empty()) throw bad_file("grad_output must be a scalar");
                const double u = upstream ? upstream->real.at(0) : 1.0;
                const auto r = boxgrad::loss::value_and_gradient(b, loss, red, p, target, weight, u);
                k.output("loss", {}, std::vector<T>{r.value});
                k.output(name.gradient, pred.shape, boxgrad::to_host<R>(b, r.gradient));
            }
        },
        reduction_of(c));
}

/// Loss and gradient of a term. A box or coordinate term takes [n, 4] with a weight [n] or [n, 4]; an elementwise
/// term any shape with a weight of that shape, both as matrices. `Weights` says whether there may be one.
template <bool Weights = true, class B, class Term>
void evaluate(checker& k, const B& b, const Term& term, const loss_names& name = {}) {
    constexpr bool boxes = boxgrad::loss::box_term<Term>;
    constexpr int Q = boxes ? 1 : 2;
    const recorded& c = k.expected();
    const array& pred = c.input(name.prediction);
    const array& target = c.input(name.target);
    const array* const weight = Weights ? c.find_input("weight") : nullptr;
    const auto laid = as_matrix(pred.shape);
    const std::vector<index> value_laid = boxes ? std::vector<index>{laid[0]} : laid;
    const auto t = tensor_of<2>(b, target, as_matrix(target.shape));
    const auto with = [&](const auto& w) { evaluate_laid<2, Q>(k, b, term, laid, t, w, value_laid, name); };
    if (!weight) {
        with(boxgrad::loss::ones{});
    } else if constexpr (Weights) {
        if (boxes && weight->shape.size() == 1) {
            if constexpr (boxes) with(tensor_of<1>(b, *weight));
        } else {
            with(tensor_of<2>(b, *weight, as_matrix(weight->shape)));
        }
    }
}

}  // namespace golden
