// SPDX-License-Identifier: Apache-2.0
//
// A pack compares, selects and combines as its lanes do one by one, NaN, infinities and zeros included.
#include "catch.hpp"

#include <boxgrad/backend/cpu.hpp>

#include <cstring>
#include <vector>

namespace {

template <class T>
std::vector<T> values() {
    const T inf = std::numeric_limits<T>::infinity();
    const T nan = std::numeric_limits<T>::quiet_NaN();
    return {T(0), -T(0), T(1), T(-1), T(2.5), inf, -inf, nan, std::numeric_limits<T>::denorm_min(), std::numeric_limits<T>::max()};
}

template <class T>
bool same(T a, T b) {
    return (a != a && b != b) || std::memcmp(&a, &b, sizeof(T)) == 0;
}

}  // namespace

TEMPLATE_TEST_CASE("a pack does what its lanes do", "[core]", float, double) {
    using T = TestType;
    using V = boxgrad::cpu::lanes<T>;
    for (const T a : values<T>()) {
        for (const T b : values<T>()) {
            INFO(a << " and " << b);
            const V x(a);
            const V y(b);
            const auto agree = [](boxgrad::mask_t<V> m, bool expected) { CHECK((expected ? all(m) : !any(m))); };
            using boxgrad::all;
            using boxgrad::any;
            agree(x < y, a < b);
            agree(x > y, a > b);
            agree(x <= y, a <= b);
            agree(x >= y, a >= b);
            agree(x == y, a == b);
            agree(x != y, a != b);
            CHECK(same(boxgrad::lane(boxgrad::max(x, y), 0), boxgrad::max(a, b)));
            CHECK(same(boxgrad::lane(boxgrad::min(x, y), 0), boxgrad::min(a, b)));
            CHECK(same(boxgrad::lane(boxgrad::clamp_min(x, y), 0), boxgrad::clamp_min(a, b)));
            CHECK(same(boxgrad::lane(boxgrad::abs(x), 0), boxgrad::abs(a)));
            CHECK(same(boxgrad::lane(boxgrad::select(x < y, x, y), 0), boxgrad::select(a < b, a, b)));
            agree(boxgrad::is_finite(x), boxgrad::is_finite(a));
        }
    }
}
