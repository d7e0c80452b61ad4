// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/overlap/siou.hpp>

#include <cstdio>

int main() {
    namespace overlap = boxgrad::overlap;
    using inverted = overlap::basic_siou<overlap::siou_distance::inverted>;
    constexpr boxgrad::box truth{0.0, 0.0, 10.0, 10.0};
    std::printf("shift   paper  mmdetection's default\n");
    for (const double x : {0.0, 5.0, 12.0, 20.0, 40.0, 100.0}) {
        const boxgrad::box moved{x, 0.0, x + 10, 10.0};
        std::printf("%5.0f  %6.2f  %6.2f\n", x, overlap::siou{}(moved, truth), inverted{}(moved, truth));
    }
}
