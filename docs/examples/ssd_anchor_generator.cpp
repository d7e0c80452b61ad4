// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/prior/ssd_anchor_generator.hpp>

#include <cstdio>

int main() {
    // mmdetection's SSD300: ratios run fastest, as every published configuration asks (`scale_major=False`).
    constexpr boxgrad::prior::ssd_anchor_generator ssd300{
        .strides = {8, 16, 32, 64, 100, 300},
        .ratios = {{2}, {2, 3}, {2, 3}, {2, 3}, {2}, {2}},
        .basesize_ratio_range = {0.15, 0.9},
        .input_size = 300,
        .order = boxgrad::prior::anchor_order::ratio_fastest};
    static_assert(ssd300.num_base_priors(1) == 6);
    static_assert(ssd300.base_anchors<float>(0)[0].width() == 21);  // 7 % of 300

    for (const auto& b : ssd300.base_anchors<double>(0)) {
        std::printf("%6.2f %6.2f %6.2f %6.2f   %5.2f x %5.2f\n", b.x1, b.y1, b.x2, b.y2, b.width(), b.height());
    }
}
