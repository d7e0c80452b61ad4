// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/coder/coder.hpp>

namespace boxgrad::inline BOXGRAD_ABI::coder {

/// The coder of networks that predict boxes as they are: code and box are the same four numbers.
///
/// mmdetection 3.3, PseudoBBoxCoder.
struct pseudo {
    template <class V>
    using prior_of = box<V>;
    template <class V>
    using code_of = box<V>;

    template <plain_number V>
    BOXGRAD_FN constexpr box<V> encode(const box<V>&, const box<V>& b) const {
        return b;
    }
    template <number V>
    BOXGRAD_FN constexpr box<V> decode(const box<base_t<V>>&, const box<V>& code) const {
        return code;
    }
};
static_assert(box_coder<pseudo>);

}  // namespace boxgrad::inline BOXGRAD_ABI::coder
