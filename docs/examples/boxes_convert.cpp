// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/boxes/convert.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace boxes = boxgrad::boxes;
    using enum boxes::box_format;
    const boxgrad::memory<double> backend;
    const std::vector<std::array<double, 4>> corners{{10, 20, 50, 100}};
    const auto print = [](const char* name, const auto& t) {
        std::printf("%-6s %5.1f %5.1f %5.1f %5.1f\n", name, t(0, 0), t(0, 1), t(0, 2), t(0, 3));
    };
    const auto centre = boxes::convert<xyxy, cxcywh>(backend, corners);
    print("xywh", boxes::convert<xyxy, xywh>(backend, corners));
    print("cxcywh", centre);
    print("cxcyah", boxes::convert<cxcywh, cxcyah>(backend, centre));
    print("xyxy", boxes::convert<cxcywh, xyxy>(backend, centre));

    // A network that predicts cxcywh, and a loss of corners: x2 of the box by the raw width.
    using number = boxgrad::dual<double, 1>;
    const auto box = boxes::to_box<cxcywh>(boxgrad::fields<number, 4>{{30.0, 60.0, number::variable(40, 0), 80.0}});
    std::printf("x2 = %.0f, by the width %.1f\n", box.x2.value, box.x2.partial[0]);
}
