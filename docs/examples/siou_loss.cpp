// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/siou.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<std::array<double, 4>> target{{0, 0, 10, 10}};
    std::printf("shift   siou  d/dx1   inverted  d/dx1\n");
    for (const double x : {1.0, 5.0, 12.0, 20.0, 40.0}) {
        const std::vector<std::array<double, 4>> moved{{x, 0, x + 10, 10}};
        const bg::reduction::sum sum;
        const auto paper = bg::loss::value_and_gradient(backend, bg::loss::siou{}, sum, moved, target);
        const auto inverted = bg::loss::value_and_gradient(backend, bg::loss::inverted_siou{}, sum, moved, target);
        std::printf("%5.0f  %5.2f %6.3f      %5.2f %6.3f\n", x, paper.value, paper.gradient(0, 0), inverted.value,
                    inverted.gradient(0, 0));
    }
}
