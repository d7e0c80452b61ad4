// SPDX-License-Identifier: Apache-2.0
//
// Anchors of RetinaNet for a picture of 800 x 1344 (five levels, nine anchors a cell: 201 600), float, one
// thread: the grid, and delta decoding against a stored grid and against anchors computed on the way.
// `stream_write` fills as many bytes as those boxes take, `stream_copy` copies them. All of them go round
// tensors that together pass the caches, as those of a training step do. Medians of one run:
//     boxgrad_benchmarks --benchmark_filter=anchors --benchmark_repetitions=21
//         --benchmark_enable_random_interleaving=true --benchmark_report_aggregates_only=true

#include <boxgrad/backend/memory.hpp>
#include <boxgrad/boxgrad.hpp>
#if BOXGRAD_BENCHMARK_EIGEN
#include <boxgrad/backend/eigen.hpp>
#endif
#if BOXGRAD_BENCHMARK_XTENSOR
#include <boxgrad/backend/xtensor.hpp>
#endif

#include <benchmark/benchmark.h>

#include <cstring>
#include <random>

namespace {

using boxgrad::extents;
using boxgrad::index;
namespace prior = boxgrad::prior;

const prior::anchor_generator retina{
    .strides = {8, 16, 32, 64, 128}, .ratios = {0.5, 1, 2}, .octave_base_scale = 4, .scales_per_octave = 3};
const boxgrad::per_level<boxgrad::featmap_size> sizes{{100, 168}, {50, 84}, {25, 42}, {13, 21}, {7, 11}};
constexpr index anchors = 9 * (100 * 168 + 50 * 84 + 25 * 42 + 13 * 21 + 7 * 11);

/// A tensor [N, 4] and its part for each level.
template <class B>
struct rows {
    using T = typename B::scalar;
    boxgrad::tensor_t<B, T, 2> all;
    std::vector<boxgrad::view<T, 2>> level;

    rows(rows&&) = default;
    explicit rows(const B& b) : all(b.template make<T, 2>(extents<2>{{anchors, 4}})) {
        auto v = b.look(all);
        for (const auto& s : sizes) {
            v.extent[0] = 9 * s.cells();
            level.push_back(v);
            v.data += v.extent[0] * v.stride[0];
        }
    }
    void fill(const B& b, float mean, float spread) {
        std::mt19937 random(1);
        std::normal_distribution<float> normal(mean, spread);
        const auto v = b.look(all);
        for (index i = 0; i < anchors; ++i) {
            for (index c = 0; c < 4; ++c) v(i, c) = normal(random);
        }
    }
};

void count(benchmark::State& state) {
    state.SetBytesProcessed(state.iterations() * anchors * index{16});
    state.SetItemsProcessed(state.iterations() * anchors);
}

/// As many tensors as pass the caches, taken in turns.
template <class X>
struct ring {
    std::vector<X> all;
    std::size_t turn = 0;

    template <class F>
    explicit ring(const F& make) {
        for (int i = 0; i < 24; ++i) all.push_back(make());
    }
    X& next() { return all[turn++ % all.size()]; }
};

template <class B>
void grid(benchmark::State& state) {
    const B b;
    ring<rows<B>> outs([&] { return rows<B>(b); });
    for (auto _ : state) {
        auto& out = outs.next();
        for (int l = 0; l < 5; ++l) prior::fill(b, retina, out.level[static_cast<std::size_t>(l)], sizes[l], l);
        benchmark::ClobberMemory();
    }
    count(state);
}

template <class B, bool Stored>
void decode(benchmark::State& state) {
    const B b;
    ring<rows<B>> outs([&] { return rows<B>(b); });
    ring<rows<B>> all_priors([&] {
        rows<B> r(b);
        for (int l = 0; l < 5; ++l) prior::fill(b, retina, r.level[static_cast<std::size_t>(l)], sizes[l], l);
        return r;
    });
    ring<rows<B>> all_codes([&] {
        rows<B> r(b);
        r.fill(b, 0, 1);
        return r;
    });
    std::vector<prior::anchor_grid<float>> grids;
    for (int l = 0; l < 5; ++l) grids.push_back(retina.grid<float>(l, sizes[l]));
    const boxgrad::coder::delta_xywh coder;
    for (auto _ : state) {
        auto& out = outs.next();
        auto& priors = all_priors.next();
        auto& codes = all_codes.next();
        for (std::size_t l = 0; l < 5; ++l) {
            if constexpr (Stored) {
                boxgrad::coder::decode_into(b, coder, priors.level[l], codes.level[l], out.level[l], {800, 1344});
            } else {
                boxgrad::coder::decode_into(b, coder, grids[l], codes.level[l], out.level[l], {800, 1344});
            }
        }
        benchmark::ClobberMemory();
    }
    count(state);
}

void stream_write(benchmark::State& state) {
    ring<std::vector<float>> tos([] { return std::vector<float>(static_cast<std::size_t>(anchors) * 4); });
    float x = 0;
    for (auto _ : state) {
        auto& to = tos.next();
        std::fill(to.begin(), to.end(), x);
        x += 1;
        benchmark::ClobberMemory();
    }
    count(state);
}

void stream_copy(benchmark::State& state) {
    ring<std::vector<float>> tos([] { return std::vector<float>(static_cast<std::size_t>(anchors) * 4); });
    ring<std::vector<float>> froms([] { return std::vector<float>(static_cast<std::size_t>(anchors) * 4, 1.0F); });
    for (auto _ : state) {
        auto& to = tos.next();
        const auto& from = froms.next();
        std::memcpy(to.data(), from.data(), to.size() * sizeof(float));
        benchmark::ClobberMemory();
    }
    count(state);
}

const bool added = [] {
    const auto add = [](const char* name, void (*f)(benchmark::State&)) {
        benchmark::RegisterBenchmark((std::string("anchors/") + name).c_str(), f)->Unit(benchmark::kMicrosecond);
    };
    add("stream_write", stream_write);
    add("stream_copy", stream_copy);
    add("grid/memory", grid<boxgrad::memory<float>>);
    add("decode/memory", decode<boxgrad::memory<float>, true>);
    add("decode_on_the_way/memory", decode<boxgrad::memory<float>, false>);
#if BOXGRAD_BENCHMARK_EIGEN
    add("grid/eigen", grid<boxgrad::eigen<float>>);
    add("decode/eigen", decode<boxgrad::eigen<float>, true>);
    add("decode_on_the_way/eigen", decode<boxgrad::eigen<float>, false>);
#endif
#if BOXGRAD_BENCHMARK_XTENSOR
    add("grid/xtensor", grid<boxgrad::xtensor<float>>);
    add("decode/xtensor", decode<boxgrad::xtensor<float>, true>);
#endif
    return true;
}();

}  // namespace
