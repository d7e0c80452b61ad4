// SPDX-License-Identifier: Apache-2.0
#include "scene.hpp"

#include <cstdio>

int main() {
    const boxgrad::memory<double> backend;
    const boxgrad::yolox_loss<> loss{.classes = 3, .strides = {8, 16}};
    scene s;
    try {
        s.truths.boxes[1] = {50, 50, 40, 60};
        loss.value(backend, s.head(), s.truths);
    } catch (const boxgrad::gt_error& e) {
        std::printf("%s\n", e.what());
        std::printf("image %td, row %td\n", e.image, e.row);
    }
    try {
        s.boxes.pop_back();
        loss.value(backend, s.head(), s.truths);
    } catch (const boxgrad::error& e) {  // the base of every error
        std::printf("%s\n", e.what());
    }
}
