// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/sampler/combined.hpp>

#include <cstdio>

/// The candidates of largest overlap; of equal ones the lower row.
struct best_overlap {
    static constexpr bool needs_overlap = true;

    std::vector<boxgrad::index> operator()(const auto& candidates, const std::vector<boxgrad::index>& pool,
                                           boxgrad::index n) const {
        const auto overlap = candidates.overlaps();
        return boxgrad::sampler::least(pool, n,
                                       [&](boxgrad::index i) { return -overlap[static_cast<std::size_t>(i)]; });
    }
};

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<std::int32_t> rows{0, 0, 0, 0, -1, -1};
    const std::vector<double> overlaps{0.5, 0.9, 0.7, 0.6, 0.1, 0.2};
    const bg::extents<2> shape{{1, 6}};
    const bg::assigner::result<bg::memory<double>> assignment{
        bg::from_host(backend, shape, rows.data()), bg::from_host(backend, shape, overlaps.data()), {4}, {4}};

    const bg::sampler::combined<best_overlap> sampler{.num = 4, .pos_fraction = 0.5};
    const auto kept = sampler.subsample(backend, assignment, {3});
    for (bg::index n = 0; n < 6; ++n) std::printf("%3d", kept(0, n));
    std::printf("\n");
}
