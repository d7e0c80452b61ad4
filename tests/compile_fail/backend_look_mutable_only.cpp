// expect: (satisf[a-z ]+|because )'has_look
// SPDX-License-Identifier: Apache-2.0
#include "backend_parts.hpp"

struct mine : with_scalar, with_tensor, with_make, with_lanes, with_for_each, with_upload, with_download {
    template <class T, int R>
    static boxgrad::view<T, R> look(boxgrad::shaped<T, R>& t) {
        return {t.data.data(), t.shape};
    }
#ifdef BOXGRAD_MISUSE
    // Nothing for a constant tensor.
#else
    template <class T, int R>
    static boxgrad::view<const T, R> look(const boxgrad::shaped<T, R>& t) {
        return {t.data.data(), t.shape};
    }
#endif
};

float f(const boxgrad::shaped<float, 2>& x) { return loss_on(mine{}, x); }
