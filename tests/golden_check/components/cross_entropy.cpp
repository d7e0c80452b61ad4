// SPDX-License-Identifier: Apache-2.0
/// \file
/// Cross entropies: of softmax, of sigmoid, of masks.

#include "golden_check/components.hpp"
#include "golden_check/components/evaluate.hpp"

#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/cross_entropy.hpp>
#include <boxgrad/loss/mask_cross_entropy.hpp>

namespace golden {

namespace {

constexpr loss_names names{"cls_score", "label", "grad_cls_score"};

array ones_of(const std::vector<index>& shape) {
    index n = 1;
    for (const index e : shape) n *= e;
    return array::of(shape, std::vector<double>(static_cast<std::size_t>(n), 1.0));
}

/// An input as it is, or ones.
array weights_of(const recorded& c, const std::vector<index>& shape) {
    const array* const w = c.find_input("weight");
    return w ? *w : ones_of(shape);
}

template <class B>
auto class_weights(const B& b, const recorded& c, index classes) {
    const std::vector<double> w = c.list("class_weight");
    return tensor_of<1>(b, w.empty() ? ones_of({classes}) : array::of({static_cast<index>(w.size())}, w));
}

/// As [N, C, H, W], so that there is one rank.
template <class B>
void softmax(checker& k, const B& b) {
    const recorded& c = k.expected();
    const array& label = c.input("label");
    std::vector<index> laid = c.input("cls_score").shape;
    const index classes = laid.at(1);
    std::vector<index> rows = label.shape;
    laid.resize(4, 1);
    rows.resize(3, 1);
    const auto y = boxgrad::from_host<std::int64_t>(b, extents_of<3>(rows), whole_numbers(label).data());
    const auto w = tensor_of<3>(b, weights_of(c, label.shape), rows);
    const auto cw = class_weights(b, c, classes);
    const auto target = boxgrad::loss::targets(y).ignore_index(c.whole("ignore_index", -100)).class_weight(cw);
    evaluate_laid<4, 3>(k, b, boxgrad::loss::cross_entropy{}, laid, target, w, rows, names);
}

template <class B>
void sigmoid(checker& k, const B& b) {
    const recorded& c = k.expected();
    const array& pred = c.input("cls_score");
    const array& label = c.input("label");
    const auto laid = as_matrix(pred.shape);
    const std::int64_t ignored = c.whole("ignore_index", -100);
    if (label.shape.size() < pred.shape.size()) {
        const auto y = labels_of(b, label);
        const auto w = tensor_of<1>(b, weights_of(c, label.shape));
        const auto cw = class_weights(b, c, laid[1]);
        const auto target = boxgrad::loss::targets(y).ignore_index(ignored).ignore_negatives().class_weight(cw);
        evaluate_laid<2, 2>(k, b, boxgrad::loss::bce{}, laid, target, w, laid, names);
    } else {
        array numbers = label;
        if (label.is_whole)
            numbers = array::of(label.shape, std::vector<double>(label.whole.begin(), label.whole.end()));
        const auto y = tensor_of<2>(b, numbers, laid);
        const auto w = tensor_of<2>(b, weights_of(c, label.shape), laid);
        const auto cw = class_weights(b, c, laid[1]);
        const auto target = boxgrad::loss::targets(y).ignore_index(ignored).ignore_negatives().class_weight(cw);
        evaluate_laid<2, 2>(k, b, boxgrad::loss::bce{}, laid, target, w, laid, names);
    }
}

/// Its class weight is one number for all.
template <class B>
void mask(checker& k, const B& b) {
    using T = typename B::scalar;
    const recorded& c = k.expected();
    const array& pred = c.input("cls_score");
    const double upstream = c.input("grad_output").real.at(0);
    const boxgrad::loss::mask_cross_entropy loss{c.number("loss_weight", 1.0) * c.number("class_weight", 1.0)};
    const auto x = tensor_of<4>(b, pred);
    const auto t = tensor_of<3>(b, c.input("label"));
    const auto y = labels_of(b, c.input("rois_label"));
    const auto r = loss.value_and_gradient(b, boxgrad::reduction::mean{}, x, t, y, upstream);
    k.output("loss", {1}, std::vector<T>{r.value});
    k.output("grad_cls_score", pred.shape, boxgrad::to_host<4>(b, r.gradient));
}

}  // namespace

GOLDEN_COMPONENT(cross_entropy_loss) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        const bool use_sigmoid = c.flag("use_sigmoid", false);
        if (c.flag("use_mask", false)) {
            mask(k, b);
        } else if (use_sigmoid) {
            sigmoid(k, b);
        } else {
            softmax(k, b);
        }
    });
}

}  // namespace golden
