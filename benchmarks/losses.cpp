// SPDX-License-Identifier: Apache-2.0
//
// Losses with their gradients, written into the caller's tensor, float, one thread, on the inputs of
// benchmarks/peers/losses.py, which runs PyTorch and torchvision forward and backward: both hash indices in arithmetic
// that is exact, so that the inputs are the same to the bit. Labels tell the loss and the sum of its gradient's
// magnitudes. Each `stream` copies memory, reading and writing together as many bytes as the loss above it reads
// and writes at least: predictions, targets and gradient, each once. Medians of one run:
//     boxgrad_benchmarks --benchmark_filter=losses --benchmark_repetitions=21
//         --benchmark_enable_random_interleaving=true --benchmark_report_aggregates_only=true

#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/cross_entropy.hpp>
#include <boxgrad/loss/distribution_focal.hpp>
#include <boxgrad/loss/giou.hpp>
#include <boxgrad/loss/overlap_loss.hpp>
#include <boxgrad/loss/sigmoid_focal.hpp>
#include <boxgrad/loss/smooth_l1.hpp>
#include <boxgrad/overlap/diou.hpp>

#include <benchmark/benchmark.h>

#include <cmath>

namespace {

using boxgrad::extents;
using boxgrad::index;
using boxgrad::shaped;
namespace loss = boxgrad::loss;
namespace reduction = boxgrad::reduction;

using numbers = shaped<float, 2>;
/// As torchvision has it.
using ciou = boxgrad::overlap::basic_ciou<boxgrad::overlap::alpha_rule::plain>;
const boxgrad::memory<float> backend;

// Inputs: every number is exact in double, then rounded to float once.

/// splitmix64 of an index: numbers in [0, 1), multiples of 2^-24.
struct hashed {
    std::uint64_t stream, next = 0;

    explicit hashed(std::uint64_t which) : stream(which << 40) {}
    double operator()() {
        std::uint64_t z = (stream + next++ + 1) * 0x9E3779B97F4A7C15U;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
        z ^= z >> 31;
        return static_cast<double>(z >> 40) * 0x1p-24;
    }
};

/// Mostly negative, as a detector's are: from -8 to 4.
numbers logits(index n, index c) {
    numbers x(extents<2>{{n, c}});
    hashed u(1);
    for (float& v : x.data) v = static_cast<float>(12 * u() - 8);
    return x;
}
/// Labels below c · `spread`; all from c on become c, background.
std::vector<std::int64_t> labels(index n, index c, index spread) {
    std::vector<std::int64_t> y(static_cast<std::size_t>(n));
    hashed u(2);
    for (auto& l : y) l = std::min(c, static_cast<index>(u() * static_cast<double>(c * spread)));
    return y;
}
numbers one_hot(const std::vector<std::int64_t>& y, index c) {
    numbers t(extents<2>{{static_cast<index>(y.size()), c}});
    std::fill(t.data.begin(), t.data.end(), 0.0F);
    for (index i = 0; i < t.shape[0]; ++i) {
        const auto l = y[static_cast<std::size_t>(i)];
        if (l < c) t(i, l) = 1;
    }
    return t;
}

/// Boxes in a picture of 640 x 640 with sides of 16 to 256 pixels, and predictions moved by up to 5/4 of them: a third
/// is disjoint.
struct pairs {
    numbers prediction, target;

