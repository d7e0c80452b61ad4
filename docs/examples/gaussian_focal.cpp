// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/gaussian_focal.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<double> probabilities{0.2, 0.7, 0.3, 0};
    const std::vector<double> heat{0.6, 1, 0.6, 0};
    const bg::view<const double, 2> p(probabilities.data(), {{4, 1}});
    const bg::view<const double, 2> t(heat.data(), {{4, 1}});
    const auto [value, gradient] =
        bg::loss::value_and_gradient(backend, bg::loss::gaussian_focal{}, bg::reduction::none{}, p, t);
    for (int i = 0; i < 4; ++i) std::printf("loss %.4f gradient %.4f\n", value(i, 0), gradient(i, 0));

    // Positives where they are said to be, each part a mean of its own.
    const std::vector<std::int64_t> pos_inds{1, 2};
    const std::vector<std::int64_t> pos_labels{0, 0};
    const auto given = bg::loss::gaussian_focal_with_pos_inds(pos_inds, pos_labels);
    std::printf("of two positives %.4f\n", given.value(backend, bg::reduction::mean{}, p, t));
}
