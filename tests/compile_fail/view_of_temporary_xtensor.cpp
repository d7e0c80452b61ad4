// expect: (satisf[a-z ]+|because )'outlives_its_xtensor_view
// SPDX-License-Identifier: Apache-2.0
#if BOXGRAD_TEST_XTENSOR
#include <boxgrad/backend/xtensor.hpp>

xt::xtensor<float, 2> boxes();

#ifdef BOXGRAD_MISUSE
float f() { return boxgrad::xtensor<float>::look(boxes())(0, 0); }
#else
float f() {
    auto kept = boxes();
    return boxgrad::xtensor<float>::look(kept)(0, 0);
}
#endif

#elif defined(BOXGRAD_MISUSE)
#error this build has no xtensor to violate outlives_its_xtensor_view with
#endif
