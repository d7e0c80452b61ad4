// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/overlap/pairwise.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<std::array<double, 4>> a{{0, 0, 10, 10}, {0, 0, 20, 20}};
    const std::vector<std::array<double, 4>> b{{5, 0, 15, 10}, {0, 0, 10, 10}, {50, 50, 60, 60}};
    const auto table = bg::overlap::pairwise(backend, bg::overlap::iou{}, a, b);
    for (int i = 0; i < 2; ++i) std::printf("%.4f %.4f %.4f\n", table(i, 0), table(i, 1), table(i, 2));
}
