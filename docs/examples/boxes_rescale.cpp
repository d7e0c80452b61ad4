// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/boxes/rescale.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace boxes = boxgrad::boxes;
    const boxgrad::memory<double> backend;
    const std::vector<std::array<double, 4>> list{{10, 20, 30, 60}};
    const auto print = [](const auto& t, int columns) {
        for (int c = 0; c < columns; ++c) std::printf("%.0f%s", t(0, c), c + 1 < columns ? " " : "\n");
    };
    print(boxes::rescale(backend, list, 1.5), 4);     // about its centre
    print(boxes::scale(backend, list, {0.5, 2}), 4);  // with the picture: x by 0.5, y by 2
    const std::vector<std::array<double, 5>> rois{{3, 10, 20, 30, 60}};
    print(boxes::rescale(backend, rois, 1.5), 5);  // the image's number stays
}
