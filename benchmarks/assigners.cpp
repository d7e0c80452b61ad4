// SPDX-License-Identifier: Apache-2.0
//
// Assigners, float, one thread, on the inputs of benchmarks/peers/assigners.py, which runs mmdetection's modules and
// SciPy: both hash indices in arithmetic that is exact, so that the inputs are the same to the bit. Labels tell
// what was assigned: positives, the sum of their truths' rows, the sum of their priors. `MB` counts all that is asked
// of the backend, results included; `scratch_MB` leaves the results out. Medians of one run:
//     boxgrad_benchmarks --benchmark_filter=assigners --benchmark_repetitions=15
//         --benchmark_enable_random_interleaving=true --benchmark_report_aggregates_only=true

#include <boxgrad/assigner/atss.hpp>
#include <boxgrad/assigner/dynamic_soft_label.hpp>
#include <boxgrad/assigner/hungarian.hpp>
#include <boxgrad/assigner/linear_assignment.hpp>
#include <boxgrad/assigner/max_iou.hpp>
#include <boxgrad/assigner/sim_ota.hpp>
#include <boxgrad/assigner/task_aligned.hpp>
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/prior/anchor_generator.hpp>
#include <boxgrad/prior/mlvl_point_generator.hpp>
#include <boxgrad/sampler/random.hpp>

#include <benchmark/benchmark.h>

#include <cmath>

namespace {

using boxgrad::extents;
using boxgrad::index;
using boxgrad::shaped;
using boxgrad::truth_list;
namespace assigner = boxgrad::assigner;
namespace prior = boxgrad::prior;

/// Plain memory that counts what is asked for.
struct counting : boxgrad::memory<float> {
    static inline index bytes = 0;

    template <class U, int R>
    static auto make(const extents<R>& e) {
        bytes += e.size() * static_cast<index>(sizeof(U));
        return memory<float>::make<U, R>(e);
    }
};
const counting backend;

// Inputs: every number is exact in double, then rounded to float once.

/// splitmix64 of an index: numbers in [0, 1), multiples of 2^-24.
struct hashed {
    std::uint64_t stream, next = 0;

    hashed(std::uint64_t which, index first) : stream(which << 40), next(static_cast<std::uint64_t>(first)) {}
    double operator()() {
        std::uint64_t z = (stream + next++ + 1) * 0x9E3779B97F4A7C15U;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
        z ^= z >> 31;
        return static_cast<double>(z >> 40) * 0x1p-24;
    }
};

/// A picture and its truths: sides of least to least + spread pixels.
struct picture {
    double width = 640, height = 640, least = 16, spread = 240;
    int classes = 80;
};

/// Boxes anywhere in the picture, sides multiples of 1/16, with labels.
void add_truths(truth_list<float>& to, index n, const picture& p, std::uint64_t stream = 1, index first = 0) {
    std::vector<std::array<float, 4>> rows;
    std::vector<int> labels;
    hashed u(stream, 5 * first);
    for (index i = 0; i < n; ++i) {
        const double w = std::floor((p.least + p.spread * u()) * 16) / 16;
        const double h = std::floor((p.least + p.spread * u()) * 16) / 16;
        const double x = std::floor(u() * (p.width - w) * 1024) / 1024;
        const double y = std::floor(u() * (p.height - h) * 1024) / 1024;
        const auto label = static_cast<int>(u() * p.classes);
        rows.push_back(
            {static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + w), static_cast<float>(y + h)});
        labels.push_back(label);
    }
    to.add_image(rows, labels);
}
truth_list<float> truths_of(index n, const picture& p = {}, std::uint64_t stream = 1) {
    truth_list<float> t;
    add_truths(t, n, p, stream);
    return t;
}

/// Truths of 128 images: 75 357 in total, 4967 at most.
truth_list<float> crowd() {
    truth_list<float> t;
    index left = 75357;
    for (index k = 0; k < 128; ++k) {
        const index n = k < 127 ? 4967 * 42 / (42 + 10 * k) : left;
        add_truths(t, n, {.least = 4, .spread = 60, .classes = 60}, 5, t.size());
        left -= n;
    }
    return t;
}

const boxgrad::per_level<boxgrad::featmap_size> square{{80, 80}, {40, 40}, {20, 20}, {10, 10}, {5, 5}};
const boxgrad::per_level<boxgrad::featmap_size> three{{80, 80}, {40, 40}, {20, 20}};
const boxgrad::per_level<boxgrad::featmap_size> rpn_levels{{200, 336}, {100, 168}, {50, 84}, {25, 42}, {13, 21}};

/// The priors of all levels, one after the other.
template <class G>
shaped<float, 2> priors_of(const G& generator, const boxgrad::per_level<boxgrad::featmap_size>& sizes) {
    std::vector<float> all;
    for (const auto& level : grid_priors(backend, generator, sizes)) {
        all.insert(all.end(), level.data.begin(), level.data.end());
    }
    return boxgrad::from_host(backend, extents<2>{{static_cast<index>(all.size()) / 4, 4}}, all.data());
}
/// x, y, stride, stride of the middle of every cell.
shaped<float, 2> points() {
    return priors_of(prior::with_strides{prior::mlvl_point_generator{.strides = {8, 16, 32}, .offset = 0.5}}, three);
}
/// A square of four strides about the middle of every cell.
shaped<float, 2> squares() {
    return priors_of(
        prior::anchor_generator{.strides = {8, 16, 32}, .ratios = {1}, .scales = {4}, .center_offset = 0.5}, three);
}

