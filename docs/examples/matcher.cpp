// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/matcher.hpp>
#include <boxgrad/backend/memory.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<double> numbers{0, 0, 20, 18, 0, 0, 20, 9, 40, 0, 60, 20};
    const auto priors = bg::view(numbers.data(), bg::extents{bg::index{3}, bg::index{4}});
    bg::truth_list<double> truths;
    truths.add_image({{0, 0, 20, 20}, {10, 0, 16, 10}}, {0, 1});  // the second lies in the first

    const auto print = [&](const char* name, const auto& r) {
        std::printf("%-12s", name);
        for (bg::index i = 0; i < 3; ++i) std::printf("  %2d (%.2f)", r.truth(0, i), r.overlap(0, i));
        std::printf("   truth 1 has %td\n", r.truth_positives[1]);
    };
    // RPN of detectron2 and torchvision, and of mmdetection: truth 1 has its best overlap with prior 1.
    const bg::assigner::matcher<> rpn{.thresholds = {0.3, 0.7}};
    const bg::assigner::max_iou<> mmdetection{.pos_iou_thr = 0.7, .neg_iou_thr = 0.3};
    print("matcher", rpn.assign(backend, priors, truths));
    print("max_iou", mmdetection.assign(backend, priors, truths));

    // Second stage: one threshold, no best overlaps.
    using bg::assigner::match;
    const bg::assigner::matcher<> roi{
        .thresholds = {0.5}, .labels = {match::negative, match::positive}, .allow_low_quality_matches = false};
    print("matcher, roi", roi.assign(backend, priors, truths));
}
