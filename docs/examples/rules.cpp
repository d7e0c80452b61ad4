// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/sim_ota.hpp>
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/prior/mlvl_point_generator.hpp>

#include <cstdio>

namespace bg = boxgrad;

/// mmdetection's rules with a wide centre and a soft penalty.
struct wide_rules : bg::assigner::mmdetection_rules {
    static constexpr double center_radius = 4, penalty = 100;
};

template <class Assigner>
void count(const char* name, const Assigner& assigner) {
    const bg::memory<double> backend;
    const bg::prior::mlvl_point_generator grid{.strides = {8}, .offset = 0.5};
    const boxgrad::prior::with_strides points{grid};
    const auto priors = single_level_grid_priors(backend, points, {.h = 10, .w = 10}, 0);
    bg::shaped<double, 2> boxes(bg::extents{bg::index{100}, bg::index{4}});
    bg::shaped<double, 2> scores(bg::extents{bg::index{100}, bg::index{1}});
    for (bg::index i = 0; i < 100; ++i) {
        const double x = priors(i, 0), y = priors(i, 1);
        boxes(i, 0) = x - 18, boxes(i, 1) = y - 18, boxes(i, 2) = x + 20, boxes(i, 3) = y + 20;
        scores(i, 0) = 0.5;
    }
    bg::truth_list<double> truths;
    truths.add_image({{20, 21, 60, 61}}, {0});
    std::printf("%-12s radius %.1f: %td positives\n", name, assigner.center_radius,
                assigner.assign(backend, priors, boxes, scores, truths).total_positives());
}

int main() {
    count("mmdetection", bg::assigner::sim_ota<>{});
    count("megvii", bg::assigner::sim_ota<bg::assigner::megvii_rules>{});
    count("wide", bg::assigner::sim_ota<wide_rules>{});
    count("with GIoU", bg::assigner::sim_ota<bg::assigner::mmdetection_rules, bg::overlap::giou>{});
}
