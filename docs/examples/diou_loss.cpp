// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/diou.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/giou.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<std::array<double, 4>> prediction{{10, 10, 20, 20}, {2, 2, 12, 12}};  // both inside
    const std::vector<std::array<double, 4>> target{{0, 0, 30, 30}, {0, 0, 30, 30}};
    const auto show = [&](const char* name, const auto& loss) {
        const auto [value, gradient] =
            bg::loss::value_and_gradient(backend, loss, bg::reduction::none{}, prediction, target);
        std::printf("%s in the middle %.4f, in a corner %.4f with slope %.4f of its place\n", name, value(0), value(1),
                    gradient(1, 0) + gradient(1, 2));
    };
    show("giou", bg::loss::giou{});
    show("diou", bg::loss::diou{});
}
