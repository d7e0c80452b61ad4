// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/distribution_focal.hpp>

#include <cstdio>

int main() {
    namespace loss = boxgrad::loss;
    const boxgrad::memory<double> backend;
    // A distance as a distribution over 0, 1, 2, 3.
    const std::vector<std::array<double, 4>> logits{{0, 3, 2, 0}, {0, 3, 2, 0}};
    const std::vector<double> distances{1.25, 7.5};
    try {
        loss::value(backend, loss::distribution_focal{}, boxgrad::reduction::none{}, logits, distances);
    } catch (const boxgrad::config_error& e) {
        std::printf("%s\n", e.what());
    }
    const auto [value, gradient] = loss::value_and_gradient(backend, loss::distribution_focal{.clamp_margin = 0.01},
                                                            boxgrad::reduction::none{}, logits, distances);
    for (int i = 0; i < 2; ++i) {
        std::printf("loss %.4f gradient %.4f %.4f %.4f %.4f\n", value(i), gradient(i, 0), gradient(i, 1),
                    gradient(i, 2), gradient(i, 3));
    }
}
