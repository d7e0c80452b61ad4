// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/boxes/flip.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace boxes = boxgrad::boxes;
    using enum boxes::flip_direction;
    const boxgrad::memory<double> backend;
    const std::vector<std::array<double, 4>> list{{10, 5, 30, 20}};
    for (const auto direction : {horizontal, vertical, diagonal}) {
        const auto r = boxes::flip(backend, list, {.h = 60, .w = 64}, direction);
        std::printf("%.0f %.0f %.0f %.0f\n", r(0, 0), r(0, 1), r(0, 2), r(0, 3));
    }
}
