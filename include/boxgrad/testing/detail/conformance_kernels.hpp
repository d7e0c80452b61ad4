// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/concept.hpp>

namespace boxgrad::inline BOXGRAD_ABI::testing::detail {

/// What element `i` of a test tensor holds: small enough for every element type, never 0.
template <class T>
BOXGRAD_FN constexpr T pattern(index i, int seed) {
    return static_cast<T>((i * 7 + seed) % 101 + 1);
}

template <class T, int R>
struct write_pattern {
    view<T, R> to;
    int seed;
    BOXGRAD_FN void operator()(index i) const { to.at_flat(i) = pattern<T>(i, seed); }
};

/// Is what write_pattern left there seen by another kernel?
template <class T, int R>
struct compare_pattern {
    view<const T, R> from;
    view<std::int32_t, 1> wrong;
    int seed;
    BOXGRAD_FN void operator()(index i) const { wrong(i) = from.at_flat(i) == pattern<T>(i, seed) ? 0 : 1; }
};

struct fill_counts {
    view<std::int32_t, 1> counts;
    BOXGRAD_FN void operator()(index i) const { counts(i) = 0; }
};

/// counts(0) for what is out of range, counts(i + 1) for i.
struct count_calls {
    view<std::int32_t, 1> counts;
    index n;
    BOXGRAD_FN void operator()(index i) const { counts(i < 0 || i >= n ? 0 : i + 1) += 1; }
};

/// to = from + 1 for `count` elements from `start`, `pitch` apart; tells where a mask is wrong.
template <class V>
struct copy_lanes {
    using T = scalar_t<V>;
    view<const T, 1> from;
    view<T, 1> to;
    view<std::int32_t, 1> bad;
    index start;
    int pitch;
    int count;

    BOXGRAD_FN void operator()(index) const {
        const V x = load<V>(&from(start), from.stride[0] * pitch, count);
        store(x + V(T(1)), &to(start), to.stride[0] * pitch, count);
        bad(count - 1) = lane_bits(first_lanes<V>(count)) == (1 << count) - 1 ? 0 : 1;
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::testing::detail
