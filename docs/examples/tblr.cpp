// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/coder/tblr.hpp>

#include <cstdio>

int main() {
    constexpr boxgrad::coder::tblr fsaf;
    constexpr boxgrad::box prior{10.0, 10.0, 50.0, 30.0};  // centre 30, 20; 40 x 20
    constexpr auto code = fsaf.encode(prior, boxgrad::box{20.0, 5.0, 60.0, 25.0});
    static_assert(code.top == 15.0 / 20 / 4);
    std::printf("top %.4f bottom %.4f left %.4f right %.4f\n", code.top, code.bottom, code.left, code.right);

    constexpr auto b = fsaf.decode(prior, code);
    std::printf("box %.0f %.0f %.0f %.0f\n", b.x1, b.y1, b.x2, b.y2);
}
