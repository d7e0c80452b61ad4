// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/evaluate.hpp>

#include <cstdio>

int main() {
    const boxgrad::memory<double> backend;
    const std::vector<double> logits{-2, 0, 3, 800};
    const std::vector<double> targets{0, 1, 0.7, 0};
    const auto [value, gradient] = boxgrad::loss::value_and_gradient(
        backend, boxgrad::loss::bce{}, boxgrad::reduction::none{}, logits, targets);
    for (int i = 0; i < 4; ++i) std::printf("loss %.4f gradient %.4f\n", value(i), gradient(i));
}
