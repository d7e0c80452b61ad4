// expect: (satisf[a-z ]+|because )'outlives_its_eigen_view
// SPDX-License-Identifier: Apache-2.0
#if BOXGRAD_TEST_EIGEN
#include <boxgrad/backend/eigen.hpp>

Eigen::ArrayXXf boxes();

#ifdef BOXGRAD_MISUSE
float f() { return boxgrad::eigen<float>::look(boxes())(0, 0); }
#else
float f() {
    auto kept = boxes();
    return boxgrad::eigen<float>::look(kept)(0, 0);
}
#endif

#elif defined(BOXGRAD_MISUSE)
#error this build has no eigen to violate outlives_its_eigen_view with
#endif
