// SPDX-License-Identifier: Apache-2.0
#include "fit.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

namespace {

double median(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v[v.size() / 2];
}

}  // namespace

fitter::fitter(boxgrad::truth_list<float> truths, int classes, int duplicates, const fit_options& options)
    : truths_(std::move(truths)), classes_(classes), duplicates_(duplicates), options_(options) {
    std::mt19937 random(options.seed);
    std::normal_distribution<float> noise(0, 0.3F);
    const float prior_bias = -std::log((1 - 0.01F) / 0.01F);  // a score of 0.01 everywhere
    const auto guess = [&](std::vector<level>& to, boxgrad::index channels, float mean) {
        for (const int s : strides) {
            const boxgrad::index cells = options.size / s;
            level l(boxgrad::extents<4>{{truths_.images(), channels, cells, cells}});
            for (float& v : l.data) v = mean + noise(random);
            to.push_back(std::move(l));
        }
    };
    guess(class_scores_, classes, prior_bias);
    guess(boxes_, 4, 0.5F);
    guess(objectness_, 1, prior_bias);
}

fit_result fitter::run(const std::string& recipe, const std::function<void(int, const measurement&)>& progress) {
    if (recipe == "megvii") return run_recipe<boxgrad::recipe::megvii>(progress);
    if (recipe == "cjm") return run_recipe<boxgrad::recipe::cjm>(progress);
    return run_recipe<boxgrad::recipe::mmdetection>(progress);
}

template <class Recipe>
fit_result fitter::run_recipe(const std::function<void(int, const measurement&)>& progress) {
    // L1 is on, as in YOLOX's last epochs: the IoU alone gives disjoint boxes no gradient.
    const boxgrad::yolox_loss<Recipe, typename Recipe::box, boxgrad::loss::l1> loss{
        .classes = classes_, .strides = {strides[0], strides[1], strides[2]}};
    const boxgrad::yolox_head head(class_scores_, boxes_, objectness_);
    auto g = loss.make_gradient(backend_, head);
    const boxgrad::yolox_head gradient(g.classes, g.boxes, g.objectness);
    auto alone = loss.make_gradient(backend_, head);
    const boxgrad::yolox_head gradient_alone(alone.classes, alone.boxes, alone.objectness);

    fit_result r;
    const auto decoded_before = boxgrad::yolox::decode(backend_, head, loss.strides);
    std::vector<double> times;
    const auto evaluate = [&] {
        const auto start = std::chrono::steady_clock::now();
        auto e = loss.value_and_gradient_into(backend_, head, truths_, gradient);
        times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
        return e;
    };
    auto e = evaluate();
    r.per_level_before = per_level(e.assignment);
    r.per_truth_before = per_truth(e.assignment.truth_positives);
    for (int t = 0;; ++t) {
        r.curve.push_back(measure(e));
        progress(t, r.curve.back());
        r.reached = r.curve.back().mean_iou >= options_.target_iou && r.curve.back().unreached == 0;
        if (r.reached || t == options_.steps) break;
        if (r.curve.back().unreached > 0) {
            // SimOTA may leave a truth without priors where others outbid it, and then nothing draws a box to
            // it. Such truths bid once more among themselves, and their box gradient is added.
            loss.value_and_gradient_into(backend_, head, unreached(e.assignment), gradient_alone);
            for (std::size_t l = 0; l < g.boxes.size(); ++l) {
                for (std::size_t i = 0; i < g.boxes[l].data.size(); ++i) g.boxes[l].data[i] += alone.boxes[l].data[i];
            }
        }
        step(class_scores_, g.classes, 0, t + 1);
        step(boxes_, g.boxes, 3, t + 1);
        step(objectness_, g.objectness, 6, t + 1);
        e = evaluate();
    }
    r.per_level_after = per_level(e.assignment);
    r.per_truth_after = per_truth(e.assignment.truth_positives);
    r.milliseconds = median(times);

    const auto decoded_after = boxgrad::yolox::decode(backend_, head, loss.strides);
    const auto corners = [](const auto& boxes, boxgrad::index i, boxgrad::index n) {
        return std::array<float, 4>{boxes(i, n, 0), boxes(i, n, 1), boxes(i, n, 2), boxes(i, n, 3)};
    };
    r.matches.resize(static_cast<std::size_t>(truths_.images()));
    for (boxgrad::index i = 0; i < truths_.images(); ++i) {
        boxgrad::index n = 0;
        for (std::size_t l = 0; l < strides.size(); ++l) {
            const boxgrad::index cells = options_.size / strides[l];
            for (boxgrad::index cell = 0; cell < cells * cells; ++cell, ++n) {
                if (e.assignment.truth(i, n) < 0) continue;
                const auto centre = [&](boxgrad::index k) { return (static_cast<float>(k) + 0.5F) * static_cast<float>(strides[l]); };
                r.matches[static_cast<std::size_t>(i)].push_back(
                    {e.assignment.truth(i, n), static_cast<int>(l), centre(cell % cells), centre(cell / cells),
                     e.assignment.overlap(i, n), corners(decoded_before, i, n), corners(decoded_after, i, n)});
            }
        }
    }
    return r;
}

