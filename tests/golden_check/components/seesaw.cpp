// SPDX-License-Identifier: Apache-2.0
#include "golden_check/backends.hpp"
#include "golden_check/components.hpp"

#include <boxgrad/loss/seesaw.hpp>

namespace golden {

namespace {

/// Calls of one object in turn: "call0.", "call1.", ...
template <class B>
void run(checker& k, const B& b) {
    using T = typename B::scalar;
    namespace loss = boxgrad::loss;
    const recorded& c = k.expected();
    const loss::seesaw term{c.number("p", 0.8), c.number("q", 2.0), c.number("eps", 1e-2),
                            c.number("loss_weight", 1.0)};
    loss::seesaw_counts counts(c.whole("num_classes", 1203));
    const index classes = counts.num_classes();
    const bool apart = c.flag("return_dict", true);
    const auto reduction = boxgrad::reduction::parse(c.text("reduction_override", c.text("reduction", "mean")),
                                                     c.maybe_number("avg_factor"));
    const std::string sum_name = "grad_output.loss";
    for (int i = 0;; ++i) {
        const std::string call = "call" + std::to_string(i) + ".";
        const array* const scores = c.find_input(call + "cls_score");
        if (!scores) break;
        const array& y = c.input(call + "labels");
        const index n = y.shape.at(0);
        const array* const given = c.find_input(call + "label_weights");
        const auto logits = tensor_of<2>(b, *scores);
        const auto labels = labels_of(b, y);
        const auto weight =
            tensor_of<1>(b, given ? *given : array::of({n}, std::vector<double>(static_cast<std::size_t>(n), 1.0)));
        const array& u_objects = c.input(call + (apart ? sum_name + "_cls_objectness" : sum_name));
        const array& u_classes = c.input(call + (apart ? sum_name + "_cls_classes" : sum_name));
        std::vector<double> objects, of_classes;
        std::visit(
            [&](const auto& red) {
                using Red = std::remove_cvref_t<decltype(red)>;
                if constexpr (std::is_same_v<Red, boxgrad::reduction::none>) {
                    // The reference leaves background out; here it is 0.
                    std::vector<double> spread;
                    std::size_t at = 0;
                    for (const std::int64_t l : y.whole) spread.push_back(l < classes ? u_classes.real.at(at++) : 0.0);
                    const auto uo = tensor_of<1>(b, u_objects);
                    const auto uc = tensor_of<1>(b, array::of({n}, spread));
                    const auto r =
                        term.value_and_gradient(b, counts, red, logits, labels, weight, loss::seesaw_upstream{uo, uc});
                    for (const T x : boxgrad::to_host<1>(b, r.loss_cls_objectness))
                        objects.push_back(static_cast<double>(x));
                    const auto host = boxgrad::to_host<1>(b, r.loss_cls_classes);
                    for (std::size_t row = 0; row < host.size(); ++row) {
                        if (y.whole[row] < classes) of_classes.push_back(static_cast<double>(host[row]));
                    }
                    report<2>(k, b, call + "grad_cls_score", r.gradient);
                } else if constexpr (std::is_same_v<Red, boxgrad::reduction::mean_valid>) {
                    throw bad_file("a reduction that seesaw_loss has not");
                } else {
                    const double uo = u_objects.real.at(0);
                    const double uc = u_classes.real.at(0);
                    const auto r =
                        term.value_and_gradient(b, counts, red, logits, labels, weight, loss::seesaw_upstream{uo, uc});
                    objects.push_back(static_cast<double>(r.loss_cls_objectness));
                    of_classes.push_back(static_cast<double>(r.loss_cls_classes));
                    report<2>(k, b, call + "grad_cls_score", r.gradient);
                }
            },
            reduction);
        const bool none = c.text("reduction_override", "mean") == "none";
        const auto shape = [&](const std::vector<double>& x) {
            return none ? std::vector<index>{static_cast<index>(x.size())} : std::vector<index>{};
        };
        if (apart) {
            k.output(call + "loss_cls_objectness", shape(objects), objects);
            k.output(call + "loss_cls_classes", shape(of_classes), of_classes);
        } else {
            k.output(call + "loss", {}, std::vector<double>{objects.at(0) + of_classes.at(0)});
        }
        k.output(call + "cum_samples", {classes + 1},
                 std::vector<double>(counts.values().begin(), counts.values().end()));
        if (!c.find_input("call" + std::to_string(i + 1) + ".cls_score")) {
            report<2>(k, b, "activation_of_last", loss::seesaw::activation(b, logits));
        }
    }
}

}  // namespace

GOLDEN_COMPONENT(seesaw_loss) {
    on_backends(k, [&](const auto& b) { run(k, b); });
}

}  // namespace golden
