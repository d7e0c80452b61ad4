// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/iou.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    const std::vector<double> prediction{0, 0, 10, 10, 0, 0, 10, 10};
    const std::vector<double> target{5, 0, 15, 10, 30, 0, 40, 10};  // the second is disjoint
    const bg::extents rows{bg::index{2}, bg::index{4}};
    const auto show = [&](const char* name, const auto& loss) {
        const auto [value, gradient] = bg::loss::value_and_gradient(
            backend, loss, bg::reduction::none{}, bg::view(prediction.data(), rows), bg::view(target.data(), rows));
        std::printf("%-6s loss %.4f d/dx2 %.4f, disjoint %.4f d/dx2 %.4f\n", name, value(0), gradient(0, 2), value(1),
                    gradient(1, 2) + 0.0);
    };
    show("linear", bg::loss::iou<bg::loss::iou_mode::linear>{});
    show("square", bg::loss::iou<bg::loss::iou_mode::square>{});
    show("log", bg::loss::iou<>{});
}
