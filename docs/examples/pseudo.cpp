// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/sampler/pseudo.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<std::int32_t> truth{bg::assigner::background, 1, bg::assigner::ignored, 0, 1};
    const std::vector<double> priors{0, 0, 8, 8, 8, 0, 8, 8, 16, 0, 8, 8, 24, 0, 8, 8, 32, 0, 8, 8};
    const std::vector<double> boxes{20, 0, 30, 10, 5, 0, 40, 10};
    const std::vector<std::int64_t> labels{7, 3};

    const auto r = bg::sampler::pseudo{}.sample(
        backend, truth, bg::view(priors.data(), bg::extents{bg::index{5}, bg::index{4}}),
        bg::view(boxes.data(), bg::extents{bg::index{2}, bg::index{4}}), labels);
    for (bg::index p = 0; p < r.positives; ++p) {
        std::printf("prior %td: truth %td, class %d\n", r.pos_inds(p), r.pos_assigned_gt_inds(p),
                    static_cast<int>(r.pos_gt_labels(p)));
    }
    std::printf("%td positives, %td negatives, average factor %td\n", r.positives, r.negatives, r.avg_factor());
}
