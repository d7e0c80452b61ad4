// expect: (satisf[a-z ]+|because )'?.*(boxes_for|row_source|readable_tensor)
// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/overlap/pairwise.hpp>
#include <boxgrad/prior/anchor_grid.hpp>

#ifdef BOXGRAD_MISUSE
using grid = boxgrad::prior::anchor_grid<double>;
#else
using grid = boxgrad::prior::anchor_grid<float>;
#endif

auto f(const grid& anchors, const boxgrad::shaped<float, 2>& boxes) {
    return boxgrad::overlap::pairwise(boxgrad::memory<float>{}, boxgrad::overlap::iou{}, anchors, boxes);
}
