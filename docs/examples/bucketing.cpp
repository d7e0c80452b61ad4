// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/coder/bucketing.hpp>

#include <cstdio>

int main() {
    namespace coder = boxgrad::coder;
    const boxgrad::memory<double> backend;
    const coder::bucketing sabl{.num_buckets = 8, .scale_factor = 2};  // 4 buckets a side
    const std::vector<std::array<double, 4>> priors{{20, 20, 60, 60}};  // enlarged: 0 0 80 80, buckets of 10
    const std::vector<std::array<double, 4>> truths{{16, 22, 57, 65}};

    const auto t = coder::encode(backend, sabl, priors, truths);
    const auto show = [](const char* name, const auto& rows) {
        std::printf("%-9s", name);
        for (int j = 0; j < 4; ++j) std::printf(" %5.1f", rows(0, j));
        std::printf("\n");
    };
    std::printf("left:\n");
    show("offsets", t.offsets);
    show("  weights", t.offset_weights);
    show("labels", t.bucket_labels);
    show("  weights", t.bucket_weights);

    // A network that is sure of the right buckets: scores are logits.
    auto scores = t.bucket_labels;
    for (double& s : scores.data) s *= 6;
    const auto d = coder::decode(backend, sabl, priors, scores, t.offsets);
    const auto& b = d.boxes;
    std::printf("box %.1f %.1f %.1f %.1f, confidence %.3f\n", b(0, 0), b(0, 1), b(0, 2), b(0, 3), d.confidence(0));
}
