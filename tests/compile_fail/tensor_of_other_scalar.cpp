// expect: (satisf[a-z ]+|because )'has_element
// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/evaluate.hpp>

#ifdef BOXGRAD_MISUSE
using backend = boxgrad::memory<double>;
#else
using backend = boxgrad::memory<float>;
#endif

auto f(const boxgrad::shaped<float, 2>& x) {
    return boxgrad::loss::value(backend{}, boxgrad::loss::bce{}, boxgrad::reduction::sum{}, x, x);
}
