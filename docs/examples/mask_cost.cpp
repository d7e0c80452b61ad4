// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/linear_assignment.hpp>
#include <boxgrad/assigner/mask_cost.hpp>
#include <boxgrad/backend/memory.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    bg::shaped<double, 2> masks(bg::extents<2>{{3, 4}});  // logits of three masks of four pixels
    masks.data = {4, 4, -4, -4, -4, -4, -4, 4, -4, 3, 3, -4};
    bg::shaped<std::uint8_t, 2> truths(bg::extents<2>{{2, 4}});
    truths.data = {0, 1, 1, 0, 1, 1, 0, 0};

    auto cost = mask_costs(backend, bg::assigner::dice_cost{.weight = 5, .pred_act = true, .eps = 1}, masks, truths);
    const auto bce = mask_costs(backend, bg::assigner::cross_entropy_loss_cost{.weight = 5}, masks, truths);
    for (bg::index q = 0; q < 3; ++q) {
        for (bg::index g = 0; g < 2; ++g) cost(q, g) += bce(q, g);
        std::printf("%8.4f %8.4f\n", cost(q, 0), cost(q, 1));
    }
    for (const bg::index g : bg::assigner::linear_assignment(backend, cost)) std::printf("%td ", g);
    std::printf("\n");
}
