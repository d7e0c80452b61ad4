// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/associative_embedding.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    bg::shaped<double, 4> tl(bg::extents<4>{{1, 1, 3, 3}});
    bg::shaped<double, 4> br(bg::extents<4>{{1, 1, 3, 3}});
    for (bg::index i = 0; i < 9; ++i) {
        tl(0, 0, i / 3, i % 3) = 0.1 * static_cast<double>(i);
        br(0, 0, i / 3, i % 3) = 0.5;
    }
    const std::vector<std::vector<bg::loss::corner_match>> matches{
        {{.tl_y = 0, .tl_x = 0, .br_y = 2, .br_x = 2}, {.tl_y = 1, .tl_x = 0, .br_y = 2, .br_x = 1}}};
    const auto r = bg::loss::associative_embedding{}.value_and_gradient(backend, tl, br, matches);
    std::printf("pull %.4f push %.4f\n", r.value.pull, r.value.push);
    std::printf("gradient of the first object's corners %.4f %.4f\n", r.tl(0, 0, 0, 0), r.br(0, 0, 2, 2));
}
