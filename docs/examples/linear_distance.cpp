// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/coder/linear_distance.hpp>

#include <cstdio>

int main() {
    namespace coder = boxgrad::coder;
    constexpr boxgrad::box prior{10.0, 10.0, 50.0, 30.0};
    constexpr coder::linear_distance detectron2;
    constexpr coder::linear_distance torchvision{.sign = coder::distance_sign::any};

    constexpr auto code = detectron2.encode(prior, boxgrad::box{20.0, 5.0, 60.0, 25.0});
    std::printf("code %.2f %.2f %.2f %.2f\n", code.left, code.top, code.right, code.bottom);

    // A negative distance to the left: the side would lie right of the centre.
    constexpr coder::left_top_right_bottom<double> raw{-0.25, 0.5, 0.5, 0.5};
    std::printf("x1 %.0f, or %.0f\n", detectron2.decode(prior, raw).x1, torchvision.decode(prior, raw).x1);
}
