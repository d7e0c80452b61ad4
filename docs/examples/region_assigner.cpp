// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/region.hpp>
#include <boxgrad/backend/memory.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;

    // Squares of 16 and 32 pixels around the cells of two levels, 6 x 8 and 3 x 4.
    const bg::per_level<bg::featmap_size> sizes{{6, 8}, {3, 4}};
    bg::shaped<double, 2> priors(bg::extents{bg::index{60}, bg::index{4}});
    bg::shaped<std::uint8_t, 1> valid(bg::extents{bg::index{60}});
    bg::index i = 0;
    for (const int l : {0, 1}) {
        for (bg::index cell = 0; cell < sizes[l].cells(); ++cell, ++i) {
            const double stride = l == 0 ? 8 : 16;
            const double x = (static_cast<double>(cell % sizes[l].w) + 0.5) * stride;
            const double y = (static_cast<double>(cell / sizes[l].w) + 0.5) * stride;
            priors(i, 0) = x - stride, priors(i, 1) = y - stride, priors(i, 2) = x + stride, priors(i, 3) = y + stride;
            valid(i) = 1;
        }
    }
    bg::truth_list<double> truths;
    truths.add_image({{6, 8, 42, 44}}, {0});

    const bg::image_shape pictures[] = {{.h = 48, .w = 64}};
    const bg::assigner::region assigner{
        .center_ratio = 0.3, .ignore_ratio = 0.6, .anchor_scale = 4, .anchor_strides = {8, 16}, .allowed_border = -1};
    const auto result = assigner.assign(backend, priors, valid, sizes, pictures, truths);
    i = 0;
    for (const int l : {0, 1}) {
        for (bg::index y = 0; y < sizes[l].h; ++y) {
            for (bg::index x = 0; x < sizes[l].w; ++x) std::printf("%3d", result.truth(0, i++));
            std::printf("\n");
        }
        std::printf("\n");
    }
}
