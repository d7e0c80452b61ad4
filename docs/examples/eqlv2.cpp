// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/eqlv2.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    bg::shaped<double, 2> logits(bg::extents<2>{{4, 3}});  // two classes and background
    for (bg::index i = 0; i < 12; ++i) logits(i / 3, i % 3) = 0.5 * static_cast<double>(i % 4) - 1;
    const std::vector<std::int64_t> labels{0, 0, 0, 2};  // class 1 is seen as a negative only

    bg::loss::eqlv2_state state(2);
    for (int step = 0; step < 3; ++step) {
        const auto [value, gradient] = bg::loss::eqlv2{}.value_and_gradient(backend, logits, labels, state);
        std::printf("loss %.4f, gradient of class 1 in row 0 %.4f, ratios %.3f %.3f\n", value, gradient(0, 1),
                    state.pos_neg(0), state.pos_neg(1));
    }
}
