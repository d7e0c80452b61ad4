// expect: (satisf[a-z ]+|because )'?.*(box_coder|encode)
// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/coder/pseudo.hpp>

struct half_a_coder {
    template <class V>
    using prior_of = boxgrad::box<V>;
    template <class V>
    using code_of = boxgrad::box<V>;

    template <boxgrad::number V>
    constexpr boxgrad::box<V> decode(const boxgrad::box<boxgrad::base_t<V>>&, const boxgrad::box<V>& code) const {
        return code;
    }
};
#ifdef BOXGRAD_MISUSE
using box_coder = half_a_coder;
#else
using box_coder = boxgrad::coder::pseudo;
#endif

auto f(const boxgrad::shaped<float, 2>& boxes) {
    return boxgrad::coder::decode(boxgrad::memory<float>{}, box_coder{}, boxes, boxes);
}
