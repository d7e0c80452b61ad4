// SPDX-License-Identifier: Apache-2.0
/// \file
/// The auxiliary loss of DDQ, on probabilities.

#include "golden_check/components.hpp"
#include "golden_check/components/evaluate.hpp"

#include <boxgrad/loss/ddq_aux.hpp>

namespace golden {

GOLDEN_COMPONENT(ddq_aux_loss) {
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const recorded& c = k.expected();
        boxgrad::loss::ddq_aux<boxgrad::loss::probability_quality_focal> loss;
        if (c.text("train_cfg.assigner.type", "TopkHungarianAssigner") != "TopkHungarianAssigner")
            throw bad_file("another assigner");
        loss.assigner.topk = static_cast<int>(c.whole("train_cfg.assigner.topk", 8));
        loss.assigner.alpha = c.number("train_cfg.alpha", 1);
        loss.assigner.beta = c.number("train_cfg.beta", 6);
        const std::vector<double> shape = c.list("img_shape");
        const array& scores = c.input("cls_scores");
        const array& boxes = c.input("bbox_preds");
        boxgrad::truth_list<T> truths;
        boxgrad::loss::ddq_upstream upstream;
        const index images = scores.shape.at(0);
        for (index i = 0; i < images; ++i) {
            const std::string at = "." + std::to_string(i);
            add_truths(truths, c.input("gt_bboxes" + at), c.input("gt_labels" + at));
            upstream.classes.push_back(c.input("grad_output.aux_loss_cls" + at).real.at(0));
            upstream.boxes.push_back(c.input("grad_output.aux_loss_bbox" + at).real.at(0));
        }
        const std::vector<boxgrad::image_shape> shapes(static_cast<std::size_t>(images), {shape.at(0), shape.at(1)});
        const auto r =
            loss.value_and_gradient(b, tensor_of<3>(b, scores), tensor_of<3>(b, boxes), truths, shapes, upstream);
        for (std::size_t i = 0; i < r.value.classes.size(); ++i) {
            const std::string at = "." + std::to_string(i);
            k.output("aux_loss_cls" + at, {}, std::vector<T>{r.value.classes[i]});
            k.output("aux_loss_bbox" + at, {}, std::vector<T>{r.value.boxes[i]});
        }
        k.output("grad_cls_scores", scores.shape, boxgrad::to_host<3>(b, r.classes));
        k.output("grad_bbox_preds", boxes.shape, boxgrad::to_host<3>(b, r.boxes));
    });
}

}  // namespace golden
