// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Any loss term against a case.

#include "golden_check/backends.hpp"

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
    return boxgrad::reduction::parse(c.text("reduction_override", own), c.maybe_number("avg_factor"));
}

/// What a case calls the inputs and outputs of a loss.
struct loss_names {
    const char* prediction = "pred";
    const char* target = "target";
    const char* gradient = "grad_pred";
};

/// Loss and gradient of a term. A box term takes [n, 4] with a weight [n] or [n, 4]; an elementwise
/// term any shape with a weight of that shape, both as matrices. `Weights` says whether there may be one.
template <bool Weights = true, class B, class Term>
void evaluate(checker& k, const B& b, const Term& term, const loss_names& name = {}) {
    using T = typename B::scalar;
    constexpr bool boxes = boxgrad::loss::box_term<Term>;
    constexpr int Q = boxes ? 1 : 2;
    const recorded& c = k.expected();
    const array& pred = c.input(name.prediction);
    const array& target = c.input(name.target);
    const array* const weight = Weights ? c.find_input("weight") : nullptr;
    const array* const upstream = c.find_input("grad_output");
    const auto laid = [](const std::vector<index>& shape) { return boxes ? shape : as_matrix(shape); };
    const auto p = tensor_of<2>(b, pred, laid(pred.shape));
    const auto t = tensor_of<2>(b, target, laid(target.shape));
    const boxgrad::loss::weighted<Term> loss{c.number("loss_weight", 1.0), term};

    const auto weigh = [&](const auto& red, const auto& w) {
        using Red = std::remove_cvref_t<decltype(red)>;
        if constexpr (std::is_same_v<Red, boxgrad::reduction::none>) {
            std::vector<index> shape = pred.shape;
            if (boxes) shape.pop_back();
            array ones = array::of(
                shape, std::vector<double>(boxes ? static_cast<std::size_t>(shape[0]) : pred.real.size(), 1.0));
            const auto u = tensor_of<Q>(b, upstream ? *upstream : ones,
                                        boxes ? (upstream ? upstream->shape : shape) : as_matrix(shape));
            const auto r = boxgrad::loss::value_and_gradient(b, loss, red, p, t, w, u);
            k.output("loss", shape, boxgrad::to_host<Q>(b, r.value));
            k.output(name.gradient, pred.shape, boxgrad::to_host<2>(b, r.gradient));
        } else {
            if (upstream && !upstream->shape.empty()) throw bad_file("grad_output must be a scalar");
            const double u = upstream ? upstream->real.at(0) : 1.0;
            const auto r = boxgrad::loss::value_and_gradient(b, loss, red, p, t, w, u);
            k.output("loss", {}, std::vector<T>{r.value});
            k.output(name.gradient, pred.shape, boxgrad::to_host<2>(b, r.gradient));
        }
    };
    const auto reduce = [&](const auto& red) {
        if (!weight) {
            weigh(red, boxgrad::loss::ones{});
            return;
        }
        if constexpr (Weights && !boxes) {
            weigh(red, tensor_of<2>(b, *weight, laid(weight->shape)));
        } else if constexpr (Weights) {
            if (weight->shape.size() == 2) {
                weigh(red, tensor_of<2>(b, *weight));
            } else {
                weigh(red, tensor_of<1>(b, *weight));
            }
        }
    };
    std::visit(reduce, reduction_of(c));
}

}  // namespace golden
