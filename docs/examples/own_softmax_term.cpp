// SPDX-License-Identifier: Apache-2.0
#include "poly1.hpp"

#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/evaluate.hpp>

#include <array>
#include <cstdio>

int main() {
    const boxgrad::memory<double> backend;
    const std::vector<std::array<double, 3>> logits{{2, 0, -1}, {0, 3, 0}};
    const std::vector<std::int64_t> labels{0, 2};
    const auto [value, gradient] =
        boxgrad::loss::value_and_gradient(backend, poly1{}, boxgrad::reduction::mean{}, logits, labels);
    std::printf("loss %.4f gradient of row 1: %.4f %.4f %.4f\n", value, gradient(1, 0), gradient(1, 1), gradient(1, 2));
}
