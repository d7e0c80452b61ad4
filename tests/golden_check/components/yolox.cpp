// SPDX-License-Identifier: Apache-2.0
/// \file
/// The YOLOX head: what it detects, and its loss.

#include "golden_check/components.hpp"
#include "golden_check/components/head.hpp"
#include "golden_check/components/yolox_loss.hpp"

#include <boxgrad/head/yolox_steps.hpp>

namespace golden {

GOLDEN_COMPONENT(yolox_decode) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        using B = std::remove_cvref_t<decltype(b)>;
        head_of_case<B> given(b, c);
        const array& first = c.input("cls_scores.0");
        if (c.whole("num_classes", first.shape[1]) != first.shape[1]) throw bad_file("parameter num_classes differs from the head's");
        const double threshold = c.number("score_thr", 0.01);
        const auto priors = boxgrad::yolox::priors(b, given.head(), given.strides);
        report<2>(k, b, "priors", priors);
        const auto decoded = boxgrad::yolox::decode(b, given.head(), given.strides);
        report<3>(k, b, "decoded", decoded);
        const auto images = boxgrad::yolox::predict(b, given.head(), given.strides, threshold);
        for (std::size_t i = 0; i < images.size(); ++i) {
            const std::string at = "." + std::to_string(i);
            report<2>(k, b, "bboxes" + at, images[i].boxes);
            report<1>(k, b, "scores" + at, images[i].scores);
            report<1>(k, b, "labels" + at, images[i].labels);
        }
    });
}

GOLDEN_COMPONENT(yolox_loss_mmdet) { yolox_loss_of<boxgrad::recipe::mmdetection>(k); }

}  // namespace golden
