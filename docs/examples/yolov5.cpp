// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/coder/yolov5.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::coder::yolov5 coder;
    const bg::coder::strided_box<double> prior{{-1, -3, 9, 11}, 8};  // 10 x 14 around the middle of the first cell

    const auto still = coder.decode(prior, bg::coder::xywh<double>{0, 0, 0, 0});
    std::printf("raw zeros give the prior: %.1f %.1f %.1f %.1f\n", still.x1, still.y1, still.x2, still.y2);

    // However large the raw output: half a cell beyond the cell, and four times the prior's width.
    const auto far = coder.decode(prior, bg::coder::xywh<double>{50, 0, 50, 0});
    std::printf("centre %.1f width %.1f\n", (far.x1 + far.x2) / 2, far.width());

    const auto raw = coder.encode(prior, bg::box{2.0, 0.0, 17.0, 12.0});
    const auto back = coder.decode(prior, raw);
    std::printf("raw %.3f %.3f %.3f %.3f\n", raw.x, raw.y, raw.w, raw.h);
    std::printf("back %.1f %.1f %.1f %.1f\n", back.x1, back.y1, back.x2, back.y2);
}
