// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/alpha_iou.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/overlap/diou.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<std::array<double, 4>> prediction{{1, 0, 11, 10}, {6, 0, 16, 10}, {15, 0, 25, 10}};
    const std::vector<std::array<double, 4>> target(3, {0, 0, 10, 10});
    for (const double alpha : {0.5, 1.0, 3.0}) {
        const bg::loss::alpha_iou<bg::overlap::ciou> loss{alpha};
        const auto [value, gradient] =
            bg::loss::value_and_gradient(backend, loss, bg::reduction::none{}, prediction, target);
        std::printf("alpha %.1f:", alpha);
        for (int i = 0; i < 3; ++i) std::printf("  %.4f d/dx1 %.4f", value(i), gradient(i, 0));
        std::printf("\n");
    }
}
