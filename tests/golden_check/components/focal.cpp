// SPDX-License-Identifier: Apache-2.0
/// \file
/// Focal losses, of logits and of probabilities.

#include "golden_check/components.hpp"
#include "golden_check/components/evaluate.hpp"

#include <boxgrad/loss/gaussian_focal.hpp>
#include <boxgrad/loss/per_row.hpp>
#include <boxgrad/loss/probability_focal.hpp>
#include <boxgrad/loss/quality_focal.hpp>
#include <boxgrad/loss/sigmoid_focal.hpp>
#include <boxgrad/loss/varifocal.hpp>

namespace golden {

namespace {

/// Two terms as one, so that half as much is compiled.
template <class Logit, class Probability>
struct either {
    bool activated = false;
    Logit logit{};
    Probability probability{};

    constexpr void check() const { logit.check(); }
    template <boxgrad::number V>
    BOXGRAD_FN V operator()(const V& x, boxgrad::base_t<V> t) const {
        return activated ? probability(x, t) : logit(x, t);
    }
};

array as_numbers(const array& a) {
    return a.is_whole ? array::of(a.shape, std::vector<double>(a.whole.begin(), a.whole.end())) : a;
}
array weights_of(const recorded& c, const std::vector<index>& shape) {
    if (const array* const w = c.find_input("weight")) return *w;
    index n = 1;
    for (const index e : shape) n *= e;
    return array::of(shape, std::vector<double>(static_cast<std::size_t>(n), 1.0));
}

}  // namespace

GOLDEN_COMPONENT(focal_loss) {
    using namespace boxgrad::loss;
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        const double alpha = c.number("alpha", 0.25);
        const double gamma = c.number("gamma", 2);
        const either<sigmoid_focal, probability_focal> term{c.flag("activated", false), {alpha, gamma}, {alpha, gamma}};
        const array& target = c.input("target");
        const auto laid = as_matrix(c.input("pred").shape);
        const std::vector<index> rows{laid[0]};
        const array w = weights_of(c, target.shape);
        const bool of_rows = w.shape == rows;
        if (target.shape.size() == 1 && of_rows) {
            evaluate_laid<2, 2>(k, b, term, laid, labels_of(b, target), tensor_of<1>(b, w), laid);
        } else if (target.shape.size() == 1) {
            evaluate_laid<2, 2>(k, b, term, laid, labels_of(b, target), tensor_of<2>(b, w, laid), laid);
        } else {
            evaluate_laid<2, 2>(k, b, term, laid, tensor_of<2>(b, as_numbers(target)), tensor_of<2>(b, w, laid), laid);
        }
    });
}

GOLDEN_COMPONENT(quality_focal_loss) {
    using namespace boxgrad::loss;
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        const double beta = c.number("beta", 2);
        const per_row<either<quality_focal, probability_quality_focal>> term{
            {c.flag("activated", false), {beta}, {beta}}};
        const auto laid = c.input("pred").shape;
        const std::vector<index> rows{laid.at(0)};
        const auto w = tensor_of<1>(b, weights_of(c, rows));
        if (const array* const label = c.find_input("label")) {
            const auto y = labels_of(b, *label);
            const auto s = tensor_of<1>(b, c.input("score"));
            evaluate_laid<2, 1>(k, b, term, laid, targets(y).scores(s), w, rows);
        } else {
            evaluate_laid<2, 1>(k, b, term, laid, tensor_of<2>(b, c.input("target")), w, rows);
        }
    });
}

GOLDEN_COMPONENT(varifocal_loss) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        evaluate(k, b,
                 boxgrad::loss::varifocal{c.number("alpha", 0.75), c.number("gamma", 2), c.flag("iou_weighted", true)});
    });
}

GOLDEN_COMPONENT(gaussian_focal_loss) {
    using namespace boxgrad;
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        loss::gaussian_focal term{c.number("alpha", 2), c.number("gamma", 4), c.number("pos_weight", 1),
                                  c.number("neg_weight", 1)};
        const array* const inds = c.find_input("pos_inds");
        if (!inds) {
            evaluate(k, b, term);
            return;
        }
        const double weight = c.number("loss_weight", 1);
        term.pos_weight *= weight;
        term.neg_weight *= weight;
        const auto i = labels_of(b, *inds);
        const auto l = labels_of(b, c.input("pos_labels"));
        const auto p = tensor_of<2>(b, c.input("pred"));
        const auto t = tensor_of<2>(b, c.input("target"));
        const array* const grad_output = c.find_input("grad_output");
        const double upstream = grad_output ? grad_output->real.at(0) : 1.0;
        std::visit(
            [&](const auto& red) {
                if constexpr (loss::detail::plain_reduction<std::remove_cvref_t<decltype(red)>>) {
                    const auto r =
                        loss::gaussian_focal_with_pos_inds(i, l, term).value_and_gradient(b, red, p, t, upstream);
                    k.output("loss", {}, std::vector<T>{r.value});
                    k.output("grad_pred", c.input("pred").shape, to_host<2>(b, r.gradient));
                } else {
                    throw bad_file("positives by index are summed or averaged");
                }
            },
            reduction_of(c));
    });
}

}  // namespace golden
