// expect: (satisf[a-z ]+|because )'looked_at
// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <list>

#ifdef BOXGRAD_MISUSE
using tensor = std::list<float>;
#else
using tensor = std::vector<float>;
#endif

auto f(const tensor& x) {
    return boxgrad::loss::value(boxgrad::memory<float>{}, boxgrad::loss::bce{}, boxgrad::reduction::sum{}, x, x);
}
