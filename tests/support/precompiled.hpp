// SPDX-License-Identifier: Apache-2.0
// What most tests include anyway. Tests still include what they use.
#include "support/catch.hpp"

#if BOXGRAD_TEST_EIGEN
#include <Eigen/Core>
#endif
#if BOXGRAD_TEST_XTENSOR
#if __has_include(<xtensor/containers/xtensor.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xtensor.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xtensor.hpp>
#endif
#endif
