// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/overlap/iou.hpp>

#include <cstdio>

int main() {
    namespace overlap = boxgrad::overlap;
    using boxgrad::box;
    constexpr box a{0.0, 0.0, 10.0, 10.0};
    constexpr box b{5.0, 2.0, 15.0, 12.0};
    constexpr box far{30.0, 0.0, 40.0, 10.0};
    constexpr box none{4.0, 4.0, 2.0, 9.0};  // x2 < x1: no area

    static_assert(overlap::iof{}(a, b) == 0.4);
    std::printf("iou %.4f iof %.4f giou %.4f\n", overlap::iou{}(a, b), overlap::iof{}(a, b), overlap::giou{}(a, b));
    std::printf("disjoint: iou %.4f giou %.4f\n", overlap::iou{}(a, far), overlap::giou{}(a, far));
    std::printf("no area: iou %.4f\n", overlap::iou{}(none, none));

    // A box of side 1e-4, against itself: the floor of 1e-6 is larger than its area.
    constexpr box small{0.0, 0.0, 1e-4, 1e-4};
    std::printf("small: %.4f, with eps = 0 %.4f\n", overlap::iou{}(small, small), overlap::iou{0}(small, small));

    // The same formulas on duals: all four partial derivatives.
    const auto u = overlap::iou{}(boxgrad::as_variables(a), boxgrad::as_constants<boxgrad::dual<double, 4>>(b));
    std::printf("d iou / d a: %.4f %.4f %.4f %.4f\n", u.partial[0], u.partial[1], u.partial[2], u.partial[3]);
}
