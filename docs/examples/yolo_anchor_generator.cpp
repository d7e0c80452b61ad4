// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/prior/yolo_anchor_generator.hpp>

#include <cstdio>

int main() {
    // YOLOv3's anchors, from the coarsest level to the finest, as its head orders them.
    constexpr boxgrad::prior::yolo_anchor_generator yolov3{
        .strides = {32, 16, 8},
        .base_sizes = {{{116, 90}, {156, 198}, {373, 326}},
                       {{30, 61}, {62, 45}, {59, 119}},
                       {{10, 13}, {16, 30}, {33, 23}}}};
    constexpr auto first = yolov3.base_anchors<double>(2)[0];
    static_assert(first.x1 == -1 && first.y1 == -2.5 && first.x2 == 9 && first.y2 == 10.5);

    const auto grid = yolov3.grid<double>(2, {.h = 52, .w = 52});
    const auto b = grid[(1 * 52 + 2) * 3];  // row 1, column 2
    std::printf("%td anchors, one of them %.1f %.1f %.1f %.1f\n", grid.size(), b.x1, b.y1, b.x2, b.y2);
}
