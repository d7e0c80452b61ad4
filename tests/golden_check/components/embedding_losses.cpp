// SPDX-License-Identifier: Apache-2.0
/// \file
/// Losses of embeddings and similarities.

#include "golden_check/components.hpp"
#include "golden_check/components/evaluate.hpp"

#include <boxgrad/loss/associative_embedding.hpp>
#include <boxgrad/loss/margin_l2.hpp>
#include <boxgrad/loss/triplet.hpp>

namespace golden {

GOLDEN_COMPONENT(triplet_loss) {
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const recorded& c = k.expected();
        const boxgrad::loss::triplet loss{c.number("margin", 0.3), c.number("loss_weight", 1)};
        if (!c.flag("hard_mining", true)) throw bad_file("hard_mining is not understood");
        const array& x = c.input("inputs");
        const auto r = loss.value_and_gradient(b, tensor_of<2>(b, x), labels_of(b, c.input("targets")),
                                               c.input("grad_output").real.at(0));
        k.output("loss", {}, std::vector<T>{r.value});
        k.output("grad_inputs", x.shape, boxgrad::to_host<2>(b, r.gradient));
    });
}

static void squared_error(checker& k) {
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const recorded& c = k.expected();
        const boxgrad::loss::margin_l2 loss{c.number("neg_pos_ub", -1), c.number("pos_margin", -1),
                                            c.number("neg_margin", -1), c.flag("hard_mining", false),
                                            c.number("loss_weight", 1)};
        if (loss.neg_pos_ub > 0 && !loss.hard_mining) throw bad_file("a random choice cannot be compared");
        const array& pred = c.input("pred");
        const auto p = tensor_of<2>(b, pred);
        const auto t = tensor_of<2>(b, c.input("target"));
        const array* const weight = c.find_input("weight");
        const array* const upstream = c.find_input("grad_output");
        // The loss has an average factor of its own, which a sum refuses.
        const auto red = boxgrad::reduction::parse(c.text("reduction_override", "mean"), 1.0);
        const auto w =
            tensor_of<2>(b, weight ? *weight : array::of(pred.shape, std::vector<double>(pred.real.size(), 1.0)));
        if (std::holds_alternative<boxgrad::reduction::none>(red)) {
            const auto r =
                loss.value_and_gradient(b, boxgrad::reduction::none{}, p, t, w, {}, tensor_of<2>(b, *upstream));
            k.output("loss", pred.shape, boxgrad::to_host<2>(b, r.value));
            k.output("grad_pred", pred.shape, boxgrad::to_host<2>(b, r.gradient));
        } else {
            const auto r = loss.value_and_gradient(b, boxgrad::reduction::mean{}, p, t, w, {}, upstream->real.at(0));
            k.output("loss", {}, std::vector<T>{r.value});
            k.output("grad_pred", pred.shape, boxgrad::to_host<2>(b, r.gradient));
        }
    });
}

GOLDEN_COMPONENT(l2_loss) { squared_error(k); }
GOLDEN_COMPONENT(margin_l2_loss) { squared_error(k); }

GOLDEN_COMPONENT(associative_embedding_loss) {
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const recorded& c = k.expected();
        const boxgrad::loss::associative_embedding loss{c.number("pull_weight", 0.25), c.number("push_weight", 0.25)};
        std::vector<std::vector<boxgrad::loss::corner_match>> matches;
        for (const std::vector<double>& image : c.lists("match")) {
            auto& list = matches.emplace_back();
            for (std::size_t i = 0; i + 3 < image.size(); i += 4) {
                const auto at = [&](std::size_t n) { return static_cast<index>(image[i + n]); };
                list.push_back({at(0), at(1), at(2), at(3)});
            }
        }
        const array& tl = c.input("tl");
        const array& br = c.input("br");
        const auto r =
            loss.value_and_gradient(b, tensor_of<4>(b, tl), tensor_of<4>(b, br), matches,
                                    {c.input("grad_output.pull").real.at(0), c.input("grad_output.push").real.at(0)});
        k.output("pull", {}, std::vector<T>{r.value.pull});
        k.output("push", {}, std::vector<T>{r.value.push});
        k.output("grad_tl", tl.shape, boxgrad::to_host<4>(b, r.tl));
        k.output("grad_br", br.shape, boxgrad::to_host<4>(b, r.br));
    });
}

}  // namespace golden
