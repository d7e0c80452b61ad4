// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/kd_kl_div.hpp>

#include <cstdio>

int main() {
    namespace loss = boxgrad::loss;
    const boxgrad::memory<double> backend;
    const std::vector<std::array<double, 3>> student{{2, 0, 1}, {5, 1, 1}};
    const std::vector<std::array<double, 3>> teacher{{2, 0, 3}, {6, 2, 2}};
    const auto [value, gradient] =
        loss::value_and_gradient(backend, loss::kd_kl_div{.T = 4}, boxgrad::reduction::none{}, student, teacher);
    // The second teacher's logits are the student's plus 1: the same probabilities.
    for (int i = 0; i < 2; ++i) {
        std::printf("loss %.4f gradient %.4f %.4f %.4f\n", value(i), gradient(i, 0), gradient(i, 1), gradient(i, 2));
    }
}
