// SPDX-License-Identifier: Apache-2.0
#include "scene.hpp"

#include <cstdio>

namespace bg = boxgrad;

template <class Loss>
void show(const char* name, const Loss& loss) {
    const scene s;
    const auto v = loss.value(bg::memory<double>{}, s.head(), s.truths).value;
    std::printf("%-12s positives %td, classes %.3f boxes %.3f objectness %.3f l1 %.3f\n", name, v.positives, v.classes,
                v.boxes, v.objectness, v.l1);
}

int main() {
    show("mmdetection", bg::yolox_loss<>{.classes = 3, .strides = {8, 16}});
    show("megvii", bg::yolox_loss<bg::recipe::megvii>{.classes = 3, .strides = {8, 16}});

    // Another box term, and the L1 term that YOLOX adds in its last epochs.
    using with_giou = bg::yolox_loss<bg::recipe::mmdetection, bg::loss::giou, bg::loss::l1>;
    show("GIoU and L1", with_giou{.classes = 3, .strides = {8, 16}, .weights = {.boxes = 2}});

    // A term left out is neither computed nor stored.
    using no_boxes = bg::yolox_loss<bg::recipe::mmdetection, bg::loss::none>;
    show("no boxes", no_boxes{.classes = 3, .strides = {8, 16}});
}
