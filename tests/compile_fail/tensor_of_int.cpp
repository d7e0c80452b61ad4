// expect: (satisf[a-z ]+|because )'has_element
// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/evaluate.hpp>

#ifdef BOXGRAD_MISUSE
using tensor = boxgrad::shaped<int, 2>;
#else
using tensor = boxgrad::shaped<float, 2>;
#endif

float f(const tensor& logits, const boxgrad::shaped<float, 2>& targets) {
    return boxgrad::loss::value(boxgrad::memory<float>{}, boxgrad::loss::bce{}, boxgrad::reduction::sum{}, logits,
                                targets);
}
