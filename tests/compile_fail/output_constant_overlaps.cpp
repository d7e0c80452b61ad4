// expect: (satisf[a-z ]+|because )'is_mutable
// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/overlap/pairwise.hpp>

#ifdef BOXGRAD_MISUSE
using matrix = const boxgrad::shaped<float, 2>;
#else
using matrix = boxgrad::shaped<float, 2>;
#endif

void f(const boxgrad::shaped<float, 2>& boxes, matrix& out) {
    boxgrad::overlap::pairwise(boxgrad::memory<float>{}, boxgrad::overlap::iou{}, boxes, boxes, out);
}
