// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/probability_focal.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<double> probabilities{0.1, 0.9, 0, 1};
    const std::vector<double> targets{0, 0, 1, 1};
    const auto [value, gradient] = bg::loss::value_and_gradient(backend, bg::loss::probability_focal{},
                                                                bg::reduction::none{}, probabilities, targets);
    for (int i = 0; i < 4; ++i) std::printf("loss %.4f gradient %.4g\n", value(i), gradient(i));
}
