// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Random numbers without a state: a function of a key and a counter, so that any number can be had at
/// once, in any order, on any thread or device, and is the same on all of them (promise P24).

#include <boxgrad/core/config.hpp>

namespace boxgrad::inline BOXGRAD_ABI {

/// 128 bits: a counter, or what Philox makes of it. The lowest word comes first.
struct philox_block {
    std::uint32_t word[4]{};

    BOXGRAD_FN constexpr std::uint64_t low() const { return word[0] | std::uint64_t{word[1]} << 32; }
    BOXGRAD_FN constexpr std::uint64_t high() const { return word[2] | std::uint64_t{word[3]} << 32; }
    friend constexpr bool operator==(const philox_block&, const philox_block&) = default;
};

/// Philox4x32-10: ten rounds of two multiplications 32 x 32 -> 64 bits, a bijection of the counter for
/// every key. Blocks of different counters or keys are independent for all that BigCrush can tell.
///
/// Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011, section 3.3. Block n of the engine
/// std::philox4x32 of C++26, seeded with s, is philox4x32({n}, s).
BOXGRAD_FN constexpr philox_block philox4x32(philox_block counter, std::uint64_t key) {
    constexpr std::uint64_t m0 = 0xD2511F53;  // the multipliers
    constexpr std::uint64_t m1 = 0xCD9E8D57;
    constexpr std::uint32_t w0 = 0x9E3779B9;  // what a round adds to the key: the golden ratio, sqrt(3) - 1
    constexpr std::uint32_t w1 = 0xBB67AE85;
    auto k0 = static_cast<std::uint32_t>(key);
    auto k1 = static_cast<std::uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round, k0 += w0, k1 += w1) {
        const auto& c = counter.word;
        const std::uint64_t p0 = m0 * c[0];
        const std::uint64_t p1 = m1 * c[2];
        counter = {{static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
                    static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)}};
    }
    return counter;
}

}  // namespace boxgrad::inline BOXGRAD_ABI
