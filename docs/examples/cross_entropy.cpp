// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/cross_entropy.hpp>

#include <cstdio>

int main() {
    namespace loss = boxgrad::loss;
    const boxgrad::memory<double> backend;
    const std::vector<std::array<double, 3>> logits{{2, 0, -1}, {800, 0, 0}, {1, 1, 1}};
    const std::vector<std::int64_t> labels{0, 1, 255};
    const auto [value, gradient] = loss::value_and_gradient(backend, loss::cross_entropy{}, boxgrad::reduction::none{},
                                                            logits, loss::targets(labels).ignore_index(255));
    for (int i = 0; i < 3; ++i) {
        std::printf("loss %.4f gradient %.4f %.4f %.4f\n", value(i), gradient(i, 0), gradient(i, 1), gradient(i, 2));
    }
    // Over the rows that are not ignored, weighed by their classes.
    const std::vector<double> class_weight{1, 0.5, 2};
    const double mean = loss::value(backend, loss::cross_entropy{}, boxgrad::reduction::mean_weights{}, logits,
                                    loss::targets(labels).ignore_index(255).class_weight(class_weight));
    std::printf("weighted mean %.4f\n", mean);
}
