// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/cross_entropy.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace loss = boxgrad::loss;
    namespace reduction = boxgrad::reduction;
    const boxgrad::memory<double> backend;
    const std::vector<std::array<double, 3>> logits{{2, 0, -1}, {0, 3, 0}, {1, 1, 1}};
    const std::vector<std::int64_t> labels{0, 1, 255};

    // A softmax over three classes; row 2 does not count.
    const auto some = loss::targets(labels).ignore_index(255);
    std::printf("mean over all rows %.4f\n", loss::value(backend, loss::cross_entropy{}, reduction::mean{}, logits, some));
    std::printf("mean over valid rows %.4f\n",
                loss::value(backend, loss::cross_entropy{}, reduction::mean_valid{}, logits, some));

    // Weights of classes, and the mean that PyTorch takes with them.
    const std::vector<double> rare{1, 4, 1};
    std::printf("mean over weights %.4f\n", loss::value(backend, loss::cross_entropy{}, reduction::mean_weights{}, logits,
                                                        some.class_weight(rare)));

    // A sigmoid for each class against the same labels: 3 would be background, a score takes the place of 1.
    const std::vector<double> scores{0.9, 0.5, 0};
    const auto [value, gradient] =
        loss::value_and_gradient(backend, loss::bce{}, reduction::sum{}, logits, some.scores(scores));
    std::printf("sum %.4f, gradient of row 0: %.4f %.4f %.4f, of row 2: %.4f\n", value, gradient(0, 0), gradient(0, 1),
                gradient(0, 2), gradient(2, 0));
}
