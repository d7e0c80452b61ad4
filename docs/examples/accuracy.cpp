// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/accuracy.hpp>

#include <cstdio>

int main() {
    namespace loss = boxgrad::loss;
    const boxgrad::memory<float> backend;
    const std::vector<std::array<float, 3>> scores{{0.7f, 0.2f, 0.1f}, {0.4f, 0.4f, 0.2f}, {0.1f, 0.3f, 0.6f}};
    const std::vector<std::int64_t> labels{0, 1, 0};
    const auto percent = loss::accuracy(backend, scores, labels, {1, 2, 3});
    std::printf("top 1 %.1f %%, top 2 %.1f %%, top 3 %.1f %%\n", percent[0], percent[1], percent[2]);
    std::printf("top 3 of scores above 0.5: %.1f %%\n", loss::accuracy(backend, scores, labels, {3}, 0.5)[0]);
}
