// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/coder/yolox.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::coder::yolox coder;
    const bg::prior::point<double> prior{16, 8, 8, 8};  // x, y and the strides

    const auto code = coder.encode(prior, bg::box{12.0, 4.0, 44.0, 36.0});
    std::printf("code %.3f %.3f %.3f %.3f\n", code.x, code.y, code.w, code.h);

    // The same line on duals: how each corner changes with the raw width.
    using number = bg::dual<double, 1>;
    const bg::coder::xywh<number> raw{code.x, code.y, number::variable(code.w, 0), code.h};
    const auto box = coder.decode(prior, raw);
    std::printf("box %.3f %.3f %.3f %.3f\n", box.x1.value, box.y1.value, box.x2.value, box.y2.value);
    std::printf("d/dw %.3f %.3f\n", box.x1.partial[0], box.x2.partial[0]);

    // Many boxes, as tensors.
    const bg::memory<double> backend;
    const std::vector<double> priors{16, 8, 8, 8, 24, 8, 8, 8};
    const std::vector<double> codes{1, 1, 0, 0, 1, 1, 0, 1};
    const bg::extents rows{bg::index{2}, bg::index{4}};
    const auto boxes = bg::coder::decode(backend, coder, bg::view(priors.data(), rows), bg::view(codes.data(), rows));
    for (int i = 0; i < 2; ++i) {
        std::printf("%.3f %.3f %.3f %.3f\n", boxes(i, 0), boxes(i, 1), boxes(i, 2), boxes(i, 3));
    }
}
