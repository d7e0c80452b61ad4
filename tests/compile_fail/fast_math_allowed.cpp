// expect: fast-math
// SPDX-License-Identifier: Apache-2.0
//
// P32. Who opts out is let through.
#undef __FINITE_MATH_ONLY__
#define __FINITE_MATH_ONLY__ 1
#ifndef BOXGRAD_MISUSE
#define BOXGRAD_ALLOW_FAST_MATH
#endif
#include <boxgrad/boxgrad.hpp>
