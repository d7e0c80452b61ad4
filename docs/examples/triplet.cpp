// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/triplet.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    bg::shaped<double, 2> embeddings(bg::extents<2>{{4, 2}});
    for (bg::index i = 0; i < 4; ++i) {
        embeddings(i, 0) = static_cast<double>(i);
        embeddings(i, 1) = i == 1 ? 1 : 0;
    }
    const std::vector<std::int64_t> identities{7, 7, 3, 3};
    const auto [value, gradient] = bg::loss::triplet{.margin = 0.5}.value_and_gradient(backend, embeddings, identities);
    std::printf("loss %.4f\n", value);
    for (bg::index i = 0; i < 4; ++i) std::printf("gradient %7.4f %7.4f\n", gradient(i, 0), gradient(i, 1));
}
