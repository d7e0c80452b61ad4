// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/eiou.hpp>
#include <boxgrad/loss/evaluate.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<std::array<double, 4>> prediction{{0.2, 0, 10.2, 10}, {4, 0, 14, 10}, {30, 0, 40, 10}};
    const std::vector<std::array<double, 4>> target(3, {0, 0, 10, 10});
    const auto show = [&](double smooth_point) {
        const auto [value, gradient] = bg::loss::value_and_gradient(
            backend, bg::loss::eiou{.smooth_point = smooth_point}, bg::reduction::none{}, prediction, target);
        std::printf("smooth_point %.1f:", smooth_point);
        for (int i = 0; i < 3; ++i) std::printf("  %.4f d/dx1 %.4f", value(i), gradient(i, 0));
        std::printf("\n");
    };
    show(0.1);
    show(0);
}
