// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/softmax_focal.hpp>

#include <cstdio>

int main() {
    namespace loss = boxgrad::loss;
    const boxgrad::memory<float> backend;
    const std::vector<std::array<float, 3>> logits{{0, 0, 0}, {4, 0, 0}, {20, 0, 0}};
    const std::vector<std::int64_t> labels{0, 0, 0};
    const std::vector<float> alpha{0.25f, 1, 1};
    const auto [value, gradient] =
        loss::value_and_gradient(backend, loss::softmax_focal{.gamma = 2}, boxgrad::reduction::none{}, logits,
                                 loss::targets(labels).class_weight(alpha));
    for (int i = 0; i < 3; ++i) {
        std::printf("loss %.3e gradient %.3e\n", static_cast<double>(value(i)), static_cast<double>(gradient(i, 0)));
    }
}
