// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/center_region.hpp>
#include <boxgrad/backend/memory.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;

    // Boxes of 8 x 8 pixels around the cells of a map of stride 8.
    constexpr bg::index rows = 5, columns = 6;
    bg::shaped<double, 2> priors(bg::extents{rows * columns, bg::index{4}});
    for (bg::index i = 0; i < rows * columns; ++i) {
        const double x = 8.0 * static_cast<double>(i % columns), y = 8.0 * static_cast<double>(i / columns);
        priors(i, 0) = x, priors(i, 1) = y, priors(i, 2) = x + 8, priors(i, 3) = y + 8;
    }
    bg::truth_list<double> truths;
    truths.add_image({{0, 0, 40, 40}, {18, 2, 46, 30}}, {0, 1});

    const bg::assigner::center_region assigner{.pos_scale = 0.3, .neg_scale = 0.6};
    const auto result = assigner.assign(backend, priors, truths);
    for (bg::index y = 0; y < rows; ++y) {
        for (bg::index x = 0; x < columns; ++x) std::printf("%3d", result.truth(0, y * columns + x));
        std::printf("\n");
    }
    std::printf("%td positives, %td rows of shadows; the first: prior %d, class %d\n", result.total_positives(),
                result.shadowed_offsets[1], result.shadowed_labels(0, 0), result.shadowed_labels(0, 1));
}
