// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/mask_cross_entropy.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<double> logits{3, -1, 2, -2, 0, 0, 0, 0};  // two classes, masks of 2 x 2
    const std::vector<double> mask{1, 0, 1, 1};
    const bg::view<const double, 4> x(logits.data(), {{1, 2, 2, 2}});
    const bg::view<const double, 3> t(mask.data(), {{1, 2, 2}});
    const std::vector<std::int64_t> labels{0};
    const auto [value, gradient] =
        bg::loss::mask_cross_entropy{}.value_and_gradient(backend, bg::reduction::mean{}, x, t, labels);
    std::printf("loss %.4f\n", value);
    for (int c = 0; c < 2; ++c) {
        for (int k = 0; k < 4; ++k) std::printf(" %.4f", gradient(0, c, k / 2, k % 2));
        std::printf("\n");
    }
}
