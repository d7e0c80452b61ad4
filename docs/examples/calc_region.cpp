// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/prior/calc_region.hpp>

#include <cstdio>

int main() {
    namespace prior = boxgrad::prior;
    constexpr boxgrad::box truth{-2.0, 3.0, 10.0, 9.0};  // in cells

    // Guided anchoring: the middle 0.2 of a truth is positive, up to 0.5 is ignored.
    constexpr auto centre = prior::calc_region(truth, 0.4);
    static_assert(centre == prior::region{3, 5, 5, 7});
    constexpr auto around = prior::calc_region(truth, 0.25, {.h = 8, .w = 6});
    std::printf("centre x %td to %td, y %td to %td\n", centre.x1, centre.x2, centre.y1, centre.y2);
    std::printf("around x %td to %td, y %td to %td\n", around.x1, around.x2, around.y1, around.y2);
}
