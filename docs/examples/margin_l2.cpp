// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/margin_l2.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    bg::shaped<double, 2> similarities(bg::extents<2>{{1, 3}});
    bg::shaped<double, 2> targets(bg::extents<2>{{1, 3}});
    for (bg::index i = 0; i < 3; ++i) {
        similarities(0, i) = 0.8 - 0.3 * static_cast<double>(i);
        targets(0, i) = i == 0 ? 1 : 0;
    }
    const bg::loss::margin_l2 loss{.pos_margin = 0.1, .neg_margin = 0.3};
    std::printf("mean %.4f\n", loss.value(backend, bg::reduction::mean{}, similarities, targets));
}