/// What a network that has learned a little predicts: near the smallest truth around the point, or at random.
shaped<float, 3> predictions(const shaped<float, 2>& at, const truth_list<float>& truths, std::uint64_t stream) {
    const index n = at.shape[0];
    shaped<float, 3> out(extents<3>{{truths.images(), n, 4}});
    hashed u(stream, 0);
    for (index b = 0; b < truths.images(); ++b) {
        const index first = truths.offsets[static_cast<std::size_t>(b)];
        const index last = truths.offsets[static_cast<std::size_t>(b) + 1];
        for (index i = 0; i < n; ++i) {
            const double x = at(i, 0);
            const double y = at(i, 1);
            const double s = at(i, 2);
            std::array<double, 4> smallest{};
            double least = 0;  // its area
            for (index g = first; g < last; ++g) {
                const auto& r = truths.boxes[static_cast<std::size_t>(g)];
                const std::array<double, 4> t{r[0], r[1], r[2], r[3]};
                const double area = (t[2] - t[0]) * (t[3] - t[1]);
                const bool inside = x > t[0] && x < t[2] && y > t[1] && y < t[3];
                if (!inside || (least > 0 && least <= area)) continue;
                smallest = t;
                least = area;
            }
            for (std::size_t c = 0; c < 4; ++c) {
                const double v = u() - 0.5;
                const double near = smallest[c] + 0.5 * v * (smallest[c % 2 + 2] - smallest[c % 2]);
                const double own = (c % 2 ? y : x) + (c < 2 ? -2 * s : 2 * s) + 2 * v * s;
                out(b, i, static_cast<index>(c)) = static_cast<float>(least > 0 ? near : own);
            }
        }
    }
    return out;
}
shaped<float, 3> probabilities(index images, index n, index classes, std::uint64_t stream) {
    shaped<float, 3> out(extents<3>{{images, n, classes}});
    hashed u(stream, 0);
    for (float& p : out.data) {
        const double x = u();
        p = static_cast<float>(x * x);
    }
    return out;
}
shaped<float, 3> logits(index images, index n, index classes, std::uint64_t stream) {
    shaped<float, 3> out(extents<3>{{images, n, classes}});
    hashed u(stream, 0);
    for (float& x : out.data) x = static_cast<float>(8 * u() - 8);
    return out;
}

// Measuring.

std::string label_of(index positives, index truths, index priors) {
    return "positives " + std::to_string(positives) + ", truths " + std::to_string(truths) + ", priors " +
           std::to_string(priors);
}
/// Positives, the sum of their truths' rows, the sum of their priors.
std::string checksum(const assigner::result<counting>& r) {
    index positives = 0;
    index truths = 0;
    index priors = 0;
    for (index b = 0; b < r.truth.shape[0]; ++b) {
        for (index i = 0; i < r.truth.shape[1]; ++i) {
            if (r.truth(b, i) < 0) continue;
            ++positives;
            truths += r.truth(b, i);
            priors += i;
        }
    }
    return label_of(positives, truths, priors);
}

/// Times f, which assigns.
template <class F>
void measure(benchmark::State& state, const F& f) {
    counting::bytes = 0;
    const assigner::result<counting>& first = f();
    const index bytes = counting::bytes;
    for (auto _ : state) {
        benchmark::DoNotOptimize(f());
        benchmark::ClobberMemory();
    }
    const index results = first.truth.shape.size() * 8;
    state.SetLabel(checksum(first));
    state.counters["MB"] = static_cast<double>(bytes) * 1e-6;
    state.counters["scratch_MB"] = static_cast<double>(bytes - results) * 1e-6;
}

void max_iou(benchmark::State& state) {
    const auto priors = priors_of(
        prior::anchor_generator{
            .strides = {8, 16, 32, 64, 128}, .ratios = {0.5, 1, 2}, .octave_base_scale = 4, .scales_per_octave = 3},
        square);
    const auto truths = truths_of(30);
    const assigner::max_iou<> a{.pos_iou_thr = 0.5, .neg_iou_thr = 0.4, .min_pos_iou = 0};
    measure(state, [&] { return a.assign(backend, priors, truths); });
}

/// RPN of a feature pyramid on a picture of 800 x 1344.
struct rpn {
    shaped<float, 2> priors = priors_of(
        prior::anchor_generator{.strides = {4, 8, 16, 32, 64}, .ratios = {0.5, 1, 2}, .scales = {8}}, rpn_levels);
    truth_list<float> truths = truths_of(100, {.width = 1344, .height = 800});

