// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/boxes/corners.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace boxes = boxgrad::boxes;
    const boxgrad::memory<double> backend;
    const std::vector<std::array<double, 4>> list{{10, 20, 50, 40}};
    const auto corners = boxes::corners(backend, list);
    for (int k = 0; k < 4; ++k) std::printf("(%.0f, %.0f) ", corners(k, 0), corners(k, 1));
    const auto back = boxes::from_corners(backend, corners);
    std::printf("-> %.0f %.0f %.0f %.0f\n", back(0, 0), back(0, 1), back(0, 2), back(0, 3));

    // A turn by about 37 degrees, and a shift to the right.
    const boxes::homography turn{{{0.8, -0.6, 30}, {0.6, 0.8, 0}, {0, 0, 1}}};
    const auto turned = boxes::project(backend, list, turn);
    std::printf("%.0f %.0f %.0f %.0f\n", turned(0, 0), turned(0, 1), turned(0, 2), turned(0, 3));
    const auto clipped = boxes::project(backend, list, turn, {.h = 60, .w = 50});
    std::printf("%.0f %.0f %.0f %.0f\n", clipped(0, 0), clipped(0, 1), clipped(0, 2), clipped(0, 3));
}
