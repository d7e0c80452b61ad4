// expect: (satisf[a-z ]+|because )'has_make
// SPDX-License-Identifier: Apache-2.0
#include "backend_parts.hpp"

struct mine : with_scalar, with_tensor, with_look, with_lanes, with_for_each, with_upload, with_download {
    template <class T, int R>
#ifdef BOXGRAD_MISUSE
    static std::vector<T> make(const boxgrad::extents<R>& e) {
        return std::vector<T>(static_cast<std::size_t>(e.size()));
    }
#else
    static tensor<T, R> make(const boxgrad::extents<R>& e) {
        return tensor<T, R>(e);
    }
#endif
};

float f(const boxgrad::shaped<float, 2>& x) { return loss_on(mine{}, x); }
