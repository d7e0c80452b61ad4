// SPDX-License-Identifier: Apache-2.0
/// \file
/// Task-aligned assigners.

#include "golden_check/components.hpp"
#include "golden_check/components/assigners.hpp"

#include <boxgrad/assigner/task_aligned.hpp>

namespace golden {

namespace {

template <class Rules>
boxgrad::assigner::task_aligned<Rules> configured(const recorded& c) {
    boxgrad::assigner::task_aligned<Rules> a;
    a.topk = static_cast<int>(c.whole("topk", a.topk));
    a.alpha = c.number("alpha", a.alpha);
    a.beta = c.number("beta", a.beta);
    a.topk2 = static_cast<int>(c.whole("topk2", 0));
    return a;
}

/// Priors' centres, as points.
template <class B>
auto centres_of(const B& b, const array& boxes) {
    using T = typename B::scalar;
    const std::vector<T> v = numbers<T>(boxes);
    std::vector<T> xy;
    for (std::size_t i = 0; i + 3 < v.size(); i += 4) {
        xy.push_back((v[i] + v[i + 2]) / 2);
        xy.push_back((v[i + 1] + v[i + 3]) / 2);
    }
    return boxgrad::from_host(b, boxgrad::extents<2>{{static_cast<index>(xy.size() / 2), 2}}, xy.data());
}

}  // namespace

GOLDEN_COMPONENT(task_aligned_assigner) {
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const recorded& c = k.expected();
        const auto truths = truths_of<T>(c);
        const auto r = configured<boxgrad::assigner::tood_rules>(c).assign(b, centres_of(b, c.input("priors")),
                                                                           tensor_of<2>(b, c.input("bboxes")),
                                                                           tensor_of<2>(b, c.input("scores")), truths);
        report_assignment(k, b, r, truths);
        const auto metrics = boxgrad::to_host<2>(b, r.metric);
        k.output("assign_metrics", {static_cast<index>(metrics.size())}, metrics);
    });
}

GOLDEN_COMPONENT(ultralytics_task_aligned_assigner) {
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const recorded& c = k.expected();
        const array& boxes = c.input("gt_bboxes");
        const array& labels = c.input("gt_labels");
        const std::vector<T> corner = numbers<T>(boxes);
        const std::vector<std::int64_t>& label = whole_numbers(labels);
        const array& mask = c.input("mask_gt");
        const auto images = static_cast<std::size_t>(boxes.shape.at(0));
        const auto most = static_cast<std::size_t>(boxes.shape.at(1));
        const auto classes = c.input("pd_scores").shape.at(2);
        const auto n = c.input("pd_scores").shape.at(1);
        // Truths without the padding; which row of the padded list each is.
        boxgrad::truth_list<T> truths;
        std::vector<std::vector<std::int64_t>> place(images);
        for (std::size_t i = 0; i < images; ++i) {
            std::vector<std::array<T, 4>> rows;
            std::vector<int> of;
            for (std::size_t g = i * most; g < (i + 1) * most; ++g) {
                if (!(mask.is_whole ? mask.whole[g] != 0 : mask.real[g] != 0)) continue;
                rows.push_back({corner[4 * g], corner[4 * g + 1], corner[4 * g + 2], corner[4 * g + 3]});
                of.push_back(static_cast<int>(label[g]));
                place[i].push_back(static_cast<std::int64_t>(g - i * most));
            }
            truths.add_image(rows, of);
        }
        auto a = configured<boxgrad::assigner::yolov8_rules>(c);
        if (c.number("eps", 1e-9) != 1e-9) throw bad_file("eps is a constant of the rules, 1e-9");
        if (c.whole("num_classes", classes) != classes) throw bad_file("num_classes is not that of pd_scores");
        const std::vector<double> strides = c.list("stride");
        if (!strides.empty()) {
            a.small_side = strides[0];
            a.grown_side = strides.size() > 1 ? strides[1] : strides[0];
        }
        const auto r = a.assign(b, tensor_of<2>(b, c.input("anc_points")), tensor_of<3>(b, c.input("pd_bboxes")),
                                tensor_of<3>(b, c.input("pd_scores")), truths);
        const auto rows = boxgrad::to_host<2>(b, r.truth);
        const auto score = boxgrad::to_host<2>(b, r.score);
        // The reference gives background the first truth of the padded list, and classes of their own to no score.
        std::vector<std::int64_t> target_labels, target_gt_idx;
        std::vector<std::uint8_t> fg_mask;
        std::vector<T> target_boxes, target_scores(rows.size() * static_cast<std::size_t>(classes));
        for (std::size_t k2 = 0; k2 < rows.size(); ++k2) {
            const std::size_t i = k2 / static_cast<std::size_t>(n);
            const std::int64_t g = rows[k2] >= 0 ? place[i][static_cast<std::size_t>(rows[k2])] : 0;
            const std::size_t flat = i * most + static_cast<std::size_t>(g);
            fg_mask.push_back(rows[k2] >= 0);
            target_gt_idx.push_back(g);
            target_labels.push_back(std::max<std::int64_t>(label[flat], 0));
            for (std::size_t j = 0; j < 4; ++j) target_boxes.push_back(corner[4 * flat + j]);
            if (rows[k2] >= 0)
                target_scores[k2 * static_cast<std::size_t>(classes) + static_cast<std::size_t>(label[flat])] =
                    score[k2];
        }
        const auto b0 = static_cast<index>(images);
        k.output("target_labels", {b0, n}, target_labels);
        k.output("target_gt_idx", {b0, n}, target_gt_idx);
        k.output("fg_mask", {b0, n}, fg_mask);
        k.output("target_bboxes", {b0, n, 4}, target_boxes);
        k.output("target_scores", {b0, n, classes}, target_scores);
    });
}

}  // namespace golden
