// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Scenes of queries and truths, and match costs in long double, term by term.

#include "backends.hpp"

#include <boxgrad/core/truths.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

namespace test {

/// A batch of images with as many queries each.
template <class T>
struct query_scene {
    std::size_t queries = 0, classes = 1;
    std::vector<std::vector<std::array<T, 4>>> boxes;
    std::vector<std::vector<T>> scores;  // [Q, C] of each image
    std::vector<std::vector<std::array<T, 4>>> truths, regions;
    std::vector<std::vector<int>> labels;
    std::vector<boxgrad::image_shape> shapes;

    std::size_t images() const { return boxes.size(); }
    index size() const { return static_cast<index>(images()); }
    boxgrad::truth_list<T> truth_list() const {
        boxgrad::truth_list<T> list;
        for (std::size_t i = 0; i < images(); ++i) list.add_image(truths[i], labels[i], regions[i]);
        return list;
    }
    template <class B>
    auto box_tensor(const B& b) const {
        std::vector<T> v;
        for (const auto& image : boxes) {
            for (const auto& x : image) v.insert(v.end(), x.begin(), x.end());
        }
        return from_host(b, extents<3>{{size(), static_cast<index>(queries), 4}}, v);
    }
    template <class B>
    auto score_tensor(const B& b) const {
        std::vector<T> v;
        for (const auto& image : scores) v.insert(v.end(), image.begin(), image.end());
        return from_host(b, extents<3>{{size(), static_cast<index>(queries), static_cast<index>(classes)}}, v);
    }
    query_scene image(std::size_t i) const {
        return {queries, classes, {boxes[i]}, {scores[i]}, {truths[i]}, {regions[i]}, {labels[i]}, {shapes[i]}};
    }
};

/// `grid`: whole coordinates, so that costs tie. Some predictions are flat or inverted.
template <class T>
query_scene<T> random_queries(unsigned seed, std::size_t images, std::size_t queries, std::size_t truths,
                              bool grid = false) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> u;
    query_scene<T> s;
    s.queries = queries;
    s.classes = 1 + seed % 6;
    const auto some_box = [&](double least) {
        const double x = 80 * u(random), y = 60 * u(random), w = least + 40 * u(random), h = least + 40 * u(random);
        std::array<double, 4> r{x, y, x + w, y + h};
        if (grid)
            r = {std::floor(x / 8) * 8, std::floor(y / 8) * 8, std::floor(x / 8) * 8 + 16, std::floor(y / 8) * 8 + 16};
        return std::array<T, 4>{static_cast<T>(r[0]), static_cast<T>(r[1]), static_cast<T>(r[2]), static_cast<T>(r[3])};
    };
    for (std::size_t i = 0; i < images; ++i) {
        s.shapes.push_back({60 + 10.0 * static_cast<double>(i), 80});
        const std::size_t g = images == 1 ? truths : (truths + 3 * i) % (truths + 2);
        s.truths.emplace_back();
        s.labels.emplace_back();
        s.regions.emplace_back();
        for (std::size_t k = 0; k < g; ++k) {
            s.truths[i].push_back(some_box(4));
            s.labels[i].push_back(static_cast<int>(random() % s.classes));
        }
        for (std::size_t k = random() % 3; k > 0; --k) s.regions[i].push_back(some_box(10));
        s.boxes.emplace_back();
        s.scores.emplace_back();
        for (std::size_t q = 0; q < queries; ++q) {
            auto x = g > 0 && u(random) < 0.5 ? s.truths[i][random() % g] : some_box(2);
            if (!grid) {
                for (T& c : x) c += static_cast<T>(6 * (u(random) - 0.5));
                if (u(random) < 0.05) x[2] = x[0];
                if (u(random) < 0.05) std::swap(x[1], x[3]);
            }
            s.boxes[i].push_back(x);
            for (std::size_t c = 0; c < s.classes; ++c) {
                s.scores[i].push_back(
                    static_cast<T>(grid ? static_cast<int>(random() % 3) - 1 : 8 * (u(random) - 0.5)));
            }
        }
    }
    return s;
}

