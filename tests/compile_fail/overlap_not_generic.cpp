// expect: (satisf[a-z ]+|because )'?.*(term|o\(d, d\))
// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/overlap/pairwise.hpp>

#ifdef BOXGRAD_MISUSE
struct overlap {  // of floats alone: it has no gradient
    float operator()(const boxgrad::box<float>&, const boxgrad::box<float>&) const { return 0; }
};
#else
using overlap = boxgrad::overlap::iou;
#endif

auto f(const boxgrad::shaped<float, 2>& boxes) {
    return boxgrad::overlap::pairwise(boxgrad::memory<float>{}, overlap{}, boxes, boxes);
}
