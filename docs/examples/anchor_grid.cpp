// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/coder/delta_xywh.hpp>
#include <boxgrad/prior/anchor_generator.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<float> backend;
    const bg::prior::anchor_generator rpn{.strides = {4}, .ratios = {0.5, 1.0, 2.0}, .scales = {8}};
    const bg::featmap_size cells{.h = 200, .w = 336};

    auto codes = backend.make<float, 2>(bg::extents{cells.cells() * 3, bg::index{4}});
    for (std::size_t i = 0; i < codes.data.size(); ++i) codes.data[i] = static_cast<float>(i % 7) * 0.1f;

    // Anchors computed where the decoder needs them ...
    const auto grid = rpn.grid<float>(0, cells);
    const auto computed = bg::coder::decode(backend, bg::coder::delta_xywh{}, grid, codes);

    // ... and read from a tensor.
    const auto stored = bg::prior::single_level_grid_priors(backend, rpn, cells, 0);
    const auto read = bg::coder::decode(backend, bg::coder::delta_xywh{}, stored, codes);

    std::printf("%td boxes, the same bits: %s\n", grid.size(), computed.data == read.data ? "yes" : "no");
    std::printf("the grid takes %zu bytes, the tensor %zu\n", sizeof grid, stored.data.size() * sizeof(float));
}
