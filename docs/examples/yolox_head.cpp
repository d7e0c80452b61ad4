// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/head/yolox_loss.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace bg = boxgrad;
    // One level as an engine gives it: channels last, [B, H, W, 4 + 1 + 2] in one buffer.
    constexpr bg::index channels = 7, rows = 4, columns = 4;
    const std::vector<double> output(rows * columns * channels, 0.25);
    const auto part = [&](bg::index first, bg::index count) {
        return std::array{bg::view(output.data() + first, bg::extents{bg::index{1}, count, rows, columns},
                                   bg::extents{rows * columns * channels, bg::index{1}, columns * channels, channels})};
    };
    const auto boxes = part(0, 4), objectness = part(4, 1), classes = part(5, 2);
    bg::truth_list<double> truths;
    truths.add_image({{3, 5, 20, 21}}, {1});

    const bg::memory<double> backend;
    const bg::yolox_loss<> loss{.classes = 2, .strides = {8}};
    const bg::yolox_head head(classes, boxes, objectness);
    const auto r = loss.value_and_gradient(backend, head, truths);
    std::printf("positives %td, loss %.4f\n", r.value.positives, r.value.total);
    const auto& g = r.gradient.objectness[0];
    for (int y = 0; y < rows; ++y) {
        std::printf("%8.4f %8.4f %8.4f %8.4f\n", g(0, 0, y, 0), g(0, 0, y, 1), g(0, 0, y, 2), g(0, 0, y, 3));
    }
}
