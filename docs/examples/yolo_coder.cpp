// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/coder/yolo.hpp>
#include <boxgrad/prior/yolo_anchor_generator.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const bg::prior::yolo_anchor_generator anchors{.strides = {16}, .base_sizes = {{{30, 60}}}};
    const bg::coder::yolo coder{.stride = 16};

    // Two cells, anchors computed on the way. x and y have passed the sigmoid.
    const std::vector<std::array<double, 4>> codes{{0.5, 0.5, 0, 0}, {0.75, 0.25, 0.6931472, 0}};
    const auto boxes = bg::coder::decode(backend, coder, anchors.grid<double>(0, {.h = 1, .w = 2}), codes);
    for (int i = 0; i < 2; ++i) {
        std::printf("box %.1f %.1f %.1f %.1f\n", boxes(i, 0), boxes(i, 1), boxes(i, 2), boxes(i, 3));
    }

    // Priors of several levels in one tensor: the last column is the stride.
    const std::vector<std::array<double, 5>> priors{{-7, -22, 23, 38, 16}, {-1, -3, 9, 11, 8}};
    const std::vector<std::array<double, 4>> truths{{-3, -22, 27, 38}, {0, -2, 10, 12}};
    const auto targets = bg::coder::encode(backend, coder, priors, truths);
    for (int i = 0; i < 2; ++i) std::printf("x %.3f y %.3f\n", targets(i, 0), targets(i, 1));
}
