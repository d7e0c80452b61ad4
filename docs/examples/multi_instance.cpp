// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/multi_instance.hpp>
#include <boxgrad/backend/memory.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<double> numbers{2, 0, 22, 40, 30, 0, 50, 40, 70, 0, 90, 40};
    const auto priors = bg::view(numbers.data(), bg::extents{bg::index{3}, bg::index{4}});
    bg::truth_list<double> truths;
    truths.add_image({{0, 0, 20, 40}, {5, 0, 25, 40}, {31, 0, 51, 40}}, {0, 0, 0});  // two people, one behind the other

    const bg::assigner::multi_instance<> assigner{.num_instance = 2};
    const auto result = assigner.assign(backend, priors, truths);
    for (bg::index i = 0; i < 3; ++i) {
        std::printf("prior %td:", i);
        for (bg::index k = 0; k < 2; ++k) std::printf("  %2d (%.2f)", result.truth(0, i, k), result.overlap(0, i, k));
        std::printf("\n");
    }
    std::printf("%td instances\n", result.positives[0]);
}
