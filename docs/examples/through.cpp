// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/coder/delta_xywh.hpp>
#include <boxgrad/loss/giou.hpp>
#include <boxgrad/loss/through.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const bg::coder::delta_xywh coder{.target_stds = {0.1, 0.1, 0.2, 0.2}};
    const std::vector<std::array<double, 4>> anchors{{0, 0, 20, 10}, {30, 30, 60, 70}};
    const std::vector<std::array<double, 4>> truths{{4, 1, 30, 12}, {28, 33, 57, 66}};
    std::vector<std::array<double, 4>> codes(2, {0, 0, 0, 0});  // what a network would put out

    const auto loss = bg::loss::through(coder, bg::loss::giou{}, anchors);
    for (int step = 0; step <= 60; ++step) {
        const auto [value, slope] = bg::loss::value_and_gradient(backend, loss, bg::reduction::mean{}, codes, truths);
        if (step % 20 == 0) std::printf("step %2d: loss %.4f\n", step, value);
        for (int i = 0; i < 2; ++i) {
            auto& code = codes[static_cast<std::size_t>(i)];
            for (int c = 0; c < 4; ++c) code[static_cast<std::size_t>(c)] -= 5 * slope(i, c);
        }
    }
    const auto boxes = bg::coder::decode(backend, coder, anchors, codes);
    std::printf("box %.1f %.1f %.1f %.1f\n", boxes(0, 0), boxes(0, 1), boxes(0, 2), boxes(0, 3));
}
