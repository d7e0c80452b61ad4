// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "golden_check/backends.hpp"

#include <boxgrad/head/yolox_head.hpp>

namespace golden {

/// A case's head outputs as tensors of b, and its strides.
template <class B>
struct head_of_case {
    using tensor = boxgrad::tensor_t<B, typename B::scalar, 4>;
    std::vector<tensor> classes, boxes, objectness;
    boxgrad::per_level<boxgrad::stride> strides;

    head_of_case(const B& b, const recorded& c) {
        if (c.find("strides")) {
            for (const auto& s : c.rows("strides", 2, true)) strides.push_back({s[0], s[1]});
        } else {
            strides = {8, 16, 32};
        }
        for (std::string l = "0"; c.find_input("cls_scores." + l); l = std::to_string(classes.size())) {
            classes.push_back(tensor_of<4>(b, c.input("cls_scores." + l)));
            boxes.push_back(tensor_of<4>(b, c.input("bbox_preds." + l)));
            objectness.push_back(tensor_of<4>(b, c.input("objectnesses." + l)));
        }
        if (classes.empty()) throw bad_file("input cls_scores.0 is missing");
    }
    auto head() { return boxgrad::yolox_head(classes, boxes, objectness); }
};

}  // namespace golden
