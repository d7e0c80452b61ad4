// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/seesaw.hpp>

#include <cstdio>

int main() {
    namespace loss = boxgrad::loss;
    const boxgrad::memory<double> backend;
    const loss::seesaw seesaw{.p = 0.8, .q = 2};
    loss::seesaw_counts counts(2);
    // Class 0 is frequent, class 1 rare. Two classes, then object and background.
    counts.add(std::vector<std::int64_t>(98, 0));
    const std::vector<std::array<double, 4>> logits{{0, 0, 1, 0}, {0, 0, 1, 0}, {0, 0, 0, 2}};
    const std::vector<std::int64_t> labels{0, 1, 2};
    const auto r = seesaw.value_and_gradient(backend, counts, boxgrad::reduction::none{}, logits, labels);
    for (int i = 0; i < 3; ++i) {
        std::printf("objectness %.4f classes %.4f gradient %.4f %.4f %.4f %.4f\n", r.loss_cls_objectness(i),
                    r.loss_cls_classes(i), r.gradient(i, 0), r.gradient(i, 1), r.gradient(i, 2), r.gradient(i, 3));
    }
    std::printf("counts %d %d %d\n", static_cast<int>(counts[0]), static_cast<int>(counts[1]),
                static_cast<int>(counts[2]));
    const auto scores = loss::seesaw::activation(backend, logits);
    std::printf("scores %.4f %.4f background %.4f\n", scores(0, 0), scores(0, 1), scores(0, 2));
}
