// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/uniform.hpp>
#include <boxgrad/backend/memory.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;

    // Squares of 16 pixels around the cells of a map of stride 8; predictions a little larger, to the right.
    constexpr bg::index rows = 4, columns = 6;
    bg::shaped<double, 2> priors(bg::extents{rows * columns, bg::index{4}});
    bg::shaped<double, 2> predictions(bg::extents{rows * columns, bg::index{4}});
    for (bg::index i = 0; i < rows * columns; ++i) {
        const double x = 8.0 * static_cast<double>(i % columns), y = 8.0 * static_cast<double>(i / columns);
        priors(i, 0) = x - 8, priors(i, 1) = y - 8, priors(i, 2) = x + 8, priors(i, 3) = y + 8;
        predictions(i, 0) = x - 5, predictions(i, 1) = y - 9, predictions(i, 2) = x + 13, predictions(i, 3) = y + 9;
    }
    bg::truth_list<double> truths;
    truths.add_image({{1, 3, 19, 22}, {24, 5, 43, 24}}, {0, 1});

    const bg::assigner::uniform assigner{.match_times = 2};
    const auto result = assigner.assign(backend, priors, predictions, truths);
    for (bg::index y = 0; y < rows; ++y) {
        for (bg::index x = 0; x < columns; ++x) std::printf("%3d", result.truth(0, y * columns + x));
        std::printf("\n");
    }
    for (bg::index e = 0; e < 8; ++e) {
        std::printf("entry %td: prior %2d, %s\n", e, result.pos_prior(e), result.pos_idx(e) ? "positive" : "ignored");
    }
}
