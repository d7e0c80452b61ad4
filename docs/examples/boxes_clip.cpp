// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/boxes/clip.hpp>

#include <array>
#include <cstdio>

int main() {
    const boxgrad::memory<double> backend;
    const std::vector<std::array<double, 4>> boxes{{-5, 10, 30, 90}, {70, 10, 90, 40}};
    // A picture of 60 x 64 pixels (h, w).
    const auto clipped = boxgrad::boxes::clip(backend, boxes, {.h = 60, .w = 64});
    for (int i = 0; i < 2; ++i) {
        std::printf("%.0f %.0f %.0f %.0f\n", clipped(i, 0), clipped(i, 1), clipped(i, 2), clipped(i, 3));
    }
}
