// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/sigmoid_focal.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<double> logits{-6, -1, 1, 6};  // from right to wrong
    const std::vector<double> targets{0, 0, 0, 0};
    for (const double gamma : {0.0, 2.0}) {
        const auto [value, gradient] = bg::loss::value_and_gradient(backend, bg::loss::sigmoid_focal{.gamma = gamma},
                                                                    bg::reduction::none{}, logits, targets);
        std::printf("gamma %.0f:", gamma);
        for (int i = 0; i < 4; ++i) std::printf("  %.6f (%.6f)", value(i), gradient(i));
        std::printf("\n");
    }
}
