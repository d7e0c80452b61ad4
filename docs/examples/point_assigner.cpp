// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/point.hpp>
#include <boxgrad/backend/memory.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;

    // Points of a map of stride 8: x, y, stride.
    constexpr bg::index rows = 4, columns = 6;
    bg::shaped<double, 2> points(bg::extents{rows * columns, bg::index{3}});
    for (bg::index i = 0; i < rows * columns; ++i) {
        points(i, 0) = 8.0 * static_cast<double>(i % columns);
        points(i, 1) = 8.0 * static_cast<double>(i / columns);
        points(i, 2) = 8;
    }
    bg::truth_list<double> truths;
    truths.add_image({{1, 3, 22, 24}, {12, 1, 38, 26}}, {0, 1});

    const bg::assigner::point assigner{.pos_num = 3};
    const auto result = assigner.assign(backend, points, truths);
    for (bg::index y = 0; y < rows; ++y) {
        for (bg::index x = 0; x < columns; ++x) std::printf("%3d", result.truth(0, y * columns + x));
        std::printf("\n");
    }
    std::printf("%td positives: %td and %td\n", result.total_positives(), result.truth_positives[0],
                result.truth_positives[1]);
}
