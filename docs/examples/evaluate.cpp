// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/evaluate.hpp>

#include <cmath>
#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const bg::loss::weighted<bg::loss::bce> loss{.weight = 2};
    const std::vector<double> logits{0, 1, std::nan("")};
    const std::vector<double> targets{0, 1, 1};
    const std::vector<double> weights{1, 0.5, 0};  // the row that is not a number does not count

    std::printf("sum %.4f\n", bg::loss::value(backend, loss, bg::reduction::sum{}, logits, targets, weights));
    std::printf("mean %.4f\n", bg::loss::value(backend, loss, bg::reduction::mean{}, logits, targets, weights));
    std::printf("mean over 2 %.4f\n",
                bg::loss::value(backend, loss, bg::reduction::mean_over{2}, logits, targets, weights));

    const auto rows = bg::loss::value(backend, loss, bg::reduction::none{}, logits, targets, weights);
    std::printf("none %.4f %.4f %.4f\n", rows(0), rows(1), rows(2));

    // The gradient in a tensor of the caller's, times an upstream gradient of 10.
    std::vector<double> gradient(3);
    bg::loss::value_and_gradient_into(backend, loss, bg::reduction::sum{}, logits, targets, gradient, weights, 10.0);
    std::printf("gradient %.4f %.4f %.4f\n", gradient[0], gradient[1], gradient[2]);
}
