// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/prior/anchor_generator.hpp>

#include <cstdio>

namespace prior = boxgrad::prior;

// RetinaNet's anchors in mmdetection's parameters.
constexpr prior::anchor_generator retinanet{.strides = {8, 16, 32, 64, 128},
                                            .ratios = {0.5, 1.0, 2.0},
                                            .octave_base_scale = 4.0,
                                            .scales_per_octave = 3};
static_assert(retinanet.num_base_priors(0) == 9);
constexpr auto square = retinanet.base_anchors<double>(0)[3];  // ratio 1, scale 4, stride 8
static_assert(square.x1 == -16 && square.y1 == -16 && square.x2 == 16 && square.y2 == 16);

void show(const char* name, const boxgrad::box<double>& b) {
    std::printf("%-11s %6.1f %6.1f %6.1f %6.1f\n", name, b.x1, b.y1, b.x2, b.y2);
}

int main() {
    // One of the 37800 anchors of level 1, in a map of 50 x 84 cells.
    const auto grid = retinanet.grid<double>(1, {.h = 50, .w = 84});
    show("retinanet", grid[(10 * 84 + 20) * 9 + 3]);  // row 10, column 20

    // Anchors for weights that were trained elsewhere.
    const auto d2 = prior::anchor_generator::detectron2({{32}, {64}}, {0.5, 1, 2}, {4, 8});
    const auto tv = prior::anchor_generator::torchvision({{32}, {64}}, {0.5, 1, 2}, {4, 8});
    show("detectron2", d2.base_anchors<double>(0)[0]);   // around the middle of the cell
    show("torchvision", tv.base_anchors<double>(0)[0]);  // around its corner, rounded
    const prior::legacy_anchor_generator old{.strides = {16}, .ratios = {0.5}, .scales = {8}};
    show("legacy", old.base_anchors<double>(0)[0]);      // inclusive corners, rounded
}
