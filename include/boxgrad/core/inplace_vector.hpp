// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/error.hpp>

#include <initializer_list>

namespace boxgrad::inline BOXGRAD_ABI {

/// A list of at most N values without an allocation: parameters that live in constant expressions,
/// registers and kernel arguments. One more throws config_error.
template <class T, int N>
struct inplace_vector {
    T at[static_cast<std::size_t>(N)]{};
    int count = 0;

    constexpr inplace_vector() = default;
    constexpr inplace_vector(std::initializer_list<T> values) {
        for (const T& v : values) push_back(v);
    }
    constexpr void push_back(const T& v) {
        if (count == N) raise(config_error("a list of parameters has more than " + std::to_string(N) + " values"));
        at[count++] = v;
    }
    BOXGRAD_FN constexpr const T& operator[](int i) const { return at[i]; }
    BOXGRAD_FN constexpr T& operator[](int i) { return at[i]; }
    BOXGRAD_FN constexpr int size() const { return count; }
    BOXGRAD_FN constexpr bool empty() const { return count == 0; }
    BOXGRAD_FN constexpr const T* begin() const { return at; }
    BOXGRAD_FN constexpr const T* end() const { return at + count; }
};

/// Ratios, scales, sizes: up to 16 numbers.
using numbers = inplace_vector<double, 16>;

}  // namespace boxgrad::inline BOXGRAD_ABI
