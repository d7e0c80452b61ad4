// SPDX-License-Identifier: Apache-2.0
//
// IoU of 76 725 x 30 boxes, float, one thread: the matrix, and the best truth of each box without a matrix.
// `stream_write` fills as many bytes as the matrix takes. The peer is torchvision's box_iou on one thread,
// benchmarks/peers/boxes.py. Medians of one run:
//     boxgrad_benchmarks --benchmark_filter=pairwise --benchmark_repetitions=21
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

#include <random>

namespace {

using boxgrad::extents;
using boxgrad::index;

constexpr index priors = 76725, truths = 30;

template <class B>
auto boxes(const B& b, index n, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> place(0, 800);
    std::uniform_real_distribution<float> size(16, 256);
    std::vector<float> v;
    for (index i = 0; i < n; ++i) {
        const float x = place(random);
        const float y = place(random);
        v.insert(v.end(), {x, y, x + size(random), y + size(random)});
    }
    return boxgrad::from_host(b, extents<2>{{n, 4}}, v.data());
}

template <class B, class O>
void matrix(benchmark::State& state) {
    const B b;
    const auto p = boxes(b, priors, 1);
    const auto t = boxes(b, truths, 2);
    auto out = b.template make<float, 2>(extents<2>{{priors, truths}});
    for (auto _ : state) {
        boxgrad::overlap::pairwise(b, O{}, p, t, out);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * priors * truths);
}

/// The best truth of each box and its overlap.
struct best_truth {
    boxgrad::view<float, 1> overlap, truth;

    template <class Row>
    BOXGRAD_FN void operator()(index i, int count, const Row& row) const {
        auto best = row(0);
        decltype(best) which(0.0F);
        for (index j = 1; j < row.size(); ++j) {
            const auto o = row(j);
            which = boxgrad::select(best < o, decltype(best)(static_cast<float>(j)), which);
            best = boxgrad::max(best, o);
        }
        boxgrad::store(best, &overlap(i), 1, count);
        boxgrad::store(which, &truth(i), 1, count);
    }
};

template <class B>
void best(benchmark::State& state) {
    const B b;
    const auto p = boxes(b, priors, 1);
    const auto t = boxes(b, truths, 2);
    std::vector<float> overlap(priors);
    std::vector<float> truth(priors);
    const best_truth consumer{{overlap.data(), {{priors}}}, {truth.data(), {{priors}}}};
    for (auto _ : state) {
        boxgrad::overlap::stream(b, boxgrad::overlap::iou{}, p, t, consumer);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * priors * truths);
}

void stream_write(benchmark::State& state) {
    std::vector<float> to(priors * truths);
    float x = 0;
    for (auto _ : state) {
        std::fill(to.begin(), to.end(), x);
        x += 1;
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * priors * truths);
}

const bool added = [] {
    const auto add = [](const char* name, void (*f)(benchmark::State&)) {
        benchmark::RegisterBenchmark((std::string("pairwise/") + name).c_str(), f)->Unit(benchmark::kMicrosecond);
    };
    add("stream_write", stream_write);
    add("iou/memory", matrix<boxgrad::memory<float>, boxgrad::overlap::iou>);
    add("giou/memory", matrix<boxgrad::memory<float>, boxgrad::overlap::giou>);
    add("ciou/memory", matrix<boxgrad::memory<float>, boxgrad::overlap::ciou>);
    add("best_truth/memory", best<boxgrad::memory<float>>);
#if BOXGRAD_BENCHMARK_EIGEN
    add("iou/eigen", matrix<boxgrad::eigen<float>, boxgrad::overlap::iou>);
    add("iou/eigen_row", matrix<boxgrad::eigen<float, Eigen::RowMajor>, boxgrad::overlap::iou>);
    add("best_truth/eigen", best<boxgrad::eigen<float>>);
#endif
#if BOXGRAD_BENCHMARK_XTENSOR
    add("iou/xtensor", matrix<boxgrad::xtensor<float>, boxgrad::overlap::iou>);
#endif
    return true;
}();

}  // namespace
