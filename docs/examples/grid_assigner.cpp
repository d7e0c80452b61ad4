// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/grid.hpp>
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/prior/yolo_anchor_generator.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;

    // Two anchors for each of four cells of 32 pixels.
    const bg::prior::yolo_anchor_generator anchors{.strides = {32}, .base_sizes = {{{30, 60}, {64, 40}}}};
    const bg::featmap_size cells{.h = 1, .w = 4};
    const auto priors = anchors.grid<double>(0, cells);
    bg::truth_list<double> truths;
    truths.add_image({{16, 0, 78, 36}}, {2});

    // The cell of a truth's centre answers for it, with all its anchors.
    auto flags = backend.make<std::uint8_t, 2>(bg::extents{bg::index{1}, priors.size()});
    const auto& t = truths.boxes[0];
    const auto cell = static_cast<bg::index>((t[0] + t[2]) / 2 / 32);
    for (bg::index i = 0; i < priors.size(); ++i) flags(0, i) = i / 2 == cell ? 1 : 0;

    const bg::assigner::grid<> assigner{.pos_iou_thr = 0.5, .neg_iou_thr = 0.3};
    const auto result = assigner.assign(backend, priors, flags, truths);
    for (bg::index i = 0; i < priors.size(); ++i) {
        std::printf("cell %td, anchor %td: truth %2d, overlap %.2f\n", i / 2, i % 2, result.truth(0, i),
                    result.overlap(0, i));
    }
}
