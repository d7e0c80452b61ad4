// SPDX-License-Identifier: Apache-2.0
#include "charbonnier.hpp"

#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/evaluate.hpp>

#include <cstdio>

int main() {
    const boxgrad::memory<double> backend;
    const std::vector<double> prediction{1, 2, 5};
    const std::vector<double> target{1, 4, 4};
    const auto [value, gradient] = boxgrad::loss::value_and_gradient(
        backend, charbonnier{}, boxgrad::reduction::mean{}, prediction, target);
    std::printf("loss %.4f gradient %.4f %.4f %.4f\n", value, gradient(0), gradient(1), gradient(2));
}
