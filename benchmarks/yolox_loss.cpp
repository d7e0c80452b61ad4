// SPDX-License-Identifier: Apache-2.0
//
// The YOLOX loss with its gradient: batch 8, 640 x 640, 80 classes, 10 truths an image, float, one
// thread, gradients into the caller's tensors. Storage differs, work does not. `stream_copy` copies as
// many bytes as the head's outputs take, which is what the loss writes at least; `bytes` counts the
// class scores that are read, all other outputs, and the gradients.
//
// Storages are measured in turns, so that the ratios hold when the machine's speed drifts:
//     boxgrad_benchmarks --benchmark_filter=yolox --benchmark_repetitions=21
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
using boxgrad::truth_list;

constexpr boxgrad::index images = 8, classes = 80, size = 640, priors = 8400;
constexpr int truths_per_image = 10;

/// The same head and truths for every storage: scores of a network that has learned a little.
template <class B>
struct scene {
    using T = typename B::scalar;
    using levels = std::vector<boxgrad::tensor_t<B, T, 4>>;

    B backend;
    levels class_scores, boxes, objectness;
    truth_list<T> truths;

    scene() {
        std::mt19937 random(1);
        std::normal_distribution<float> normal;
        std::uniform_real_distribution<float> uniform;
        const auto level = [&](levels& to, boxgrad::index channels, boxgrad::index cells, float mean, float spread) {
            const extents<4> e{{images, channels, cells, cells}};
            std::vector<T> values(static_cast<std::size_t>(e.size()));
            for (T& v : values) v = mean + spread * normal(random);
            to.push_back(boxgrad::from_host(backend, e, values.data()));
        };
        for (const boxgrad::index cells : {size / 8, size / 16, size / 32}) {
            level(class_scores, classes, cells, -4, 1);
            level(boxes, 4, cells, 0.5F, 0.5F);
            level(objectness, 1, cells, -4, 1);
        }
        for (boxgrad::index b = 0; b < images; ++b) {
            std::vector<std::array<T, 4>> rows;
            std::vector<int> labels;
            for (int g = 0; g < truths_per_image; ++g) {
                const float w = 16 + 200 * uniform(random);
                const float h = 16 + 200 * uniform(random);
                const float x = uniform(random) * (size - w);
                const float y = uniform(random) * (size - h);
                rows.push_back({x, y, x + w, y + h});
                labels.push_back(static_cast<int>(uniform(random) * classes));
            }
            truths.add_image(rows, labels);
        }
    }
};

template <class B, class Recipe, class L1>
void yolox_loss(benchmark::State& state) {
    scene<B> s;
    const boxgrad::yolox_loss<Recipe, typename Recipe::box, L1> loss{.classes = classes};
    const boxgrad::yolox_head head(s.class_scores, s.boxes, s.objectness);
    auto g = loss.make_gradient(s.backend, head);
    const boxgrad::yolox_head gradient(g.classes, g.boxes, g.objectness);
    boxgrad::index positives = 0;
    for (auto _ : state) {
        const auto r = loss.value_and_gradient_into(s.backend, head, s.truths, gradient);
        positives = r.value.positives;
        benchmark::DoNotOptimize(r.value.total);
        benchmark::ClobberMemory();
    }
    constexpr auto elements = images * priors * (2 * (classes + 5));
    state.SetBytesProcessed(state.iterations() * elements * static_cast<std::int64_t>(sizeof(typename B::scalar)));
    state.counters["positives"] = static_cast<double>(positives);
}

void stream_copy(benchmark::State& state) {
    const std::vector<float> from(static_cast<std::size_t>(images * priors * (classes + 5)), 1.0F);
    std::vector<float> to(from.size());
    for (auto _ : state) {
        std::copy(from.begin(), from.end(), to.begin());
        benchmark::DoNotOptimize(to.data());
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(2 * from.size() * sizeof(float)));
}

using mmdetection = boxgrad::recipe::mmdetection;
using none = boxgrad::loss::none;
using l1 = boxgrad::loss::l1;

BENCHMARK(stream_copy)->Name("yolox/stream_copy")->Unit(benchmark::kMillisecond);
BENCHMARK(yolox_loss<boxgrad::memory<float>, mmdetection, none>)->Name("yolox/memory")->Unit(benchmark::kMillisecond);
#if BOXGRAD_BENCHMARK_EIGEN
BENCHMARK(yolox_loss<boxgrad::eigen<float, Eigen::RowMajor>, mmdetection, none>)
    ->Name("yolox/eigen_row_major")
    ->Unit(benchmark::kMillisecond);
BENCHMARK(yolox_loss<boxgrad::eigen<float>, mmdetection, none>)
    ->Name("yolox/eigen_column_major")
    ->Unit(benchmark::kMillisecond);
#endif
#if BOXGRAD_BENCHMARK_XTENSOR
BENCHMARK(yolox_loss<boxgrad::xtensor<float>, mmdetection, none>)->Name("yolox/xtensor")->Unit(benchmark::kMillisecond);
#endif
BENCHMARK(yolox_loss<boxgrad::memory<float>, mmdetection, l1>)->Name("yolox/memory_l1")->Unit(benchmark::kMillisecond);
BENCHMARK(yolox_loss<boxgrad::memory<float>, boxgrad::recipe::megvii, none>)
    ->Name("yolox/memory_megvii")
    ->Unit(benchmark::kMillisecond);
BENCHMARK(yolox_loss<boxgrad::memory<double>, mmdetection, none>)
    ->Name("yolox/memory_double")
    ->Unit(benchmark::kMillisecond);

}  // namespace
