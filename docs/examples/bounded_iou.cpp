// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/bounded_iou.hpp>
#include <boxgrad/loss/evaluate.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<std::array<double, 4>> prediction{{3, 0, 13, 20}, {0, 0, 16, 15}};
    const std::vector<std::array<double, 4>> target{{0, 0, 10, 20}, {0, 0, 10, 20}};
    const auto [value, gradient] = bg::loss::value_and_gradient(backend, bg::loss::bounded_iou{.beta = 0.2},
                                                                bg::reduction::none{}, prediction, target);
    for (int i = 0; i < 2; ++i) {
        std::printf("dx %.3f dy %.3f dw %.3f dh %.3f", value(i, 0), value(i, 1), value(i, 2), value(i, 3));
        std::printf("   d/dx1 %.3f d/dx2 %.3f\n", gradient(i, 0), gradient(i, 2));
    }
}
