// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/boxes/masks.hpp>

#include <cstdio>

int main() {
    namespace boxes = boxgrad::boxes;
    const boxgrad::memory<double> backend;
    const std::vector<std::uint8_t> masks{
        0, 0, 0, 0, 0,
        0, 0, 1, 1, 0,
        0, 1, 1, 0, 0,

        0, 0, 0, 0, 0,
        0, 0, 0, 0, 0,
        0, 0, 0, 0, 0,
    };
    const boxgrad::view pixels(masks.data(), boxgrad::extents{boxgrad::index{2}, boxgrad::index{3}, boxgrad::index{5}});
    for (const auto end : {boxes::box_end::exclusive, boxes::box_end::inclusive}) {
        const auto r = boxes::masks_to_boxes(backend, pixels, end);
        for (int i = 0; i < 2; ++i) {
            std::printf("%.0f %.0f %.0f %.0f%s", r(i, 0), r(i, 1), r(i, 2), r(i, 3), i == 0 ? "   " : "\n");
        }
    }
}
