// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/sim_ota.hpp>
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/prior/mlvl_point_generator.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    constexpr bg::index rows = 4, columns = 6, classes = 2;

    // Centres of cells, with their strides; a prediction at each: a square of 20 pixels.
    const bg::prior::mlvl_point_generator grid{.strides = {8}, .offset = 0.5};
    const boxgrad::prior::with_strides points{grid};
    const auto priors = single_level_grid_priors(backend, points, {.h = rows, .w = columns}, 0);
    bg::shaped<double, 2> boxes(bg::extents{rows * columns, bg::index{4}});
    bg::shaped<double, 2> scores(bg::extents{rows * columns, classes});
    for (bg::index i = 0; i < rows * columns; ++i) {
        const double x = priors(i, 0), y = priors(i, 1);
        boxes(i, 0) = x - 10, boxes(i, 1) = y - 10, boxes(i, 2) = x + 10, boxes(i, 3) = y + 10;
        scores(i, 0) = 0.3, scores(i, 1) = 0.6;
    }
    bg::truth_list<double> truths;
    truths.add_image({{1, 3, 22, 24}, {24, 5, 45, 26}}, {0, 1});

    const bg::assigner::sim_ota<> assigner{.candidate_topk = 5};
    const auto result = assigner.assign(backend, priors, boxes, scores, truths);
    for (bg::index y = 0; y < rows; ++y) {
        for (bg::index x = 0; x < columns; ++x) std::printf("%3d", result.truth(0, y * columns + x));
        std::printf("\n");
    }
    std::printf("%td positives: %td and %td\n", result.total_positives(), result.truth_positives[0],
                result.truth_positives[1]);
}
