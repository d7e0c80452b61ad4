// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/varifocal.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<double> logits{-2, 2, -2, 2};
    const std::vector<double> overlaps{0.9, 0.9, 0, 0};  // two positives, two negatives
    const auto [value, gradient] =
        bg::loss::value_and_gradient(backend, bg::loss::varifocal{}, bg::reduction::none{}, logits, overlaps);
    for (int i = 0; i < 4; ++i) std::printf("loss %.4f gradient %.4f\n", value(i), gradient(i));
}
