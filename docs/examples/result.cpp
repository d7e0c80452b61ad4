// SPDX-License-Identifier: Apache-2.0
#include "scene.hpp"

#include <cstdio>

int main() {
    const boxgrad::memory<double> backend;
    boxgrad::yolox_loss<> loss{.classes = 3, .strides = {8, 16}, .truths = boxgrad::bad_truth::drop};
    scene s;
    s.truths.boxes[1] = {50, 50, 40, 60};               // x2 < x1
    s.boxes[0](0, 0, 1, 1) = boxgrad::infinity<double>;  // a broken prediction

    const auto assignment = loss.value(backend, s.head(), s.truths).assignment;
    std::printf("positives: %td and %td\n", assignment.truth_positives[0], assignment.truth_positives[1]);
    std::printf("unmatched truths: %td, dropped: %td\n", assignment.unmatched_truths(), assignment.dropped_truths);
    std::printf("quarantined priors: %td\n", assignment.nonfinite_priors);
    std::printf("prior 0 is %s\n", assignment.truth(0, 0) == boxgrad::assigner::background ? "background" : "positive");
}
