// SPDX-License-Identifier: Apache-2.0
/// \file
/// Hungarian assigners and their costs.

#include "golden_check/components.hpp"
#include "golden_check/components/assigners.hpp"
#include "golden_check/components/levels.hpp"

#include <boxgrad/assigner/mask_cost.hpp>
#include <boxgrad/assigner/topk_hungarian.hpp>

namespace golden {

namespace {

using namespace boxgrad::assigner;

/// Every cost on boxes and scores; one that a case does not name weighs 0.
using any_cost = cost_sum<classification_cost, focal_loss_cost, bbox_l1_cost, iou_cost<boxgrad::overlap::giou>,
                          iou_cost<boxgrad::overlap::iou>>;

void configure(classification_cost& a, const recorded& c, const std::string& at) {
    a.weight = c.number(at + "weight", 1);
}
void configure(focal_loss_cost& a, const recorded& c, const std::string& at) {
    a.alpha = c.number(at + "alpha", a.alpha);
    a.gamma = c.number(at + "gamma", a.gamma);
    a.eps = c.number(at + "eps", a.eps);
    a.weight = c.number(at + "weight", 1);
}
void configure(bbox_l1_cost& a, const recorded& c, const std::string& at) {
    const std::string format = c.text(at + "box_format", "xyxy");
    if (format != "xyxy" && format != "xywh") throw bad_file("box_format is not understood: " + format);
    a.box_format = format == "xyxy" ? box_format::xyxy : box_format::xywh;
    a.weight = c.number(at + "weight", 1);
}

/// Adds the cost whose parameters have that prefix.
void configure(any_cost& a, const recorded& c, const std::string& at) {
    const std::string type = c.text(at + "type", "");
    auto& boxes = a.rest.rest;
    if (type == "ClassificationCost") {
        configure(a.first, c, at);
    } else if (type == "FocalLossCost") {
        configure(a.rest.first, c, at);
    } else if (type == "BBoxL1Cost") {
        configure(boxes.first, c, at);
    } else if (type == "IoUCost") {
        const std::string mode = c.text(at + "iou_mode", "giou");
        if (mode != "giou" && mode != "iou") throw bad_file("iou_mode is not understood: " + mode);
        (mode == "giou" ? boxes.rest.first.weight : boxes.rest.rest.first.weight) = c.number(at + "weight", 1);
    } else {
        throw bad_file("type is not understood: " + type);
    }
}
any_cost no_cost() {
    any_cost a;
    a.first.weight = a.rest.first.weight = 0;
    auto& boxes = a.rest.rest;
    boxes.first.weight = boxes.rest.first.weight = boxes.rest.rest.first.weight = 0;
    return a;
}

std::vector<boxgrad::image_shape> shapes_of(const recorded& c) {
    const auto s = size_of(c, "img_shape");
    return {{static_cast<double>(s.h), static_cast<double>(s.w)}};
}

/// A row a truth to a row a query.
template <class B, class X>
void report_turned(checker& k, const B& b, const X& cost) {
    const auto host = boxgrad::to_host<2>(b, cost);
    const auto e = boxgrad::as_const_view<2>(b, cost, "report", "cost").extent;
    auto turned = host;
    for (index g = 0; g < e[0]; ++g) {
        for (index i = 0; i < e[1]; ++i) {
            turned[static_cast<std::size_t>(i * e[0] + g)] = host[static_cast<std::size_t>(g * e[1] + i)];
        }
    }
    k.output("cost", {e[1], e[0]}, turned);
}

/// Numbers of the matched queries alone, in their order.
template <class B, class R, class X>
void report_matched(checker& k, const B& b, const char* name, const R& r, const X& numbers) {
    const auto truth = boxgrad::to_host<2>(b, r.truth);
    auto all = boxgrad::to_host<2>(b, numbers);
    std::size_t n = 0;
    for (std::size_t i = 0; i < truth.size(); ++i) {
        if (truth[i] >= 0) all[n++] = all[i];
    }
    all.resize(n);
    k.output(name, {static_cast<index>(n)}, all);
}

template <class Cost>
void masks(checker& k, const Cost& cost) {
    on_backends(k, [&](const auto& b) {
        const recorded& c = k.expected();
        const array& predicted = c.input("masks");
        const array& truths = c.input("gt_masks");
        const std::vector<std::uint8_t> set(truths.whole.begin(), truths.whole.end());
        const auto rows = [](const array& a) { return std::vector<index>{a.shape[0], a.shape[1] * a.shape[2]}; };
        const auto t = boxgrad::from_host<std::uint8_t>(b, extents_of<2>(rows(truths)), set.data());
        report<2>(k, b, "cost", mask_costs(b, cost, tensor_of<2>(b, predicted, rows(predicted)), t));
    });
}

}  // namespace

GOLDEN_COMPONENT(match_cost) {
    const recorded& c = k.expected();
    const std::string type = c.text("type", "");
    if (type == "DiceCost") {
        dice_cost d;
        d.pred_act = c.flag("pred_act", d.pred_act);
        d.eps = c.number("eps", d.eps);
        d.naive_dice = c.flag("naive_dice", d.naive_dice);
        d.weight = c.number("weight", 1);
        masks(k, d);
    } else if (type == "CrossEntropyLossCost") {
        masks(k, cross_entropy_loss_cost{.weight = c.number("weight", 1)});
    } else if (c.flag("binary_input", false)) {
        focal_loss_cost f;
        configure(f, c, "");
        masks(k, f);
    } else {
        any_cost cost = no_cost();
        configure(cost, c, "");
        on_backends(k, [&](const auto& b) {
            using T = typename std::remove_cvref_t<decltype(b)>::scalar;
            report_turned(k, b,
                          match_costs(b, cost, tensor_of<2>(b, c.input("bboxes")), tensor_of<2>(b, c.input("scores")),
                                      truths_of<T>(c), shapes_of(c)));
        });
    }
}

GOLDEN_COMPONENT(hungarian_assigner) {
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const recorded& c = k.expected();
        hungarian<any_cost> a{no_cost()};
        for (int i = 0; c.find("match_costs." + std::to_string(i) + ".type"); ++i) {
            configure(a.match_costs, c, "match_costs." + std::to_string(i) + ".");
        }
        const auto truths = truths_of<T>(c);
        const auto boxes = tensor_of<2>(b, c.input("bboxes"));
        const auto scores = tensor_of<2>(b, c.input("scores"));
        report_assignment(k, b, a.assign(b, boxes, scores, truths, shapes_of(c)), truths);
        report_turned(k, b, match_costs(b, a.match_costs, boxes, scores, truths, shapes_of(c)));
    });
}

GOLDEN_COMPONENT(topk_hungarian_assigner) {
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const recorded& c = k.expected();
        topk_hungarian<> a;
        a.topk = static_cast<int>(c.whole("topk", a.topk));
        a.alpha = c.number("alpha", a.alpha);
        a.beta = c.number("beta", a.beta);
        const auto truths = truths_of<T>(c);
        const auto r =
            a.assign(b, tensor_of<2>(b, c.input("bboxes")), tensor_of<2>(b, c.input("scores")), truths, shapes_of(c));
        report_rows(k, b, r, truths);
        report_matched(k, b, "max_overlaps", r, r.overlap);
        report_matched(k, b, "assign_metrics", r, r.metric);
    });
}

}  // namespace golden
