// SPDX-License-Identifier: Apache-2.0
#include "scene.hpp"

#include <algorithm>
#include <cstdio>

int main() {
    const boxgrad::memory<double> backend;
    const boxgrad::yolox_loss<> loss{.classes = 3, .strides = {8, 16}};
    const scene one(1), other(2);  // what two processes hold

    // First phase: each process assigns and counts.
    const auto counted_by_one = loss.count(backend, one.head(), one.truths);
    const auto counted_by_other = loss.count(backend, other.head(), other.truths);

    // The caller's all-reduce: the mean of the positives over the processes, at least 1.
    const double sum = static_cast<double>(counted_by_one.positives + counted_by_other.positives);
    const double normaliser = std::max(sum / 2, 1.0);

    // Second phase, on each process.
    auto gradient = loss.make_gradient(backend, one.head());
    const auto value = loss.finish_into(backend, one.head(), counted_by_one, normaliser,
                                        boxgrad::yolox_head(gradient.classes, gradient.boxes, gradient.objectness));
    std::printf("%td and %td positives, normaliser %.1f\n", counted_by_one.positives, counted_by_other.positives,
                value.normaliser);
    std::printf("loss of the first %.3f\n", value.total);
}
