// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/fcos.hpp>
#include <boxgrad/backend/memory.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;

    // Centres of the cells of two levels, 4 x 6 and 2 x 3: x, y, strides.
    const bg::index rows[] = {4, 2}, columns[] = {6, 3}, cells[] = {24, 6};
    bg::shaped<double, 2> points(bg::extents{bg::index{30}, bg::index{4}});
    for (bg::index i = 0; i < 30; ++i) {
        const int l = i < cells[0] ? 0 : 1;
        const bg::index k = l == 0 ? i : i - cells[0];
        const double stride = l == 0 ? 8 : 16;
        points(i, 0) = (static_cast<double>(k % columns[l]) + 0.5) * stride;
        points(i, 1) = (static_cast<double>(k / columns[l]) + 0.5) * stride;
        points(i, 2) = points(i, 3) = stride;
    }
    bg::truth_list<double> truths;
    truths.add_image({{0, 0, 46, 30}, {2, 2, 20, 22}}, {0, 1});

    const bg::assigner::fcos assigner{.regress_ranges = {{-1, 18}, {18, 64}}};
    const auto result = assigner.assign(backend, points, {cells[0], cells[1]}, truths);
    bg::index i = 0;
    for (const int l : {0, 1}) {
        for (bg::index y = 0; y < rows[l]; ++y) {
            for (bg::index x = 0; x < columns[l]; ++x) std::printf("%3d", result.truth(0, i++));
            std::printf("\n");
        }
        std::printf("\n");
    }
    std::printf("%td positives: %td and %td\n", result.total_positives(), result.truth_positives[0],
                result.truth_positives[1]);
}
