// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/max_iou.hpp>
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/prior/anchor_generator.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<float> backend;

    // A square of 32 pixels around the corner of each cell, computed where it is read.
    const bg::prior::anchor_generator anchors{.strides = {8}, .ratios = {1}, .scales = {4}};
    const bg::featmap_size cells{.h = 5, .w = 12};
    bg::truth_list<float> truths;
    truths.add_image({{1, 2, 32, 33}, {41, 9, 55, 24}}, {3, 7}, {{66, 0, 96, 40}});  // a crowd on the right
    truths.add_image({}, {}, {{0, 0, 40, 40}});                                      // nothing but a crowd

    const bg::assigner::max_iou<> assigner{
        .pos_iou_thr = 0.7, .neg_iou_thr = 0.3, .min_pos_iou = 0.2, .ignore_iof_thr = 0.5};
    const auto result = assigner.assign(backend, anchors.grid<float>(0, cells), truths);
    for (bg::index y = 0; y < cells.h; ++y) {
        for (bg::index i = 0; i < 2 * cells.w; ++i) {
            const int truth = result.truth(i / cells.w, y * cells.w + i % cells.w);
            std::printf("%s%c", i == cells.w ? "   " : " ", "-.01"[truth + 2]);  // ignored, background, truths
        }
        std::printf("\n");
    }
    std::printf("positives of the truths: %td, %td\n", result.truth_positives[0], result.truth_positives[1]);
}
