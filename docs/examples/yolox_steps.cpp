// SPDX-License-Identifier: Apache-2.0
#include "scene.hpp"

#include <boxgrad/head/yolox_steps.hpp>

#include <cstdio>

int main() {
    const boxgrad::memory<double> backend;
    const boxgrad::yolox_loss<> loss{.classes = 3, .strides = {8, 16}};
    const scene s;

    const auto boxes = boxgrad::yolox::decode(backend, s.head(), loss.strides);
    const auto priors = boxgrad::yolox::priors(backend, s.head(), loss.strides, 0.5);
    std::printf("%td priors; the last at %.0f %.0f predicts %.2f %.2f %.2f %.2f\n", priors.shape[0], priors(79, 0),
                priors(79, 1), boxes(0, 79, 0), boxes(0, 79, 1), boxes(0, 79, 2), boxes(0, 79, 3));

    const auto counted = loss.count(backend, s.head(), s.truths);
    const auto targets = boxgrad::yolox::targets_of(backend, loss, s.head(), counted, 0);
    std::printf("%td positives; the first should predict %.0f %.0f %.0f %.0f\n", targets.num_pos, targets.boxes(0, 0),
                targets.boxes(0, 1), targets.boxes(0, 2), targets.boxes(0, 3));

    const auto found = boxgrad::yolox::predict(backend, s.head(), loss.strides, 0.05);
    std::printf("%td detections of score 0.05 and more, before non-maximum suppression\n", found[0].scores.shape[0]);
}
