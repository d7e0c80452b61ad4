// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/coder/distance_point.hpp>
#include <boxgrad/prior/mlvl_point_generator.hpp>

#include <cstdio>

int main() {
    namespace coder = boxgrad::coder;
    constexpr coder::distance_point gfl{.max_dis = 16};
    constexpr auto d = gfl.encode(boxgrad::prior::point<double>{20, 12, 8, 8}, boxgrad::box{10.0, 14.0, 60.0, 30.0});
    std::printf("left %.1f top %.1f right %.1f bottom %.1f\n", d.left, d.top, d.right, d.bottom);

    // Distances of every cell of a level, against points that are computed on the way.
    const boxgrad::memory<double> backend;
    const boxgrad::prior::mlvl_point_generator points{.strides = {8}};
    const std::vector<std::array<double, 4>> distances{{6, 5, 4, 3}, {2, 2, 2, 2}};
    const auto grid = points.grid<double>(0, {.h = 1, .w = 2});
    const auto boxes = coder::decode(backend, coder::distance_point{}, grid, distances, {.h = 8, .w = 16});
    for (int i = 0; i < 2; ++i) {
        std::printf("box %.0f %.0f %.0f %.0f\n", boxes(i, 0), boxes(i, 1), boxes(i, 2), boxes(i, 3));
    }
}
