// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/boxes/area.hpp>

#include <array>
#include <cstdio>

int main() {
    const boxgrad::memory<double> backend;
    // The second box has its left side right of its right side.
    const std::vector<std::array<double, 4>> boxes{{10, 10, 30, 40}, {30, 10, 10, 40}};
    const auto areas = boxgrad::boxes::area(backend, boxes);
    std::printf("%.0f %.0f\n", areas(0), areas(1));

    // On duals: how the area changes with each corner.
    const auto a = boxgrad::boxes::area(boxgrad::as_variables(boxgrad::box{10.0, 10.0, 30.0, 40.0}));
    std::printf("%.0f, by corner", a.value);
    for (const double d : a.partial) std::printf(" %.0f", d);
    std::printf("\n");
}
