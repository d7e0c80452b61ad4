// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/prior/anchor_generator.hpp>

#include <cstdio>

int main() {
    namespace prior = boxgrad::prior;
    const boxgrad::memory<double> backend;
    const prior::anchor_generator anchors{.strides = {8, 16}, .ratios = {1}, .scales = {1, 2}};
    const boxgrad::per_level<boxgrad::featmap_size> sizes{{.h = 2, .w = 3}, {.h = 1, .w = 2}};

    const auto levels = prior::grid_priors(backend, anchors, sizes);  // a tensor for each level
    for (int i = 0; i < 4; ++i) {
        const auto& p = levels[1];
        std::printf("level 1, prior %d: %4.0f %4.0f %4.0f %4.0f\n", i, p(i, 0), p(i, 1), p(i, 2), p(i, 3));
    }

    // Some priors of level 0, without the others: the last of the first row, the first of the second.
    const std::vector<std::int64_t> chosen{5, 6};
    const auto some = prior::sparse_priors(backend, anchors, chosen, sizes[0], 0);
    for (int i = 0; i < 2; ++i) {
        const auto& p = some;
        std::printf("level 0, prior %d: %4.0f %4.0f %4.0f %4.0f\n", i + 5, p(i, 0), p(i, 1), p(i, 2), p(i, 3));
    }

    // A picture of 9 x 16 pixels, padded to 16 x 24: its third column of cells is padding.
    const auto flags = prior::valid_flags(backend, anchors, sizes, {.h = 9, .w = 16});
    std::printf("level 0, valid:");
    for (int i = 0; i < 12; ++i) std::printf(" %d", flags[0](i));
    std::printf("\n");
}
