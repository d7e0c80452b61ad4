// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/l2.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    bg::shaped<double, 2> similarities(bg::extents<2>{{1, 5}});
    bg::shaped<double, 2> targets(bg::extents<2>{{1, 5}});
    for (bg::index i = 0; i < 5; ++i) {
        similarities(0, i) = 0.9 - 0.2 * static_cast<double>(i);
        targets(0, i) = i == 0 ? 1 : 0;
    }
    // Two negatives a positive: the hardest, or drawn by a seed.
    for (const bool hard : {true, false}) {
        const bg::loss::l2 loss{.neg_pos_ub = 2, .neg_margin = 0.1, .hard_mining = hard};
        const auto [value, gradient] = loss.value_and_gradient(backend, bg::reduction::none{}, similarities, targets,
                                                               bg::loss::ones{}, {.value = 5});
        for (bg::index i = 0; i < 5; ++i) std::printf("%s%.2f (%5.2f)", i > 0 ? "  " : "", value(0, i), gradient(0, i));
        std::printf("\n");
    }
}
