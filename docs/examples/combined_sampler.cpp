// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/sampler/instance_balanced_pos.hpp>
#include <boxgrad/sampler/iou_balanced_neg.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    // A large truth has 30 priors, a small one 3; of 60 in the background every tenth overlaps by 0.4.
    std::vector<std::int32_t> rows(30, 0);
    rows.insert(rows.end(), 3, 1);
    rows.insert(rows.end(), 60, bg::assigner::background);
    std::vector<double> overlaps(33, 0.8);
    for (int n = 0; n < 60; ++n) overlaps.push_back(n % 10 == 0 ? 0.4 : 0.01);
    const bg::extents<2> shape{{1, 93}};
    const bg::assigner::result<bg::memory<double>> assignment{
        bg::from_host(backend, shape, rows.data()), bg::from_host(backend, shape, overlaps.data()), {33}, {30, 3}};

    using pair = bg::sampler::combined<bg::sampler::pick::instance_balanced, bg::sampler::pick::iou_balanced>;
    const pair balanced{.num = 18, .pos_fraction = 1.0 / 3, .neg_sampler = {.floor_thr = -1, .num_bins = 3}};
    const bg::sampler::combined<> uniform{.num = 18, .pos_fraction = 1.0 / 3};
    const auto print = [&](const char* name, const auto& kept) {
        int of[4] = {0, 0, 0, 0};
        for (bg::index n = 0; n < 93; ++n) {
            const auto g = kept(0, n);
            if (g >= 0) ++of[g];
            if (g == bg::assigner::background) ++of[overlaps[static_cast<std::size_t>(n)] > 0.3 ? 3 : 2];
        }
        std::printf("%s: %d of the large truth, %d of the small; %d easy negatives, %d hard\n", name, of[0], of[1],
                    of[2], of[3]);
    };
    print("uniform ", uniform.subsample(backend, assignment, {1}));
    print("balanced", balanced.subsample(backend, assignment, {1}));
}
