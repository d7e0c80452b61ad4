// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/philox.hpp>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace boxgrad::inline BOXGRAD_ABI::sampler {

/// Where a sampler's random numbers come from. There is no state: the same seed gives the same picks on
/// every backend and platform. Image i of a call draws as number image + i, so a batch may be split, or
/// reordered, without changing a pick: let `image` count the images of a training run, or give each
/// step a value of its own.
struct seed {
    std::uint64_t value = 0;  ///< the key of Philox4x32-10
    std::uint64_t image = 0;  ///< number of the call's first image

    constexpr seed of_image(index i) const { return {value, image + static_cast<std::uint64_t>(i)}; }
    /// 64 random bits for an item below 2^56: counter = (item, purpose in the uppermost byte; image).
    constexpr std::uint64_t bits(index item, std::uint8_t purpose) const {
        const auto i = static_cast<std::uint64_t>(item) | std::uint64_t{purpose} << 56;
        return philox4x32({{static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32),
                            static_cast<std::uint32_t>(image), static_cast<std::uint32_t>(image >> 32)}},
                          value)
            .low();
    }
};

/// The n of a pool with the least key(row), in any order; of equal keys the lower row first. All where n
/// is not smaller than the pool. O(pool) time, O(n) memory.
template <class Key>
std::vector<index> least(const std::vector<index>& pool, index n, const Key& key) {
    if (n >= static_cast<index>(pool.size())) return pool;
    if (n <= 0) return {};
    // At most 2n are held: when there are as many, the farther half goes.
    std::vector<std::pair<decltype(key(index{})), index>> keyed;
    keyed.reserve(2 * static_cast<std::size_t>(n));
    const auto worst = static_cast<std::size_t>(n - 1);
    const auto keep_least = [&] {
        std::nth_element(keyed.begin(), keyed.begin() + (n - 1), keyed.end());
        keyed.resize(worst + 1);
    };
    bool bounded = false;
    for (const index row : pool) {
        const std::pair entry(key(row), row);
        if (bounded && !(entry < keyed[worst])) continue;
        keyed.push_back(entry);
        if (static_cast<index>(keyed.size()) < 2 * n) continue;
        keep_least();
        bounded = true;
    }
    keep_least();
    std::vector<index> taken;
    for (index i = 0; i < n; ++i) taken.push_back(keyed[static_cast<std::size_t>(i)].second);
    return taken;
}

/// The rows of an ascending pool that are not among `taken`, ascending.
inline std::vector<index> without(const std::vector<index>& pool, std::vector<index> taken) {
    std::sort(taken.begin(), taken.end());
    std::vector<index> rest;
    std::set_difference(pool.begin(), pool.end(), taken.begin(), taken.end(), std::back_inserter(rest));
    return rest;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::sampler
