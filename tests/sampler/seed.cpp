// SPDX-License-Identifier: Apache-2.0
//
// P24: the generator is the published one, its numbers depend on seed, image, purpose and prior alone, and what
// is drawn by them is uniform.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/sampler/random.hpp>

#include <map>
#include <set>

namespace {

using boxgrad::philox4x32;
using boxgrad::philox_block;
using boxgrad::sampler::seed;

/// Sum of (observed - expected)^2 / expected, all outcomes being as likely.
template <class Key>
double chi_square(const std::map<Key, int>& seen, std::size_t outcomes, double draws) {
    const double expected = draws / static_cast<double>(outcomes);
    double sum = static_cast<double>(outcomes - seen.size()) * expected;
    for (const auto& [key, n] : seen) sum += (n - expected) * (n - expected) / expected;
    return sum;
}

}  // namespace

TEST_CASE("philox4x32 gives the vectors of Random123", "[sampler][promise]") {
    static_assert(philox4x32({}, 0) == philox_block{{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
    CHECK(philox4x32({{~0U, ~0U, ~0U, ~0U}}, ~std::uint64_t{0}) ==
          philox_block{{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
    CHECK(philox4x32({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0x299f31d0a4093822) ==
          philox_block{{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
    // The 10000th number of C++26's std::philox4x32 with its default seed.
    CHECK(philox4x32({{2499}}, 20111115).word[3] == 1955073260);
}

TEST_CASE("A seed's bits are a function of value, image, purpose and item", "[sampler]") {
    const seed s{0x123456789abcdef0, 7};
    CHECK(s.bits(5, 2) == philox4x32({{5, 2U << 24, 7, 0}}, 0x123456789abcdef0).low());
    CHECK(s.bits(boxgrad::index{3} << 32, 0) == philox4x32({{0, 3, 7, 0}}, 0x123456789abcdef0).low());
    CHECK(s.of_image(2).bits(5, 2) == seed{s.value, 9}.bits(5, 2));
    CHECK(seed{1, std::uint64_t{1} << 32}.bits(0, 0) == philox4x32({{0, 0, 0, 1}}, 1).low());
    std::set<std::uint64_t> all;
    for (std::uint64_t value = 0; value < 4; ++value) {
        for (boxgrad::index image = 0; image < 4; ++image) {
            for (std::uint8_t purpose = 0; purpose < 8; ++purpose) {
                for (boxgrad::index item = 0; item < 64; ++item)
                    all.insert(seed{value}.of_image(image).bits(item, purpose));
            }
        }
    }
    CHECK(all.size() == 4 * 4 * 8 * 64);
}

TEST_CASE("least takes the least, of equal ones the lower row, and all where there are not more", "[sampler]") {
    const std::vector<boxgrad::index> pool{2, 3, 5, 7, 11};
    const auto taken = [&](boxgrad::index n, auto key) {
        auto v = boxgrad::sampler::least(pool, n, key);
        std::sort(v.begin(), v.end());
        return v;
    };
    CHECK(taken(2, [](boxgrad::index i) { return -i; }) == std::vector<boxgrad::index>{7, 11});
    CHECK(taken(3, [](boxgrad::index) { return 0; }) == std::vector<boxgrad::index>{2, 3, 5});
    CHECK(taken(0, [](boxgrad::index i) { return i; }).empty());
    CHECK(taken(-4, [](boxgrad::index i) { return i; }).empty());
    CHECK(taken(5, [](boxgrad::index i) { return i; }) == pool);
    CHECK(taken(99, [](boxgrad::index i) { return i; }) == pool);
    CHECK(boxgrad::sampler::without(pool, {11, 3}) == std::vector<boxgrad::index>{2, 5, 7});
}

TEST_CASE("100 000 draws of 3 of 7 positives: all 35 subsets alike, p > 1e-6", "[sampler][promise]") {
    const boxgrad::memory<float> b;
    const std::vector<std::int32_t> truth{0, -1, 0, 1, 0, 0, -2, 1, 1};
    const auto t = boxgrad::from_host(b, boxgrad::extents<2>{{1, 9}}, truth.data());
    const boxgrad::assigner::result<boxgrad::memory<float>> a{
        t, test::rows(b, 9, {0, 0, 0, 0, 0, 0, 0, 0, 0}), {7}, {4, 3}};
    const boxgrad::sampler::random s{.num = 4, .pos_fraction = 0.75};
    std::map<std::vector<std::int32_t>, int> seen;
    for (std::uint64_t i = 0; i < 100000; ++i) ++seen[test::to_host<2>(b, s.subsample(b, a, {3, i}))];
    CHECK(chi_square(seen, 35, 1e5) < 88.9);  // 34 degrees of freedom
    for (const auto& [picks, n] : seen) {
        CHECK(std::count_if(picks.begin(), picks.end(), [](std::int32_t g) { return g >= 0; }) == 3);
        CHECK(std::count(picks.begin(), picks.end(), -1) == 1);
    }
}

TEST_CASE("Positives, negatives, images and seeds are drawn independently", "[sampler][promise]") {
    const boxgrad::memory<float> b;
    const std::vector<std::int32_t> truth{0, 0, 0, 0, -1, -1, -1, -1, 0, 0, 0, 0, -1, -1, -1, -1};
    const auto t = boxgrad::from_host(b, boxgrad::extents<2>{{2, 8}}, truth.data());
    const auto o = boxgrad::from_host(b, boxgrad::extents<2>{{2, 8}}, std::vector<float>(16).data());
    const boxgrad::assigner::result<boxgrad::memory<float>> a{t, o, {4, 4}, {4, 4}};
    const boxgrad::sampler::random s{.num = 2, .pos_fraction = 0.5};
    std::map<std::vector<std::int32_t>, int> by_value;
    std::map<std::vector<std::int32_t>, int> by_image;
    for (std::uint64_t i = 0; i < 100000; ++i) {
        ++by_value[test::to_host<2>(b, s.subsample(b, a, {i}))];
        ++by_image[test::to_host<2>(b, s.subsample(b, a, {5, 2 * i}))];
    }
    CHECK(chi_square(by_value, 256, 1e5) < 377);  // 255 degrees of freedom
    CHECK(chi_square(by_image, 256, 1e5) < 377);
}
