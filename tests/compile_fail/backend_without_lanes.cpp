// expect: (satisf[a-z ]+|because )'has_lanes
// SPDX-License-Identifier: Apache-2.0
#include "backend_parts.hpp"

#ifdef BOXGRAD_MISUSE
struct mine : with_scalar, with_tensor, with_make, with_look, with_for_each, with_upload,
              with_download {};
#else
struct mine : with_scalar, with_tensor, with_make, with_look, with_lanes, with_for_each,
              with_upload, with_download {};
#endif

float f(const boxgrad::shaped<float, 2>& x) { return loss_on(mine{}, x); }
