// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/focal_eiou.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<std::array<double, 4>> prediction{{1, 0, 10, 11}, {6, 0, 14, 12}, {15, 0, 25, 10}};
    const std::vector<std::array<double, 4>> target(3, {0, 0, 10, 10});
    const auto show = [&](const char* name, const auto& loss) {
        const auto [value, gradient] =
            bg::loss::value_and_gradient(backend, loss, bg::reduction::none{}, prediction, target);
        std::printf("%-14s", name);
        for (int i = 0; i < 3; ++i) std::printf("  %.4f d/dx1 %7.4f", value(i), gradient(i, 0));
        std::printf("\n");
    };
    show("efficient_iou", bg::loss::efficient_iou{});
    show("focal_eiou", bg::loss::focal_eiou{.gamma = 0.5});
}
