// expect: (satisf[a-z ]+|because )'has_scalar
// SPDX-License-Identifier: Apache-2.0
#include "backend_parts.hpp"

struct mine : with_tensor, with_make, with_look, with_lanes, with_for_each, with_upload, with_download {
#ifdef BOXGRAD_MISUSE
    using scalar = int;
#else
    using scalar = float;
#endif
};

float f(const boxgrad::shaped<float, 2>& x) { return loss_on(mine{}, x); }
