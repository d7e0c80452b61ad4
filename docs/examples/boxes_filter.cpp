// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/boxes/filter.hpp>

#include <array>
#include <cstdio>

int main() {
    const boxgrad::memory<double> backend;
    const std::vector<std::array<double, 4>> boxes{
        {-9, 5, 0, 20}, {-9, 5, 4, 20}, {60, 5, 90, 20}, {64, 5, 90, 20}, {10, 10, 12, 50}};
    const auto inside = boxgrad::boxes::inside(backend, boxes, {.h = 60, .w = 64});
    std::printf("inside:");
    for (int i = 0; i < 5; ++i) std::printf(" %d", inside(i));
    const auto kept = boxgrad::boxes::remove_small(backend, boxes, 10);
    std::printf("\nkept:");
    for (const auto i : kept.data) std::printf(" %d", static_cast<int>(i));
    std::printf("\n");
}
