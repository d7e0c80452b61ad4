// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/sampler/random.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    // What an assigner said of two images with eight priors each: rows of truths, background -1, ignored -2.
    const std::vector<std::int32_t> rows{-1, 0, 0, -1, -2, -1, 0, -1, 1, -1, -1, 0, -1, -1, 1, 1};
    const std::vector<double> overlaps(16);
    const bg::extents<2> shape{{2, 8}};
    const bg::assigner::result<bg::memory<double>> assignment{
        bg::from_host(backend, shape, rows.data()), bg::from_host(backend, shape, overlaps.data()), {3, 4}, {3, 1, 3}};
    std::vector<double> priors;
    for (int i = 0; i < 8; ++i) priors.insert(priors.end(), {8.0 * i, 0, 8.0 * i + 8, 8});
    bg::truth_list<double> truths;
    truths.add_image({{8, 0, 24, 8}}, {7});
    truths.add_image({{24, 0, 32, 8}, {0, 0, 64, 8}}, {3, 5});

    const bg::sampler::random sampler{.num = 4, .pos_fraction = 0.5};
    const bg::sampler::seed seed{.value = 42, .image = 1000};
    const auto results = sampler.sample(backend, assignment,
                                        bg::view(priors.data(), bg::extents{bg::index{8}, bg::index{4}}), truths, seed);
    for (const auto& r : results) {
        std::printf("of %td truths and 8 priors:", r.num_gts);
        for (bg::index p = 0; p < r.positives; ++p)
            std::printf(" %td (truth %td)", r.pos_inds(p), r.pos_assigned_gt_inds(p));
        std::printf(", not");
        for (bg::index n = 0; n < r.negatives; ++n) std::printf(" %td", r.neg_inds(n));
        std::printf("\n");
    }

    const auto thinned = sampler.subsample(backend, assignment, seed);
    for (bg::index i = 0; i < 2; ++i) {
        for (bg::index n = 0; n < 8; ++n) std::printf("%3d", thinned(i, n));
        std::printf("\n");
    }
}
