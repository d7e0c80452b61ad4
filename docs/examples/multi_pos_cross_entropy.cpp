// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/multi_pos_cross_entropy.hpp>

#include <cstdio>

int main() {
    namespace loss = boxgrad::loss;
    const boxgrad::memory<double> backend;
    const std::vector<std::array<double, 4>> scores{{2, 1, 0, -1}, {10000, 0, -10000, 0}, {1, 2, 3, 4}};
    const std::vector<std::array<double, 4>> positives{{1, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 0}};
    const auto [value, gradient] = loss::value_and_gradient(backend, loss::multi_pos_cross_entropy{},
                                                            boxgrad::reduction::none{}, scores, positives);
    for (int i = 0; i < 3; ++i) {
        std::printf("loss %.4f gradient %.4f %.4f %.4f %.4f\n", value(i), gradient(i, 0), gradient(i, 1),
                    gradient(i, 2), gradient(i, 3));
    }
}
