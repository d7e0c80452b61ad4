// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/dice.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    bg::shaped<double, 2> logits(bg::extents<2>{{2, 4}});
    bg::shaped<double, 2> masks(bg::extents<2>{{2, 4}});
    for (bg::index i = 0; i < 2; ++i) {
        for (bg::index c = 0; c < 4; ++c) {
            masks(i, c) = c < 2 ? 1 : 0;
            logits(i, c) = (i == 0) == (c < 2) ? 3 : -3;  // the second mask is predicted inside out
        }
    }
    for (const bool naive : {false, true}) {
        const auto [value, gradient] = bg::loss::value_and_gradient(backend, bg::loss::dice{.naive_dice = naive},
                                                                    bg::reduction::none{}, logits, masks);
        std::printf("loss %.4f %.4f, gradient %.4f %.4f\n", value(0), value(1), gradient(0, 0), gradient(1, 0));
    }
}
