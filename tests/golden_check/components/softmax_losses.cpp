// SPDX-License-Identifier: Apache-2.0
/// \file
/// Losses of whole rows of logits, and the accuracy of rows.

#include "golden_check/components.hpp"
#include "golden_check/components/evaluate.hpp"

#include <boxgrad/loss/accuracy.hpp>
#include <boxgrad/loss/distribution_focal.hpp>
#include <boxgrad/loss/kd_kl_div.hpp>
#include <boxgrad/loss/multi_pos_cross_entropy.hpp>

namespace golden {

namespace {

/// A term of rows [n, c] against a target laid out already, with or without a weight [n].
template <class B, class Term, class Y>
void evaluate_rows(checker& k, const B& b, const Term& term, const Y& target, const loss_names& name) {
    const recorded& c = k.expected();
    const std::vector<index>& shape = c.input(name.prediction).shape;
    const array* const given = c.find_input("weight");
    const array ones = array::of({shape.at(0)}, std::vector<double>(static_cast<std::size_t>(shape.at(0)), 1.0));
    const auto weight = tensor_of<1>(b, given ? *given : ones);  // one instantiation for both
    evaluate_laid<2, 1>(k, b, term, shape, target, weight, {shape.at(0)}, name);
}

}  // namespace

GOLDEN_COMPONENT(distribution_focal_loss) {
    on_backends(k, [&](const auto& b) {
        evaluate_rows(k, b, boxgrad::loss::distribution_focal{}, tensor_of<1>(b, k.expected().input("target")), {});
    });
}

GOLDEN_COMPONENT(kd_kl_div_loss) {
    on_backends(k, [&](const auto& b) {
        const recorded& c = k.expected();
        evaluate_rows(k, b, boxgrad::loss::kd_kl_div{c.number("T", 10)}, tensor_of<2>(b, c.input("soft_label")),
                      {"pred", "soft_label", "grad_pred"});
    });
}

GOLDEN_COMPONENT(multi_pos_cross_entropy_loss) {
    on_backends(k, [&](const auto& b) {
        const array& label = k.expected().input("label");
        const std::vector<std::int64_t>& whole = whole_numbers(label);
        const array numbers = array::of(label.shape, std::vector<double>(whole.begin(), whole.end()));
        evaluate_rows(k, b, boxgrad::loss::multi_pos_cross_entropy{}, tensor_of<2>(b, numbers),
                      {"cls_score", "label", "grad_cls_score"});
    });
}

GOLDEN_COMPONENT(accuracy) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const parameter* const topk = c.find("topk");
        boxgrad::loss::topk_ranks ranks;
        if (!topk || topk->kind == parameter::number) {
            ranks.push_back(c.whole("topk", 1));
        } else {
            for (const double x : c.list("topk")) ranks.push_back(static_cast<index>(x));
        }
        const double threshold = c.number("thresh", -std::numeric_limits<double>::infinity());
        const auto pred = tensor_of<2>(b, c.input("pred"));
        const auto target = labels_of(b, c.input("target"));
        std::vector<T> percent;
        for (const double x : boxgrad::loss::accuracy(b, pred, target, ranks, threshold))
            percent.push_back(static_cast<T>(x));
        k.output("accuracy", {ranks.size()}, percent);
    });
}

}  // namespace golden
