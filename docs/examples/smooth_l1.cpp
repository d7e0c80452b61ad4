// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/smooth_l1.hpp>

#include <cstdio>

int main() {
    const boxgrad::memory<double> backend;
    const std::vector<double> prediction{0, 0.25, -0.5, 3};
    const std::vector<double> target{0, 0, 0, 0};
    const auto [value, gradient] = boxgrad::loss::value_and_gradient(backend, boxgrad::loss::smooth_l1{.beta = 0.5},
                                                                     boxgrad::reduction::none{}, prediction, target);
    for (int i = 0; i < 4; ++i) std::printf("loss %.4f gradient %.4f\n", value(i), gradient(i));
}
