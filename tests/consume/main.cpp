// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/boxgrad.hpp>
#include <boxgrad/version.hpp>

#include <vector>

// A box that equals its target has no loss.
int main() {
    namespace bg = boxgrad;
    const bg::memory<float> backend;
    const std::vector<float> boxes{0, 0, 4, 2, 1, 1, 3, 5};
    const bg::extents rows{bg::index{2}, bg::index{4}};
    const auto [value, gradient] =
        bg::loss::value_and_gradient(backend, bg::loss::giou{}, bg::reduction::none{}, bg::view(boxes.data(), rows),
                                     bg::view(boxes.data(), rows));
    return value(0) == 0 && value(1) == 0 && BOXGRAD_VERSION_MAJOR == 0 ? 0 : 1;
}
