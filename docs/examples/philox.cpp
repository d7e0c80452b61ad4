// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/sampler/seed.hpp>

#include <cstdio>

int main() {
    const boxgrad::philox_block block = boxgrad::philox4x32({{0, 0, 0, 0}}, 0);
    std::printf("%08x %08x %08x %08x\n", block.word[0], block.word[1], block.word[2], block.word[3]);

    // Prior 5 of the third image of a call that starts at image 96, for purpose 1.
    const boxgrad::sampler::seed seed{.value = 42, .image = 96};
    const auto bits = seed.of_image(2).bits(5, 1);
    std::printf("%d\n", bits == boxgrad::philox4x32({{5, 1U << 24, 98, 0}}, 42).low());

    const auto taken = boxgrad::sampler::least({10, 11, 12, 13}, 2, [](boxgrad::index row) { return row % 3; });
    std::printf("%td rows\n", std::ssize(taken));
}
