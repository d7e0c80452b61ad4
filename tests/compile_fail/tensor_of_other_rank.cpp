// expect: (satisf[a-z ]+|because )'has_rank
// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/overlap/pairwise.hpp>

#ifdef BOXGRAD_MISUSE
using boxes = boxgrad::shaped<float, 3>;
#else
using boxes = boxgrad::shaped<float, 2>;
#endif

auto f(const boxes& b) {
    return boxgrad::overlap::pairwise(boxgrad::memory<float>{}, boxgrad::overlap::iou{}, b, b);
}