    auto assign() const {
        return assigner::max_iou<>{.pos_iou_thr = 0.7, .neg_iou_thr = 0.3, .min_pos_iou = 0.3}.assign(backend, priors,
                                                                                                      truths);
    }
};
void max_iou_rpn(benchmark::State& state) {
    const rpn scene;
    measure(state, [&] { return scene.assign(); });
}
void random_sampler(benchmark::State& state) {
    const rpn scene;
    const auto assigned = scene.assign();
    const boxgrad::sampler::random s{.num = 512, .pos_fraction = 0.5, .add_gt_as_proposals = false};
    const auto sample = [&](std::uint64_t seed) {
        return s.sample(backend, assigned, scene.priors, scene.truths, {seed});
    };
    std::uint64_t seed = 1;
    for (auto _ : state) benchmark::DoNotOptimize(sample(seed++));
    const auto first = std::move(sample(1).front());
    state.SetLabel(label_of(first.positives, first.negatives, 0));
}

void atss(benchmark::State& state) {
    const auto priors =
        priors_of(prior::anchor_generator{.strides = {8, 16, 32, 64, 128}, .ratios = {1}, .scales = {8}}, square);
    const auto truths = truths_of(30);
    const assigner::atss<> a{.topk = 9};
    measure(state, [&] { return a.assign(backend, priors, {6400, 1600, 400, 100, 25}, truths); });
}

/// Assigns by what is predicted at 8400 priors to 100 truths of 80 classes.
template <class A>
void predicted(benchmark::State& state, const A& a, const shaped<float, 2>& priors, const shaped<float, 3>& scores) {
    const auto truths = truths_of(100);
    const auto boxes = predictions(points(), truths, 2);
    measure(state, [&] { return a.assign(backend, priors, boxes, scores, truths); });
}
void sim_ota(benchmark::State& state) {
    predicted(state, assigner::sim_ota<>{}, points(), probabilities(1, 8400, 80, 3));
}
void task_aligned(benchmark::State& state) {
    predicted(state, assigner::task_aligned<>{.topk = 13}, points(), probabilities(1, 8400, 80, 3));
}
void dynamic_soft_label(benchmark::State& state) {
    predicted(state, assigner::dynamic_soft_label<>{}, points(), logits(1, 8400, 80, 3));
}

/// The costs of DETR: 300 queries, 100 truths, 80 classes and none.
void hungarian(benchmark::State& state) {
    const auto truths = truths_of(100);
    const auto queries = truths_of(300, {}, 4).boxes;
    const auto scores = logits(1, 300, 81, 3);
    const assigner::hungarian<> a;
    const std::vector<boxgrad::image_shape> shapes{{640, 640}};
    measure(state, [&] { return a.assign(backend, queries, scores, truths, shapes); });
}
void linear_assignment(benchmark::State& state) {
    shaped<double, 2> costs(extents<2>{{300, 100}});
    hashed u(8, 0);
    for (double& c : costs.data) c = u();
    const boxgrad::view<const double, 2> view(costs.data.data(), costs.shape);
    index priors = 0;
    index truths = 0;
    index positives = 0;
    double total = 0;
    const auto columns = assigner::linear_assignment(view);
    for (index i = 0; i < 300; ++i) {
        const index j = columns[static_cast<std::size_t>(i)];
        if (j < 0) continue;
        ++positives;
        truths += j;
        priors += i;
        total += view(i, j);
    }
    for (auto _ : state) benchmark::DoNotOptimize(assigner::linear_assignment(view));
    state.SetLabel(label_of(positives, truths, priors) + ", total cost " + std::to_string(total));
}

void crowd_max_iou(benchmark::State& state) {
    const auto priors = squares();
    const auto truths = crowd();
    const assigner::max_iou<> a{.pos_iou_thr = 0.5, .neg_iou_thr = 0.4, .min_pos_iou = 0};
    measure(state, [&] { return a.assign(backend, priors, truths); });
}
void crowd_task_aligned(benchmark::State& state) {
    const auto priors = points();
    const auto truths = crowd();
    const auto boxes = predictions(priors, truths, 6);
    const auto scores = probabilities(truths.images(), 8400, 60, 7);
    const assigner::task_aligned<> a{.topk = 10};
    measure(state, [&] { return a.assign(backend, priors, boxes, scores, truths); });
}

const bool added = [] {
    const auto add = [](const char* name, void (*f)(benchmark::State&)) {
        return benchmark::RegisterBenchmark((std::string("assigners/") + name).c_str(), f)
            ->Unit(benchmark::kMillisecond);
    };
    add("max_iou_76725x30", max_iou);
    add("max_iou_rpn_268569x100", max_iou_rpn);
    add("random_sampler_512_of_268569", random_sampler);
    add("atss_8525x30", atss);
    add("sim_ota_8400x100", sim_ota);
    add("task_aligned_8400x100", task_aligned);
    add("dynamic_soft_label_8400x100", dynamic_soft_label);
    add("hungarian_300x100", hungarian);
    add("linear_assignment_300x100", linear_assignment);
    add("crowd_max_iou_128x8400", crowd_max_iou);
    add("crowd_task_aligned_128x8400", crowd_task_aligned);
    return true;
}();

}  // namespace
