// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/sampler/score_hlr.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<std::int32_t> rows(6, bg::assigner::background);
    const std::vector<double> overlaps(6);
    const bg::extents<2> shape{{1, 6}};
    const bg::assigner::result<bg::memory<double>> assignment{
        bg::from_host(backend, shape, rows.data()), bg::from_host(backend, shape, overlaps.data()), {0}, {}};
    bg::truth_list<double> truths;
    truths.add_image({}, {});
    // Three detections of one place, one of another, two that are hardly any.
    const std::vector<double> boxes{0, 0, 9, 9, 0, 0, 9, 8, 0, 0, 9, 7, 40, 0, 49, 9, 0, 20, 9, 29, 0, 40, 9, 49};
    const std::vector<double> scores{0.9, 0.8, 0.7, 0.5, 0.01, 0.02};
    const std::vector<double> losses{2.3, 1.6, 1.2, 0.7, 0.01, 0.02};
    const auto matrix = bg::view(boxes.data(), bg::extents{bg::index{6}, bg::index{4}});
    const std::vector predictions{bg::sampler::score_hlr_predictions{scores, matrix, losses}};

    const bg::sampler::score_hlr sampler{.num = 4, .pos_fraction = 0.25};
    const auto r = sampler.sample(backend, assignment, matrix, truths, predictions, bg::sampler::seed{1});
    for (bg::index n = 0; n < r[0].negatives; ++n) {
        std::printf("negative %td, weight %.3f\n", r[0].neg_inds(n), r[0].neg_label_weights(n));
    }
}
