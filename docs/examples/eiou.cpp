// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/overlap/eiou.hpp>

#include <cstdio>

int main() {
    namespace overlap = boxgrad::overlap;
    using number = boxgrad::dual<double, 4>;
    constexpr boxgrad::box truth{0.0, 0.0, 10.0, 10.0};
    for (const double x : {5.0, 12.0, 30.0}) {
        const auto moved = boxgrad::as_variables(boxgrad::box{x, 0.0, x + 10, 10.0});
        const auto t = boxgrad::as_constants<number>(truth);
        const auto i = overlap::iou{}(moved, t);
        const auto e = overlap::eiou{}(moved, t);
        std::printf("at %2.0f: iou %.3f slope %7.4f, eiou %6.3f slope %7.4f\n", x, i.value,
                    i.partial[0] + i.partial[2] + 0.0, e.value, e.partial[0] + e.partial[2]);
    }
}
