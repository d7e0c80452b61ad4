// expect: deleted
// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>

boxgrad::shaped<float, 2> boxes();

#ifdef BOXGRAD_MISUSE
float f() { return boxgrad::memory<float>::look(boxes())(0, 0); }
#else
float f() {
    auto kept = boxes();
    return boxgrad::memory<float>::look(kept)(0, 0);
}
#endif
