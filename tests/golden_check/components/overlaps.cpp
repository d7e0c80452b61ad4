// SPDX-License-Identifier: Apache-2.0
/// \file
/// Overlaps and losses as torchvision and ultralytics define them.

#include "golden_check/components.hpp"
#include "golden_check/components/evaluate.hpp"

#include <boxgrad/loss/sigmoid_focal.hpp>
#include <boxgrad/overlap/diou.hpp>
#include <boxgrad/overlap/pairwise.hpp>

namespace golden {

namespace {

using boxgrad::box;
using boxgrad::overlap::alpha_rule;
using boxgrad::overlap::eps_rule;

enum class overlap_kind { iou, generalized, distance, complete };

/// The four as one overlap, so that a quarter as much is compiled.
template <eps_rule Rule>
struct overlap_of_kind {
    overlap_kind kind = overlap_kind::iou;
    double eps = 1e-7;

    template <boxgrad::number V>
    BOXGRAD_FN V operator()(const box<V>& a, const box<V>& b) const {
        using namespace boxgrad::overlap;
        switch (kind) {
            case overlap_kind::generalized:
                return basic_giou<Rule>{.eps = eps}(a, b);
            case overlap_kind::distance:
                return basic_diou<Rule>{.eps = eps}(a, b);
            case overlap_kind::complete:
                return basic_ciou<alpha_rule::plain, Rule>{.eps = eps}(a, b);
            case overlap_kind::iou:
                break;
        }
        return basic_iou<Rule>{.eps = eps}(a, b);
    }
};

/// 1 - overlap, with eps added to the divisors.
struct loss_of_kind {
    overlap_of_kind<eps_rule::added> overlap;

    template <boxgrad::number V>
    BOXGRAD_FN V operator()(const box<V>& prediction, const box<V>& target) const {
        return V(boxgrad::scalar_t<V>(1)) - overlap(prediction, target);
    }
};

/// Corners, or centre and size, whose sides take no eps.
struct ultralytics_overlap {
    overlap_kind kind = overlap_kind::iou;
    double eps = 1e-7;
    bool xywh = true;

    template <boxgrad::number V>
    BOXGRAD_FN V operator()(const box<V>& a, const box<V>& b) const {
        if (!xywh) return overlap_of_kind<eps_rule::sides>{kind, eps}(a, b);
        return overlap_of_kind<eps_rule::added>{kind, eps}(corners(a), corners(b));
    }

private:
    template <boxgrad::number V>
    BOXGRAD_FN static box<V> corners(const box<V>& x) {
        const V half(boxgrad::scalar_t<V>(0.5));
        const V w = x.x2 * half;
        const V h = x.y2 * half;
        return {x.x1 - w, x.y1 - h, x.x1 + w, x.y1 + h};
    }
};

/// "generalized_box_iou_loss" without "_loss"; nothing where it is no overlap.
std::optional<overlap_kind> kind_of(const std::string& op) {
    if (op == "box_iou") return overlap_kind::iou;
    if (op == "generalized_box_iou") return overlap_kind::generalized;
    if (op == "distance_box_iou") return overlap_kind::distance;
    if (op == "complete_box_iou") return overlap_kind::complete;
    return std::nullopt;
}

}  // namespace

GOLDEN_COMPONENT(torchvision_box_ops) {
    const recorded& c = k.expected();
    const std::string op = c.text("op", "");
    on_backends(k, [&](const auto& b) {
        if (op == "sigmoid_focal_loss") {
            const boxgrad::loss::sigmoid_focal focal{.alpha = c.number("alpha", 0.25), .gamma = c.number("gamma", 2)};
            evaluate<false>(k, b, focal, {"inputs", "targets", "grad_inputs"});
            return;
        }
        const bool is_loss = op.ends_with("_loss");
        const auto kind = kind_of(is_loss ? op.substr(0, op.size() - 5) : op);
        if (!kind || (is_loss && kind == overlap_kind::iou)) throw bad_file("parameter op is not understood: " + op);
        if (is_loss) {
            evaluate<false>(k, b, loss_of_kind{{*kind, c.number("eps", 1e-7)}}, {"boxes1", "boxes2", "grad_boxes1"});
            return;
        }
        const auto x = tensor_of<2>(b, c.input("boxes1"));
        const auto y = tensor_of<2>(b, c.input("boxes2"));
        const overlap_of_kind<eps_rule::none> overlap{*kind, c.number("eps", 1e-7)};
        report<2>(k, b, "out", boxgrad::overlap::pairwise(b, overlap, x, y));
    });
}

GOLDEN_COMPONENT(ultralytics_bbox_iou) {
    const recorded& c = k.expected();
    overlap_kind kind = overlap_kind::iou;
    int kinds = 0;
    const auto choose = [&](const char* key, overlap_kind of) {
        if (!c.flag(key, false)) return;
        kind = of;
        ++kinds;
    };
    choose("GIoU", overlap_kind::generalized);
    choose("DIoU", overlap_kind::distance);
    choose("CIoU", overlap_kind::complete);
    if (kinds > 1) throw bad_file("several of GIoU, DIoU and CIoU");
    on_backends(k, [&](const auto& b) {
        const array& boxes = c.input("box1");
        const auto p = tensor_of<2>(b, boxes);
        const auto t = tensor_of<2>(b, c.input("box2"));
        const array& upstream = c.input("grad_output");
        const index n = boxes.shape.front();
        if (upstream.shape != std::vector<index>{n, 1}) throw bad_file("grad_output must be [n, 1]");
        const auto u = tensor_of<1>(b, upstream, {n});
        const ultralytics_overlap term{kind, c.number("eps", 1e-7), c.flag("xywh", true)};
        const auto r =
            boxgrad::loss::value_and_gradient(b, term, boxgrad::reduction::none{}, p, t, boxgrad::loss::ones{}, u);
        k.output("loss", {n, 1}, boxgrad::to_host<1>(b, r.value));
        k.output("grad_box1", boxes.shape, boxgrad::to_host<2>(b, r.gradient));
    });
}

}  // namespace golden
