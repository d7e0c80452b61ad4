// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/ddq_aux.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    constexpr bg::index queries = 5;
    bg::shaped<double, 3> boxes(bg::extents<3>{{1, queries, 4}});
    bg::shaped<double, 3> logits(bg::extents<3>{{1, queries, 1}});
    for (bg::index q = 0; q < queries; ++q) {
        const auto x = static_cast<double>(5 * q);
        boxes(0, q, 0) = x, boxes(0, q, 1) = 10, boxes(0, q, 2) = x + 20, boxes(0, q, 3) = 30;
        logits(0, q, 0) = 2 - 0.5 * static_cast<double>(q);
    }
    bg::truth_list<double> truths;
    truths.add_image({{4, 10, 24, 30}, {18, 10, 38, 30}}, {0, 0});
    const std::vector<bg::image_shape> shapes{{.h = 40, .w = 80}};

    const bg::loss::ddq_aux<> loss{};
    const auto targets = loss.prepare(backend, logits, boxes, truths, shapes);
    const auto r = loss.value_and_gradient(backend, logits, boxes, targets, targets.normaliser());
    std::printf("classes %.4f boxes %.4f\n", r.value.classes[0], r.value.boxes[0]);
    for (bg::index q = 0; q < queries; ++q) {
        std::printf("query %td: quality %.3f, gradient %7.4f\n", q, targets.quality(0, q), r.classes(0, q, 0));
    }
}
