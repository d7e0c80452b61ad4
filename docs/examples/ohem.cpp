// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/sampler/ohem.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    using backend_type = bg::memory<double>;
    const backend_type backend;
    const std::vector<std::int32_t> truth{0, -1, -1, 0, -1, -1};
    const std::vector<double> priors{0, 0, 8, 8, 8, 0, 16, 8, 16, 0, 24, 8, 24, 0, 32, 8, 32, 0, 40, 8, 40, 0, 48, 8};
    const std::vector<double> boxes{0, 0, 30, 8};
    const std::vector<std::int64_t> labels{2};
    const auto matrix = [](const std::vector<double>& v) {
        return bg::view(v.data(), bg::extents{static_cast<bg::index>(v.size() / 4), bg::index{4}});
    };

    // In the place of a head: its loss grows with x1.
    const auto head = [](const bg::sampler::ohem_candidates<backend_type>& asked) {
        std::vector<double> loss;
        std::printf("losses of");
        for (bg::index k = 0; k < asked.boxes.shape[0]; ++k) {
            std::printf(" %td (class %d)", asked.indices(k), static_cast<int>(asked.labels(k)));
            loss.push_back(asked.boxes(k, 0));
        }
        std::printf("\n");
        return loss;
    };
    const bg::sampler::ohem sampler{.num = 4, .pos_fraction = 0.5, .num_classes = 3};
    const auto r = sampler.sample(backend, truth, matrix(priors), matrix(boxes), labels, head);
    for (bg::index p = 0; p < r.positives; ++p)
        std::printf("positive %td%s\n", r.pos_inds(p), r.pos_is_gt(p) ? ", the truth" : "");
    for (bg::index n = 0; n < r.negatives; ++n) std::printf("negative %td\n", r.neg_inds(n));
}
