// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/prior/point.hpp>

#include <cstdio>

int main() {
    // Cell 5 of a map that is 4 cells wide: row 1, column 1.
    constexpr auto p = boxgrad::prior::points_of<double>(5, 1, 4, boxgrad::stride(16, 8), 0.5);
    static_assert(p.x == 24 && p.y == 12);
    std::printf("x %.0f y %.0f strides %.0f %.0f\n", p.x, p.y, p.sx, p.sy);
}
