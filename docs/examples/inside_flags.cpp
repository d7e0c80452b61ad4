// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/prior/anchor_generator.hpp>
#include <boxgrad/prior/inside_flags.hpp>

#include <cstdio>

int main() {
    namespace prior = boxgrad::prior;
    const boxgrad::memory<float> backend;
    const prior::anchor_generator anchors{.strides = {8}, .ratios = {1}, .scales = {2}, .center_offset = 0.5};
    const boxgrad::featmap_size size{.h = 3, .w = 4};
    const auto grid = anchors.grid<float>(0, size);

    // Anchors of 16 x 16 around cells of 8 x 8, in a picture of 22 x 32 pixels (h, w).
    const auto valid = prior::single_level_valid_flags(backend, anchors, size, {.h = 22, .w = 32}, 0);
    for (const double border : {0.0, 4.5, -1.0}) {
        const auto flags = prior::inside_flags(backend, grid, valid, {.h = 22, .w = 32}, border);
        std::printf("border %4.1f:", border);
        for (int i = 0; i < 12; ++i) std::printf("%s%d", i % 4 == 0 ? "  " : " ", flags(i));
        std::printf("\n");
    }
}
