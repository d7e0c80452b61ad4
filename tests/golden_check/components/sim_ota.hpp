// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "golden_check/backends.hpp"

#include <boxgrad/assigner/sim_ota.hpp>

namespace golden {

/// What a SimOTA assigner may be configured with.
template <class Rules, class Overlap>
void configure(boxgrad::assigner::sim_ota<Rules, Overlap>& a, const recorded& c) {
    a.center_radius = c.number("center_radius", a.center_radius);
    a.candidate_topk = static_cast<int>(c.whole("candidate_topk", a.candidate_topk));
    a.iou_weight = c.number("iou_weight", a.iou_weight);
    a.cls_weight = c.number("cls_weight", a.cls_weight);
}

/// An assigner that takes points, boxes, scores and truths of one image.
template <class Assigner>
void assign_scored(checker& k) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        Assigner assigner;
        configure(assigner, c);
        const auto priors = tensor_of<2>(b, c.input("priors"));
        const auto boxes = tensor_of<2>(b, c.input("bboxes"));
        const auto scores = tensor_of<2>(b, c.input("scores"));
        const array& labels = c.input("gt_labels");
        boxgrad::truth_list<T> truths;
        add_truths(truths, c.input("gt_bboxes"), labels);
        const auto r = assigner.assign(b, priors, boxes, scores, truths);
        const auto rows = boxgrad::to_host<2>(b, r.truth);
        const auto n = static_cast<index>(rows.size());
        std::vector<std::int64_t> label;
        for (const auto row : rows) label.push_back(row >= 0 ? labels.whole[static_cast<std::size_t>(row)] : -1);
        k.output("gt_inds", {n}, gt_inds_of(rows.data(), n, boxgrad::assigner::background));
        k.output("labels", {n}, label);
        k.output("max_overlaps", {n}, boxgrad::to_host<2>(b, r.overlap));
        k.output("num_gts", static_cast<index>(r.truth_positives.size()));
    });
}

template <class Rules>
void sim_ota(checker& k) {
    assign_scored<boxgrad::assigner::sim_ota<Rules>>(k);
}

}  // namespace golden
