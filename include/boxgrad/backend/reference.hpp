// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/memory.hpp>

namespace boxgrad::inline BOXGRAD_ABI {

/// The slow truth: plain memory, plain loops, one scalar at a time, one thread. What every other
/// backend is compared with.
template <real T>
struct reference : memory<T> {
    template <class U>
    using lanes = U;

    template <class F>
    void for_each(index n, const F& f) const {
        for (index i = 0; i < n; ++i) f(i);
    }
};
static_assert(backend<reference<float>>);

}  // namespace boxgrad::inline BOXGRAD_ABI
