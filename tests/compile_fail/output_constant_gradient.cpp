// expect: (satisf[a-z ]+|because )'is_mutable
// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/evaluate.hpp>

#ifdef BOXGRAD_MISUSE
using gradient = const boxgrad::shaped<float, 2>;
#else
using gradient = boxgrad::shaped<float, 2>;
#endif

float f(const boxgrad::shaped<float, 2>& x, gradient& g) {
    return boxgrad::loss::value_and_gradient_into(boxgrad::memory<float>{}, boxgrad::loss::bce{},
                                                  boxgrad::reduction::sum{}, x, x, g);
}
