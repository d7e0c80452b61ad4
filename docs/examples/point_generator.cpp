// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/prior/point_generator.hpp>

#include <cstdio>

int main() {
    const boxgrad::memory<double> backend;
    const boxgrad::prior::point_generator points;
    const auto priors = points.grid_points(backend, {.h = 2, .w = 2}, 16);
    for (int i = 0; i < 4; ++i) {
        std::printf("x %.0f y %.0f stride %.0f\n", priors(i, 0), priors(i, 1), priors(i, 2));
    }
}
