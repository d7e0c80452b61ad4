// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/coder/delta_xywh.hpp>

#include <cstdio>

int main() {
    namespace coder = boxgrad::coder;
    const boxgrad::memory<double> backend;
    const coder::delta_xywh faster_rcnn{.target_stds = {0.1, 0.1, 0.2, 0.2}};
    const std::vector<std::array<double, 4>> priors{{0, 0, 40, 20}, {10, 10, 30, 50}};
    const std::vector<std::array<double, 4>> truths{{4, 2, 52, 18}, {8, 16, 34, 60}};
    const auto show = [](const char* name, const auto& rows) {
        for (int i = 0; i < 2; ++i) {
            std::printf("%-8s %8.3f %8.3f %8.3f %8.3f\n", name, rows(i, 0), rows(i, 1), rows(i, 2), rows(i, 3));
        }
    };

    const auto codes = coder::encode(backend, faster_rcnn, priors, truths);
    show("codes", codes);
    show("boxes", coder::decode(backend, faster_rcnn, priors, codes));
    show("clipped", coder::decode(backend, faster_rcnn, priors, codes, {.h = 50, .w = 50}));

    // From the gradient of a loss of boxes to that of the codes: here the loss is the sum of all x2 and y2. What
    // is clipped has none: x2 of the first box, y2 of the second.
    const std::vector<std::array<double, 4>> upstream{{0, 0, 1, 1}, {0, 0, 1, 1}};
    show("gradient", coder::decode_gradient(backend, faster_rcnn, priors, codes, upstream, {.h = 50, .w = 50}));
}