measurement fitter::measure(const boxgrad::yolox_evaluation<boxgrad::memory<float>>& e) const {
    measurement m{e.value, 0, 0};
    double sum = 0;
    boxgrad::index n = 0;
    for (std::size_t i = 0; i < e.assignment.truth.data.size(); ++i) {
        if (e.assignment.truth.data[i] < 0) continue;
        sum += static_cast<double>(e.assignment.overlap.data[i]);
        ++n;
    }
    m.mean_iou = n > 0 ? sum / static_cast<double>(n) : 0;
    m.unreached = std::max(0, static_cast<int>(e.assignment.unmatched_truths()) - duplicates_);
    return m;
}

boxgrad::truth_list<float> fitter::unreached(const boxgrad::assigner::result<boxgrad::memory<float>>& r) const {
    boxgrad::truth_list<float> list;
    for (std::size_t i = 0; i + 1 < truths_.offsets.size(); ++i) {
        std::vector<std::array<float, 4>> boxes;
        std::vector<int> labels;
        for (auto g = static_cast<std::size_t>(truths_.offsets[i]); g < static_cast<std::size_t>(truths_.offsets[i + 1]); ++g) {
            if (r.truth_positives[g] > 0) continue;
            boxes.push_back(truths_.boxes[g]);
            labels.push_back(static_cast<int>(truths_.labels[g]));
        }
        list.add_image(boxes, labels);
    }
    return list;
}

/// Adam (Kingma and Ba, 2015, algorithm 1) or plain gradient descent on one kind of output.
void fitter::step(std::vector<level>& parameters, const std::vector<level>& gradient, std::size_t slot, int t) {
    constexpr float beta1 = 0.9F;
    constexpr float beta2 = 0.99F;
    first_moment_.resize(9);
    second_moment_.resize(9);
    const auto rate = static_cast<float>(options_.learning_rate);
    const float correct1 = 1 / (1 - std::pow(beta1, static_cast<float>(t)));
    const float correct2 = 1 / (1 - std::pow(beta2, static_cast<float>(t)));
    for (std::size_t l = 0; l < parameters.size(); ++l) {
        float* x = parameters[l].data.data();
        const float* d = gradient[l].data.data();
        const std::size_t n = parameters[l].data.size();
        if (!options_.adam) {
            // The loss is divided by the positives, so a step is multiplied by them.
            for (std::size_t i = 0; i < n; ++i) x[i] -= rate * 100 * d[i];
            continue;
        }
        auto& m = first_moment_[slot + l];
        auto& v = second_moment_[slot + l];
        m.resize(n);
        v.resize(n);
        for (std::size_t i = 0; i < n; ++i) {
            m[i] = beta1 * m[i] + (1 - beta1) * d[i];
            v[i] = beta2 * v[i] + (1 - beta2) * d[i] * d[i];
            x[i] -= rate * m[i] * correct1 / (std::sqrt(v[i] * correct2) + 1e-8F);
        }
    }
}

std::array<boxgrad::index, 3> fitter::per_level(const boxgrad::assigner::result<boxgrad::memory<float>>& r) const {
    std::array<boxgrad::index, 3> count{};
    for (boxgrad::index i = 0; i < truths_.images(); ++i) {
        boxgrad::index n = 0;
        for (std::size_t l = 0; l < strides.size(); ++l) {
            const boxgrad::index cells = options_.size / strides[l];
            for (const boxgrad::index end = n + cells * cells; n < end; ++n) count[l] += r.truth(i, n) >= 0 ? 1 : 0;
        }
    }
    return count;
}

std::array<boxgrad::index, 3> fitter::per_truth(std::vector<boxgrad::index> counts) {
    if (counts.empty()) return {};
    std::sort(counts.begin(), counts.end());
    return {counts.front(), counts[counts.size() / 2], counts.back()};
}
