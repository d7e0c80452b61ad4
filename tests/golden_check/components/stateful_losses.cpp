// SPDX-License-Identifier: Apache-2.0
/// \file
/// Losses that remember earlier batches, and the loss of masks.

#include "golden_check/components.hpp"
#include "golden_check/components/evaluate.hpp"

#include <boxgrad/loss/dice.hpp>
#include <boxgrad/loss/eqlv2.hpp>
#include <boxgrad/loss/ghm.hpp>

namespace golden {

namespace {

array as_numbers(const array& a) {
    if (!a.is_whole) return a;
    return array::of(a.shape, std::vector<double>(a.whole.begin(), a.whole.end()));
}

/// GHM-C or GHM-R, call after call.
template <bool Labels, class B, class Loss>
void harmonize(checker& k, const B& b, const Loss& loss) {
    using T = typename B::scalar;
    using namespace boxgrad;
    const recorded& c = k.expected();
    const std::string reduction = c.text("reduction_override", "mean");
    boxgrad::reduction::parse(reduction, 1.0);  // the loss has an average factor of its own, which a sum refuses
    loss::ghm_state state;
    for (int call = 0;; ++call) {
        const std::string at = "call" + std::to_string(call) + ".";
        const array* const pred = c.find_input(at + "pred");
        if (!pred) break;
        const array& target = c.input(at + "target");
        const array& upstream = c.input(at + "grad_output");
        const auto p = tensor_of<2>(b, *pred);
        const auto with = [&](const auto& t, const auto& w) {
            if (reduction == "none") {
                const auto r =
                    loss.value_and_gradient(b, boxgrad::reduction::none{}, p, t, w, state, tensor_of<2>(b, upstream));
                k.output(at + "loss", pred->shape, to_host<2>(b, r.value));
                k.output(at + "grad_pred", pred->shape, to_host<2>(b, r.gradient));
            } else {
                const auto r =
                    loss.value_and_gradient(b, boxgrad::reduction::mean{}, p, t, w, state, upstream.real.at(0));
                k.output(at + "loss", {}, std::vector<T>{r.value});
                k.output(at + "grad_pred", pred->shape, to_host<2>(b, r.gradient));
            }
        };
        const array& weight = c.input(at + "label_weight");
        if (target.shape.size() == 1) {
            if constexpr (Labels) with(labels_of(b, target), tensor_of<1>(b, weight));
        } else {
            with(tensor_of<2>(b, as_numbers(target)), tensor_of<2>(b, weight));
        }
        if (c.wants(at + "acc_sum"))
            k.output(at + "acc_sum", {loss.bins}, std::vector<T>(state.acc_sum.begin(), state.acc_sum.end()));
    }
}

}  // namespace

GOLDEN_COMPONENT(ghmc_loss) {
    on_backends(k, [&](const auto& b) {
        const recorded& c = k.expected();
        boxgrad::loss::ghmc loss;
        loss.bins = static_cast<int>(c.whole("bins", loss.bins));
        loss.momentum = c.number("momentum", loss.momentum);
        loss.loss_weight = c.number("loss_weight", 1);
        harmonize<true>(k, b, loss);
    });
}

GOLDEN_COMPONENT(ghmr_loss) {
    on_backends(k, [&](const auto& b) {
        const recorded& c = k.expected();
        boxgrad::loss::ghmr loss;
        loss.mu = c.number("mu", loss.mu);
        loss.bins = static_cast<int>(c.whole("bins", loss.bins));
        loss.momentum = c.number("momentum", loss.momentum);
        loss.loss_weight = c.number("loss_weight", 1);
        harmonize<false>(k, b, loss);
    });
}

GOLDEN_COMPONENT(eqlv2_loss) {
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const recorded& c = k.expected();
        boxgrad::loss::eqlv2 loss;
        loss.gamma = c.number("gamma", loss.gamma);
        loss.mu = c.number("mu", loss.mu);
        loss.alpha = c.number("alpha", loss.alpha);
        loss.loss_weight = c.number("loss_weight", 1);
        const index classes = c.whole("num_classes", 1203);
        boxgrad::loss::eqlv2_state state(classes);
        for (int call = 0;; ++call) {
            const std::string at = "call" + std::to_string(call) + ".";
            const array* const score = c.find_input(at + "cls_score");
            if (!score) break;
            const auto x = tensor_of<2>(b, *score);
            const auto r = loss.value_and_gradient(b, x, labels_of(b, c.input(at + "label")), state,
                                                   c.input(at + "grad_output").real.at(0));
            k.output(at + "loss", {}, std::vector<T>{r.value});
            k.output(at + "grad_cls_score", score->shape, boxgrad::to_host<2>(b, r.gradient));
            const auto report_host = [&](const char* name, const std::vector<double>& v) {
                k.output(at + name, {classes}, std::vector<T>(v.begin(), v.end()));
            };
            report_host("pos_grad", state.pos_grad);
            report_host("neg_grad", state.neg_grad);
            std::vector<double> ratio;
            for (index i = 0; i < classes; ++i) ratio.push_back(state.pos_neg(i));
            report_host("pos_neg", ratio);
            if (!c.find_input("call" + std::to_string(call + 1) + ".cls_score"))
                report<2>(k, b, "activation_of_last", loss.activation(b, x));
        }
    });
}

GOLDEN_COMPONENT(dice_loss) {
    on_backends(k, [&](const auto& b) {
        const recorded& c = k.expected();
        if (!c.flag("use_sigmoid", true)) throw bad_file("use_sigmoid is not understood");
        const boxgrad::loss::dice loss{c.flag("activate", true), c.flag("naive_dice", false), c.number("eps", 1e-3)};
        const auto laid = as_matrix(c.input("pred").shape);
        const auto target = tensor_of<2>(b, as_numbers(c.input("target")), laid);
        const std::vector<index> rows{laid[0]};
        if (const array* const weight = c.find_input("weight")) {
            evaluate_laid<2, 1>(k, b, loss, laid, target, tensor_of<1>(b, *weight), rows);
        } else {
            evaluate_laid<2, 1>(k, b, loss, laid, target, boxgrad::loss::ones{}, rows);
        }
    });
}

}  // namespace golden
