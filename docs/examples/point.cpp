// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/prior/point.hpp>

#include <cstdio>

int main() {
    // Cell 5 of a map that is 4 cells wide: row 1, column 1.
    constexpr auto p = boxgrad::prior::points_of<double>(5, 1, 4, boxgrad::stride(16, 8), 0.5);
    static_assert(p.x == 24 && p.y == 12);
    std::printf("x %.0f y %.0f strides %.0f %.0f\n", p.x, p.y, p.sx, p.sy);

    // All cells of the map as a row source.
    constexpr boxgrad::prior::point_grid<double> grid{.cells = {.h = 3, .w = 4}, .s = {16, 8}, .offset = 0.5};
    constexpr auto last = grid.at<double>(grid.size() - 1, 1);
    std::printf("%td points, the last x %.0f y %.0f\n", grid.size(), last.x, last.y);
}
