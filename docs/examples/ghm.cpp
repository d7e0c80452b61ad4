// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/ghm.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    bg::shaped<double, 2> logits(bg::extents<2>{{6, 1}});
    for (bg::index i = 0; i < 6; ++i) logits(i, 0) = i < 4 ? -4 : static_cast<double>(i) - 4;  // four easy negatives
    const std::vector<std::int64_t> labels{1, 1, 1, 1, 1, 0};  // label 1 is background here

    bg::loss::ghmc loss;
    bg::loss::ghm_state state;
    const auto none = loss.value_and_gradient(backend, bg::reduction::none{}, logits, labels, bg::loss::ones{}, state);
    for (bg::index i = 3; i < 6; ++i) std::printf("row %td: %.4f\n", i, none.value(i, 0));

    loss.momentum = 0.75;
    for (int step = 0; step < 2; ++step) {
        const auto mean = loss.value(backend, bg::reduction::mean{}, logits, labels, bg::loss::ones{}, state);
        std::printf("mean %.4f, average of the first bin %.4f\n", mean, state.acc_sum[0]);
    }
}
