// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/max_iou.hpp>
#include <boxgrad/backend/memory.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<double> numbers{0, 0, 20, 20, 30, 0, 50, 20, 60, 0, 80, 20, 90, 0, 99, 20};
    const auto priors = bg::view(numbers.data(), bg::extents{bg::index{4}, bg::index{4}});

    bg::truth_list<double> truths;
    truths.add_image({{30, 0, 30, 20}, {0, 0, 20, 20}, {32, 0, 52, 20}}, {4, 9, 2}, {{60, 0, 80, 30}});
    truths.add_image({}, {});

    // The first truth is no box: dropped, its row stays.
    const bg::assigner::max_iou<> assigner{.ignore_iof_thr = 0.5};
    const auto result = assigner.assign(backend, priors, truths, bg::bad_truth::drop);
    const auto labels = bg::assigner::labels(backend, result, truths);
    for (bg::index b = 0; b < 2; ++b) {
        std::printf("image %td:", b);
        for (bg::index i = 0; i < 4; ++i) std::printf("  row %2d, label %2d;", result.truth(b, i), labels(b, i));
        std::printf("\n");
    }
    std::printf("%td dropped, %td without a prior\n", result.dropped_truths, result.unmatched_truths());
}
