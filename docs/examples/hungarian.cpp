// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/hungarian.hpp>
#include <boxgrad/backend/memory.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    constexpr bg::index images = 2, queries = 4, classes = 2;
    bg::shaped<double, 3> boxes(bg::extents{images, queries, bg::index{4}});
    bg::shaped<double, 3> logits(bg::extents{images, queries, classes});
    for (bg::index b = 0; b < images; ++b) {
        for (bg::index q = 0; q < queries; ++q) {
            const auto x = static_cast<double>(20 * q);
            boxes(b, q, 0) = x, boxes(b, q, 1) = 10, boxes(b, q, 2) = x + 18, boxes(b, q, 3) = 30;
            logits(b, q, 0) = 1, logits(b, q, 1) = -1;
        }
    }
    boxes(1, 3, 2) = bg::infinity<double>;  // a broken prediction

    bg::truth_list<double> truths;
    truths.add_image({{0, 10, 20, 30}, {2, 10, 22, 30}}, {0, 1});
    truths.add_image({{60, 10, 78, 30}}, {0}, {{0, 0, 30, 40}});  // and a region to ignore
    const std::vector<bg::image_shape> shapes(images, {.h = 40, .w = 80});

    const bg::assigner::hungarian<> detr;  // class 1, L1 5, GIoU 2
    const auto result = detr.assign(backend, boxes, logits, truths, shapes);
    for (bg::index b = 0; b < images; ++b) {
        for (bg::index q = 0; q < queries; ++q) std::printf("%3d", result.truth(b, q));
        std::printf("\n");
    }
    std::printf("%td quarantined\n", result.nonfinite_priors);

    using namespace bg::assigner;
    const bg::assigner::hungarian mine{cost_sum{focal_loss_cost{.weight = 2}, iou_cost<bg::overlap::iou>{}}};
    std::printf("%td matched\n", mine.assign(backend, boxes, logits, truths, shapes).total_positives());
}
