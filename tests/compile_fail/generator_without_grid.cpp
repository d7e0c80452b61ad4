// expect: (satisf[a-z ]+|because )'?.*(generator|grid)
// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/prior/grid.hpp>
#include <boxgrad/prior/mlvl_point_generator.hpp>

#ifdef BOXGRAD_MISUSE
struct generator {
    boxgrad::per_level<boxgrad::stride> strides;
    static constexpr int columns = 2;
    int num_levels() const { return strides.size(); }
    int num_base_priors(int) const { return 1; }
};
#else
using generator = boxgrad::prior::mlvl_point_generator;
#endif

auto f(const generator& g) {
    return boxgrad::prior::single_level_grid_priors(boxgrad::memory<float>{}, g, {2, 2}, 0);
}
