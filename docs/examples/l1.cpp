// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/l1.hpp>

#include <cstdio>

int main() {
    const boxgrad::memory<double> backend;
    const std::vector<double> prediction{1, 2, -4};
    const std::vector<double> target{3, 2, -5};
    const auto [value, gradient] = boxgrad::loss::value_and_gradient(
        backend, boxgrad::loss::l1{}, boxgrad::reduction::sum{}, prediction, target);
    std::printf("loss %.4f gradient %.4f %.4f %.4f\n", value, gradient(0), gradient(1), gradient(2));
}