    explicit pairs(index n) : prediction(extents<2>{{n, 4}}), target(prediction.shape) {
        hashed u(3);
        for (index i = 0; i < n; ++i) {
            for (index axis = 0; axis < 2; ++axis) {
                const double side = std::floor((16 + 240 * u()) * 16) / 16;
                const double low = std::floor(u() * (640 - side) * 1024) / 1024;
                const double moved = 2.5 * side * (u() - 0.5);
                target(i, axis) = static_cast<float>(low);
                target(i, axis + 2) = static_cast<float>(low + side);
                prediction(i, axis) = static_cast<float>(low + moved);
                prediction(i, axis + 2) = static_cast<float>(low + moved + side * (0.75 + 0.5 * u()));
            }
        }
    }
};

// Measuring.

template <class Term, class Red, class Y>
void measure(benchmark::State& state, const Term& term, const Red& red, const numbers& x, const Y& y) {
    numbers gradient(x.shape);
    float value = 0;
    for (auto _ : state) {
        value = value_and_gradient_into(backend, term, red, x, y, gradient);
        benchmark::DoNotOptimize(value);
        benchmark::ClobberMemory();
    }
    double magnitude = 0;
    for (const float g : gradient.data) magnitude += std::abs(static_cast<double>(g));
    state.SetLabel("loss " + std::to_string(value) + ", gradient " + std::to_string(magnitude));
}

/// Reads and writes `size` floats together.
void stream(benchmark::State& state, index size) {
    const std::vector<float> from(static_cast<std::size_t>(size / 2), 1.0F);
    std::vector<float> to(from.size());
    for (auto _ : state) {
        std::copy(from.begin(), from.end(), to.begin());
        benchmark::DoNotOptimize(to.data());
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(2 * from.size() * sizeof(float)));
}

constexpr index cells = 67200, classes = 80;

/// A dense head: 8 pictures of 8400 cells, one cell of 40 with a class.
template <class Term>
void dense(benchmark::State& state, const Term& term) {
    static const numbers x = logits(cells, classes);
    static const numbers t = one_hot(labels(cells, classes, 40), classes);
    measure(state, term, reduction::mean_over{cells / 40}, x, t);
}
void focal_labels(benchmark::State& state) {
    static const numbers x = logits(cells, classes);
    static const auto y = labels(cells, classes, 40);
    measure(state, loss::sigmoid_focal{}, reduction::mean_over{cells / 40}, x, y);
}
template <index Rows, index Columns>
void softmax(benchmark::State& state) {
    static const numbers x = logits(Rows, Columns);
    static const auto y = labels(Rows, Columns, 1);
    measure(state, loss::cross_entropy{}, reduction::mean{}, x, y);
}
/// Distances up to 16 cells, of which a corner is predicted as a distribution.
void distribution_focal(benchmark::State& state) {
    static const numbers x = logits(cells, 17);
    static const auto distances = [] {
        shaped<float, 1> d(extents<1>{{cells}});
        hashed u(4);
        for (float& v : d.data) v = static_cast<float>(15.9375 * u());
        return d;
    }();
    measure(state, loss::distribution_focal{}, reduction::mean{}, x, distances);
}
template <class Term>
void of_boxes(benchmark::State& state, const Term& term) {
    static const pairs p(672000);
    measure(state, term, reduction::mean{}, p.prediction, p.target);
}

const bool added = [] {
    const auto add = [](const char* name, const auto& f) {
        benchmark::RegisterBenchmark((std::string("losses/") + name).c_str(), f)->Unit(benchmark::kMillisecond);
    };
    const auto add_stream = [&](const char* name, index size) {
        add(name, [=](benchmark::State& s) { stream(s, size); });
    };
    add("focal_67200x80", [](benchmark::State& s) { dense(s, loss::sigmoid_focal{}); });
    add("bce_67200x80", [](benchmark::State& s) { dense(s, loss::bce{}); });
    add_stream("stream_67200x80_dense", 3 * cells * classes);
    add("focal_labels_67200x80", focal_labels);
    add_stream("stream_67200x80_labels", (2 * classes + 2) * cells);
    add("cross_entropy_512x1204", softmax<512, 1204>);
    add_stream("stream_512x1204", 512 * (2 * 1204 + 2));
    add("cross_entropy_67200x81", softmax<cells, 81>);
    add_stream("stream_67200x81", cells * (2 * 81 + 2));
    add("distribution_focal_67200x17", distribution_focal);
    add_stream("stream_67200x17", cells * (2 * 17 + 1));
    add("giou_672000", [](benchmark::State& s) { of_boxes(s, loss::giou{}); });
    add("ciou_672000", [](benchmark::State& s) { of_boxes(s, loss::overlap_loss<ciou>{}); });
    add("smooth_l1_672000x4", [](benchmark::State& s) { of_boxes(s, loss::smooth_l1{}); });
    add_stream("stream_672000x4", 3 * 4 * 672000);
    return true;
}();

}  // namespace
