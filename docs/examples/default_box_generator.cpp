// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/prior/default_box_generator.hpp>

#include <cstdio>

int main() {
    // torchvision's ssd300_vgg16.
    constexpr boxgrad::prior::default_box_generator ssd300{
        .strides = {8, 16, 32, 64, 100, 300},
        .aspect_ratios = {{2}, {2, 3}, {2, 3}, {2, 3}, {2}, {2}},
        .scales = {0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05},
        .image = {.h = 300, .w = 300}};
    static_assert(ssd300.num_base_priors(1) == 6);

    const boxgrad::per_level<boxgrad::featmap_size> maps{{38, 38}, {19, 19}, {10, 10}, {5, 5}, {3, 3}, {1, 1}};
    boxgrad::index boxes = 0;
    for (int l = 0; l < 6; ++l) boxes += ssd300.grid<float>(l, maps[l]).size();
    std::printf("%td boxes\n", boxes);
    for (const auto& b : ssd300.base_anchors<double>(0)) {
        std::printf("%6.2f %6.2f %6.2f %6.2f\n", b.x1, b.y1, b.x2, b.y2);
    }
}
