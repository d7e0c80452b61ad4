// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/task_aligned.hpp>
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/prior/mlvl_point_generator.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;

    // The middles of 1 x 6 cells of 8 pixels, and what a head predicts there.
    const bg::prior::mlvl_point_generator generator{.strides = {8}, .offset = 0.5};
    const bg::prior::with_strides points{generator};
    const bg::featmap_size cells{.h = 1, .w = 6};
    const std::vector<double> predictions{0,  0, 30, 8, 0,  0, 24, 8, 4,  0, 26, 8,
                                          12, 0, 46, 8, 22, 0, 48, 8, 30, 0, 48, 8};
    const std::vector<double> probabilities{0.9, 0.1, 0.6, 0.1, 0.8, 0.3, 0.2, 0.5, 0.1, 0.7, 0.1, 0.9};
    const auto boxes = bg::view(predictions.data(), bg::extents{cells.cells(), bg::index{4}});
    const auto scores = bg::view(probabilities.data(), bg::extents{cells.cells(), bg::index{2}});
    bg::truth_list<double> truths;
    truths.add_image({{0, 0, 26, 8}, {22, 0, 48, 8}}, {0, 1});

    const auto print = [&](const char* name, const auto& assigner) {
        const auto r = assigner.assign(backend, points.grid<double>(0, cells), boxes, scores, truths);
        std::printf("%s\n", name);
        for (bg::index i = 0; i < cells.cells(); ++i) {
            std::printf("  point %td: truth %2d, overlap %.2f, metric %.3f, score %.2f\n", i, r.truth(0, i),
                        r.overlap(0, i), r.metric(0, i), r.score(0, i));
        }
    };
    print("TOOD", bg::assigner::task_aligned<>{.topk = 2});
    print("YOLOv8", bg::assigner::task_aligned<bg::assigner::yolov8_rules>{.topk = 2});
}
