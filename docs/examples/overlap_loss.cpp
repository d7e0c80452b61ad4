// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/overlap_loss.hpp>
#include <boxgrad/overlap/diou.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<std::array<double, 4>> prediction{{0, 0, 10, 10}, {2, 2, 8, 8}};
    const std::vector<std::array<double, 4>> target{{2, 0, 12, 12}, {0, 0, 10, 10}};
    const bg::loss::overlap_loss<bg::overlap::ciou> ciou;
    const auto [value, gradient] =
        bg::loss::value_and_gradient(backend, ciou, bg::reduction::none{}, prediction, target);
    for (int i = 0; i < 2; ++i) {
        std::printf("loss %.4f, d/dx1 %.4f, d/dx2 %.4f\n", value(i), gradient(i, 0), gradient(i, 2));
    }
}
