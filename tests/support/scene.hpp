// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// A small YOLOX head with truths, the same numbers on every backend.

#include "backends.hpp"

#include <boxgrad/boxgrad.hpp>

#include <cstring>
#include <random>

namespace test {

/// Host values of a head: per level classes, boxes, objectness, each [B, C, H, W] row-major.
template <class T>
struct head_values {
    std::vector<extents<4>> shape[3];
    std::vector<std::vector<T>> value[3];

    std::size_t levels() const { return shape[0].size(); }
    std::vector<T>& classes(std::size_t l) { return value[0][l]; }
    std::vector<T>& boxes(std::size_t l) { return value[1][l]; }
    std::vector<T>& objectness(std::size_t l) { return value[2][l]; }
};

/// Levels of strides 8, 16, 32 over `height` x `width` pixels.
template <class T>
head_values<T> random_head(unsigned seed, index images, index classes, index height = 64, index width = 96,
                           std::initializer_list<int> strides = {8, 16, 32}) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    head_values<T> h;
    for (const int s : strides) {
        const index channels[3] = {classes, 4, 1};
        for (std::size_t k = 0; k < 3; ++k) {
            h.shape[k].push_back(extents<4>{{images, channels[k], height / s, width / s}});
            std::vector<T> v(static_cast<std::size_t>(h.shape[k].back().size()));
            for (T& x : v) x = static_cast<T>(normal(random) * (k == 1 ? 0.4 : 1.3) + (k == 1 ? 0.3 : -0.5));
            h.value[k].push_back(v);
        }
    }
    return h;
}

/// The head in the memory of backend b.
template <class B>
struct head_tensors {
    using T = typename B::scalar;
    std::vector<boxgrad::tensor_t<B, T, 4>> classes, boxes, objectness;

    head_tensors(const B& b, const head_values<T>& h) {
        for (std::size_t l = 0; l < h.levels(); ++l) {
            classes.push_back(test::from_host(b, h.shape[0][l], h.value[0][l]));
            boxes.push_back(test::from_host(b, h.shape[1][l], h.value[1][l]));
            objectness.push_back(test::from_host(b, h.shape[2][l], h.value[2][l]));
        }
    }
    auto look() const { return boxgrad::yolox_head(classes, boxes, objectness); }
};

template <class T>
boxgrad::truth_list<T> random_truths(unsigned seed, std::initializer_list<int> per_image, int classes,
                                     double height = 64, double width = 96) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> u;
    boxgrad::truth_list<T> t;
    for (const int n : per_image) {
        std::vector<std::array<T, 4>> boxes;
        std::vector<int> labels;
        for (int i = 0; i < n; ++i) {
            const double w = 6 + 40 * u(random);
            const double h = 6 + 40 * u(random);
            const double x = u(random) * (width - w);
            const double y = u(random) * (height - h);
            boxes.push_back({static_cast<T>(x), static_cast<T>(y), static_cast<T>(x + w), static_cast<T>(y + h)});
            labels.push_back(static_cast<int>(u(random) * classes));
        }
        t.add_image(boxes, labels);
    }
    return t;
}

/// What an evaluation says, in host memory, to be compared.
template <class T>
struct outcome {
    boxgrad::yolox_value<T> value{};
    std::vector<T> gradient, overlap;
    std::vector<std::int32_t> truth;
    std::vector<index> positives, truth_positives;
    index nonfinite = 0, dropped = 0;
};

template <class B>
std::vector<typename B::scalar> gradient_to_host(const B& b, const boxgrad::yolox_gradient<B>& g) {
    std::vector<typename B::scalar> all;
    for (const auto* list : {&g.classes, &g.boxes, &g.objectness}) {
        for (const auto& t : *list) {
            const auto v = test::to_host<4>(b, t);
            all.insert(all.end(), v.begin(), v.end());
        }
    }
    return all;
}

template <class B, class Loss>
outcome<typename B::scalar> evaluate(const B& b, const Loss& loss, const head_values<typename B::scalar>& h,
                                     const boxgrad::truth_list<typename B::scalar>& t,
                                     const boxgrad::yolox_terms& upstream = {}) {
    const head_tensors<B> head(b, h);
    const auto r = loss.value_and_gradient(b, head.look(), t, upstream);
    return {r.value,
            gradient_to_host(b, r.gradient),
            test::to_host<2>(b, r.assignment.overlap),
            test::to_host<2>(b, r.assignment.truth),
            r.assignment.positives,
            r.assignment.truth_positives,
            r.assignment.nonfinite_priors,
            r.assignment.dropped_truths};
}

/// Equal to the last bit; NaN equals NaN.
template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

}  // namespace test