using wide = long double;
inline wide naive_sigmoid(wide x) { return 1 / (1 + std::exp(-x)); }
inline wide naive_softplus(wide x) { return std::max(x, wide(0)) + std::log1p(std::exp(-std::abs(x))); }

template <class T>
wide naive_class_cost(const query_scene<T>& s, std::size_t i, std::size_t q, std::size_t g) {
    wide sum = 0;
    const auto at = [&](std::size_t c) { return static_cast<wide>(s.scores[i][q * s.classes + c]); };
    for (std::size_t c = 0; c < s.classes; ++c) sum += std::exp(at(c));
    return -std::exp(at(static_cast<std::size_t>(s.labels[i][g]))) / sum;
}
inline wide naive_focal(wide x, bool set, wide alpha, wide gamma, wide eps) {
    const wide p = naive_sigmoid(x);
    const wide q = naive_sigmoid(-x);
    return set ? -std::log(p + eps) * alpha * std::pow(q, gamma)
               : -std::log(q + eps) * (1 - alpha) * std::pow(p, gamma);
}
template <class T>
wide naive_focal_cost(const query_scene<T>& s, std::size_t i, std::size_t q, std::size_t g, wide alpha = 0.25L,
                      wide gamma = 2, wide eps = 1e-12L) {
    const auto x = static_cast<wide>(s.scores[i][q * s.classes + static_cast<std::size_t>(s.labels[i][g])]);
    return naive_focal(x, true, alpha, gamma, eps) - naive_focal(x, false, alpha, gamma, eps);
}
template <class T>
wide naive_l1_cost(const query_scene<T>& s, std::size_t i, std::size_t q, std::size_t g, bool centres) {
    const auto form = [&](const std::array<T, 4>& r) {
        std::array<wide, 4> x{static_cast<wide>(r[0]), static_cast<wide>(r[1]), static_cast<wide>(r[2]),
                              static_cast<wide>(r[3])};
        if (centres) x = {(x[0] + x[2]) / 2, (x[1] + x[3]) / 2, x[2] - x[0], x[3] - x[1]};
        for (std::size_t k = 0; k < 4; ++k) x[k] /= static_cast<wide>(k % 2 == 0 ? s.shapes[i].w : s.shapes[i].h);
        return x;
    };
    const auto a = form(s.boxes[i][q]);
    const auto b = form(s.truths[i][g]);
    wide sum = 0;
    for (std::size_t k = 0; k < 4; ++k) sum += std::abs(a[k] - b[k]);
    return sum;
}
template <class T>
wide naive_iou_cost(const query_scene<T>& s, std::size_t i, std::size_t q, std::size_t g, bool generalised) {
    const auto& a = s.boxes[i][q];
    const auto& b = s.truths[i][g];
    const auto side = [](wide a1, wide a2, wide b1, wide b2, bool hull) {
        a2 = std::max(a1, a2);
        return hull ? std::max(a2, b2) - std::min(a1, b1) : std::max(wide(0), std::min(a2, b2) - std::max(a1, b1));
    };
    const auto area = [](const std::array<T, 4>& r) {
        return std::max(wide(0), static_cast<wide>(r[2]) - static_cast<wide>(r[0])) *
               std::max(wide(0), static_cast<wide>(r[3]) - static_cast<wide>(r[1]));
    };
    const auto of_both = [&](bool hull) {
        return side(static_cast<wide>(a[0]), static_cast<wide>(a[2]), static_cast<wide>(b[0]), static_cast<wide>(b[2]),
                    hull) *
               side(static_cast<wide>(a[1]), static_cast<wide>(a[3]), static_cast<wide>(b[1]), static_cast<wide>(b[3]),
                    hull);
    };
    const wide shared = of_both(false);
    const wide joint = std::max(area(a) + area(b) - shared, wide(1e-6L));
    const wide hull = std::max(of_both(true), wide(1e-6L));
    return -(shared / joint - (generalised ? (hull - joint) / hull : 0));
}

}  // namespace test
