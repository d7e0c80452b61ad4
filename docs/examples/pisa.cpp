// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/cross_entropy.hpp>
#include <boxgrad/loss/pisa.hpp>
#include <boxgrad/loss/smooth_l1.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    constexpr bg::index n = 4;
    bg::shaped<double, 2> logits(bg::extents<2>{{n, 2}});  // a class and background
    bg::shaped<double, 2> boxes(bg::extents<2>{{n, 4}});
    bg::shaped<double, 2> targets(bg::extents<2>{{n, 4}});
    for (bg::index i = 0; i < n; ++i) {
        logits(i, 0) = 1;
        logits(i, 1) = 0.5 * static_cast<double>(i);
        for (bg::index c = 0; c < 4; ++c) {
            targets(i, c) = c < 2 ? 0 : 10;
            boxes(i, c) = targets(i, c) + (c == 0 ? static_cast<double>(i) : 0);
        }
    }
    const std::vector<std::int64_t> labels{0, 0, 0, 1};
    const std::vector<std::int64_t> truths{0, 0, 1, -1};
    const auto weights = bg::loss::isr_p{.classes = 1}.weights(backend, bg::loss::cross_entropy{}, logits, labels,
                                                               boxes, targets, truths);
    for (bg::index i = 0; i < n; ++i) std::printf("weight %.4f\n", weights(i));

    const auto r =
        bg::loss::carl{.classes = 1}.value_and_gradient(backend, bg::loss::smooth_l1{}, logits, labels, boxes, targets);
    std::printf("carl %.4f, gradient of row 2: logit %.4f, box %.4f\n", r.value, r.logits(2, 0), r.boxes(2, 0));
}
