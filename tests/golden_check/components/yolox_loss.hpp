// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "golden_check/components/head.hpp"
#include "golden_check/components/sim_ota.hpp"

#include <boxgrad/head/yolox_loss.hpp>

namespace golden {

/// The picture must hold the cells that the head has, up to a part of a cell.
inline void check_input_size(const recorded& c) {
    const parameter* const size = c.find("input_size");
    if (!size) return;
    if (size->kind != parameter::list || size->shape != std::vector<index>{2}) throw bad_file("parameter input_size must be (h, w)");
    const auto strides = c.rows("strides", 2, true);
    for (std::size_t l = 0; l < strides.size(); ++l) {
        const array& o = c.input("objectnesses." + std::to_string(l));
        for (std::size_t axis = 0; axis < 2; ++axis) {
            const double stride = strides[l][1 - axis];
            const double pixels = static_cast<double>(o.shape.at(2 + axis)) * stride;
            if (!(std::abs(pixels - size->numbers[axis]) < stride)) throw bad_file("parameter input_size differs from the head's");
        }
    }
}

template <class B, class Loss>
void yolox_loss_on(checker& k, const B& b, Loss loss) {
    using T = typename B::scalar;
    const recorded& c = k.expected();
    head_of_case<B> given(b, c);
    check_input_size(c);
    loss.strides = given.strides;
    loss.classes = c.whole("num_classes", 80);
    loss.weights = {c.number("loss_weights.cls", 1), c.number("loss_weights.bbox", 5), c.number("loss_weights.obj", 1),
                    c.number("loss_weights.l1", 1)};
    configure(loss.assigner, c);
    boxgrad::yolox_terms upstream;
    const auto read = [&](const char* key, double& to) {
        if (const array* const a = c.find_input(key)) to = a->real.at(0);
    };
    read("grad_output.loss_cls", upstream.classes);
    read("grad_output.loss_bbox", upstream.boxes);
    read("grad_output.loss_obj", upstream.objectness);
    read("grad_output.loss_l1", upstream.l1);
    boxgrad::truth_list<T> truths;
    for (std::string i = "0"; c.find_input("gt_bboxes." + i); i = std::to_string(truths.images())) {
        add_truths(truths, c.input("gt_bboxes." + i), c.input("gt_labels." + i));
    }

    const auto r = loss.value_and_gradient(b, given.head(), truths, upstream);
    const auto scalar = [&](const char* name, T x) { k.output(name, {}, std::vector<T>{x}); };
    scalar("loss_cls", r.value.classes);
    scalar("loss_bbox", r.value.boxes);
    scalar("loss_obj", r.value.objectness);
    if constexpr (!std::is_same_v<decltype(loss.l1), boxgrad::loss::none>) scalar("loss_l1", r.value.l1);
    k.output("num_pos", r.value.positives);

    const auto rows = boxgrad::to_host<2>(b, r.assignment.truth);
    const auto overlaps = boxgrad::to_host<2>(b, r.assignment.overlap);
    const index n = static_cast<index>(rows.size()) / truths.images();
    for (index i = 0; i < truths.images(); ++i) {
        const std::string at = "." + std::to_string(i);
        k.output("gt_inds" + at, {n}, gt_inds_of(rows.data() + i * n, n, boxgrad::assigner::background));
        k.output("ious" + at, {n}, std::vector<T>(overlaps.begin() + i * n, overlaps.begin() + (i + 1) * n));
    }
    for (std::size_t l = 0; l < r.gradient.classes.size(); ++l) {
        const std::string at = "." + std::to_string(l);
        report<4>(k, b, "grad_cls" + at, r.gradient.classes[l]);
        report<4>(k, b, "grad_bbox" + at, r.gradient.boxes[l]);
        report<4>(k, b, "grad_obj" + at, r.gradient.objectness[l]);
    }
}

template <class Recipe>
void yolox_loss_of(checker& k) {
    on_backends(k, [&](const auto& b) {
        if (k.expected().flag("use_l1", false)) {
            yolox_loss_on(k, b, boxgrad::yolox_loss<Recipe, typename Recipe::box, boxgrad::loss::l1>{});
        } else {
            yolox_loss_on(k, b, boxgrad::yolox_loss<Recipe>{});
        }
    });
}

}  // namespace golden
