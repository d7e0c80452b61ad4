// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/topk_hungarian.hpp>
#include <boxgrad/backend/memory.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    constexpr bg::index queries = 5;
    bg::shaped<double, 2> boxes(bg::extents{queries, bg::index{4}});
    bg::shaped<double, 2> logits(bg::extents{queries, bg::index{1}});
    for (bg::index q = 0; q < queries; ++q) {
        const auto x = static_cast<double>(5 * q);
        boxes(q, 0) = x, boxes(q, 1) = 10, boxes(q, 2) = x + 20, boxes(q, 3) = 30;
        logits(q, 0) = 2 - 0.5 * static_cast<double>(q);
    }
    bg::truth_list<double> truths;
    truths.add_image({{4, 10, 24, 30}, {18, 10, 38, 30}}, {0, 0});
    const std::vector<bg::image_shape> shapes{{.h = 40, .w = 80}};

    const bg::assigner::topk_hungarian<> assigner{.topk = 4, .use_sigmoid = true};  // 5/2: two queries a truth
    const auto result = assigner.assign(backend, boxes, logits, truths, shapes);
    for (bg::index q = 0; q < queries; ++q) {
        std::printf("query %td: truth %2d, IoU %.3f, metric %.4f\n", q, result.truth(0, q), result.overlap(0, q),
                    result.metric(0, q));
    }
}
