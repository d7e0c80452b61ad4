// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/atss.hpp>
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/prior/anchor_generator.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;

    // A pyramid of 64 x 64 pixels: an anchor of eight strides for each cell, level by level.
    const bg::prior::anchor_generator anchors{
        .strides = {4, 8, 16}, .ratios = {1}, .scales = {8}, .center_offset = 0.0625};
    const bg::per_level<bg::featmap_size> sizes{{.h = 16, .w = 16}, {.h = 8, .w = 8}, {.h = 4, .w = 4}};
    std::vector<double> numbers;
    bg::per_level<bg::index> levels;
    for (const auto& level : grid_priors(backend, anchors, sizes)) {
        numbers.insert(numbers.end(), level.data.begin(), level.data.end());
        levels.push_back(level.shape[0]);
    }
    const auto rows = static_cast<bg::index>(numbers.size() / 4);
    const auto priors = bg::view(numbers.data(), bg::extents{rows, bg::index{4}});
    bg::truth_list<double> truths;
    truths.add_image({{10, 8, 40, 38}, {0, 2, 60, 62}, {47, 50, 57, 58}}, {0, 1, 2});  // middling, large, small

    const bg::assigner::atss<> assigner{.topk = 9};
    const auto result = assigner.assign(backend, priors, levels, truths);
    for (bg::index g = 0; g < truths.size(); ++g) {
        std::printf("truth %td: %td priors, of the levels", g, result.truth_positives[static_cast<std::size_t>(g)]);
        bg::index i = 0;
        for (const bg::index n : levels) {
            int count = 0;
            for (const bg::index end = i + n; i < end; ++i) count += result.truth(0, i) == g ? 1 : 0;
            std::printf(" %d", count);
        }
        std::printf("\n");
    }
}
