// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/prior/mlvl_point_generator.hpp>

#include <cstdio>

namespace prior = boxgrad::prior;

constexpr prior::mlvl_point_generator points{.strides = {8, 16, 32}, .offset = 0.5};
static_assert(prior::at<float>(points, 1, {.h = 40, .w = 40}, 41).x == 24);  // row 1, column 1 of level 1

int main() {
    const boxgrad::memory<double> backend;
    const auto priors = prior::single_level_grid_priors(backend, prior::with_strides{points}, {.h = 2, .w = 3}, 0);
    for (int i = 0; i < 6; ++i) {
        std::printf("%d: x %.0f y %.0f stride %.0f %.0f\n", i, priors(i, 0), priors(i, 1), priors(i, 2), priors(i, 3));
    }
    const auto flags = prior::single_level_valid_flags(backend, points, {.h = 2, .w = 3}, {.h = 16, .w = 10}, 0);
    std::printf("in a picture of 10 x 16 pixels:");
    for (int i = 0; i < 6; ++i) std::printf(" %d", flags(i));
    std::printf("\n");
}
