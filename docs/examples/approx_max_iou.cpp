// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/approx_max_iou.hpp>
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/prior/anchor_generator.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const bg::featmap_size cells{.h = 1, .w = 4};

    // A square for each cell, and the three shapes that it stands for: cell by cell in one tensor.
    const bg::prior::anchor_generator squares{.strides = {16}, .ratios = {1}, .scales = {2}};
    const bg::prior::anchor_generator shapes{.strides = {16}, .ratios = {0.25, 1, 4}, .scales = {2}};
    const auto flat = single_level_grid_priors(backend, shapes, cells, 0);
    const auto approxs = bg::view(flat.data.data(), bg::extents{cells.cells(), bg::index{3}, bg::index{4}});

    bg::truth_list<double> truths;
    truths.add_image({{24, -31, 40, 33}}, {0});  // tall: 16 x 64

    const bg::assigner::max_iou<> rules{.pos_iou_thr = 0.7, .neg_iou_thr = 0.3, .min_pos_iou = 0.3};
    const bg::assigner::approx_max_iou<> assigner{rules};
    const auto by_shape = assigner.assign(backend, approxs, squares.grid<double>(0, cells), truths);
    const auto by_square = rules.assign(backend, squares.grid<double>(0, cells), truths);
    for (bg::index i = 0; i < cells.cells(); ++i) {
        std::printf("cell %td: best shape %.2f, truth %2d   the square %.2f, truth %2d\n", i, by_shape.overlap(0, i),
                    by_shape.truth(0, i), by_square.overlap(0, i), by_square.truth(0, i));
    }
}
