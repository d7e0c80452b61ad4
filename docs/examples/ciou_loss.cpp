// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/ciou.hpp>
#include <boxgrad/loss/diou.hpp>
#include <boxgrad/loss/evaluate.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<float> backend;
    const std::vector<std::array<float, 4>> prediction{{0, 0, 40, 30}, {0, 5, 40, 35}, {5, 0, 35, 40}};
    const std::vector<std::array<float, 4>> target{{0, 0, 40, 30}, {0, 0, 40, 40}, {0, 0, 40, 40}};
    const auto diou = bg::loss::value(backend, bg::loss::diou{}, bg::reduction::none{}, prediction, target);
    const auto ciou = bg::loss::value(backend, bg::loss::ciou{}, bg::reduction::none{}, prediction, target);
    const char* const what[] = {"equal", "flat", "narrow"};
    for (int i = 0; i < 3; ++i) {
        std::printf("%-6s diou %.4f ciou %.4f\n", what[i], static_cast<double>(diou(i)), static_cast<double>(ciou(i)));
    }
}
