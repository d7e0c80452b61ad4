// expect: fast-math
// SPDX-License-Identifier: Apache-2.0
//
// P32. The compiler says by this macro that it may treat NaN as if there were none.
#ifdef BOXGRAD_MISUSE
#undef __FINITE_MATH_ONLY__
#define __FINITE_MATH_ONLY__ 1
#endif
#include <boxgrad/boxgrad.hpp>
