// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/boxes/roi.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace boxes = boxgrad::boxes;
    const boxgrad::memory<double> backend;
    // Three images; the second has no box.
    const std::vector<std::vector<std::array<double, 4>>> images{{{1, 2, 3, 4}, {5, 6, 7, 8}}, {}, {{0, 0, 9, 9}}};
    const auto rois = boxes::bbox2roi(backend, images);
    for (int i = 0; i < 3; ++i) {
        for (int c = 0; c < 5; ++c) std::printf("%.0f%s", rois(i, c), c < 4 ? " " : "\n");
    }
    const auto back = boxes::roi2bbox(backend, rois, 3);
    for (const auto& list : back) std::printf("%d boxes\n", static_cast<int>(list.shape[0]));
}
