// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/per_row.hpp>
#include <boxgrad/loss/quality_focal.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<double> logits{1, -2, 0.5, -1, -3, -4};
    const bg::view<const double, 2> prediction(logits.data(), {{3, 2}});
    const std::vector<std::int64_t> labels{0, 1, 2};  // the last row is background
    const std::vector<double> scores{0.8, 0.6, 0};    // overlaps with the truths
    const auto target = bg::loss::targets(labels).scores(scores);
    const auto [value, gradient] = bg::loss::value_and_gradient(backend, bg::loss::per_row<bg::loss::quality_focal>{},
                                                                bg::reduction::none{}, prediction, target);
    for (int i = 0; i < 3; ++i) {
        std::printf("loss %.4f gradient %.4f %.4f\n", value(i), gradient(i, 0), gradient(i, 1));
    }
}
