// expect: (satisf[a-z ]+|because )'?.*(priors_for|row_source|readable_tensor)
// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/coder/distance_point.hpp>
#include <boxgrad/prior/anchor_grid.hpp>
#include <boxgrad/prior/point.hpp>

#ifdef BOXGRAD_MISUSE
using grid = boxgrad::prior::anchor_grid<float>;  // boxes, where this coder takes points
#else
using grid = boxgrad::prior::point_grid<float>;
#endif

auto f(const grid& priors, const boxgrad::shaped<float, 2>& codes) {
    return boxgrad::coder::decode(boxgrad::memory<float>{}, boxgrad::coder::distance_point{}, priors, codes);
}
