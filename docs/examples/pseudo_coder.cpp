// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/coder/pseudo.hpp>

#include <cstdio>

int main() {
    const boxgrad::memory<double> backend;
    const std::vector<std::array<double, 4>> priors{{0, 0, 8, 8}};  // not read
    const std::vector<std::array<double, 4>> raw{{-3, 2, 12, 7}};
    const auto boxes = boxgrad::coder::decode(backend, boxgrad::coder::pseudo{}, priors, raw, {.h = 10, .w = 10});
    std::printf("%.0f %.0f %.0f %.0f\n", boxes(0, 0), boxes(0, 1), boxes(0, 2), boxes(0, 3));
}
