// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Batches of priors, truths and ignored regions for assigners that go by place, and what is compared of their
/// answers. Coordinates are quarters of pixels, so float and double see the same numbers.

#include "backends.hpp"

#include <boxgrad/assigner/result.hpp>

#include <algorithm>
#include <cmath>
#include <new>
#include <numeric>
#include <random>

namespace test {

using row4 = std::array<double, 4>;

struct place_image {
    std::vector<row4> truths, regions;
    std::vector<int> labels;
};

/// Priors that all images share, and the images. Rows of truths that are no box are dropped by the assigner.
struct place_scene {
    std::vector<row4> priors;
    std::vector<place_image> images;

    std::size_t size() const { return priors.size(); }
    template <class T>
    boxgrad::truth_list<T> truths() const {
        boxgrad::truth_list<T> list;
        for (const place_image& i : images) list.add_image(as<T>(i.truths), i.labels, as<T>(i.regions));
        return list;
    }
    template <class B>
    auto tensor(const B& b) const {
        return rows_tensor(b, priors);
    }
    template <class B>
    static auto rows_tensor(const B& b, const std::vector<row4>& rows) {
        using T = typename B::scalar;
        std::vector<T> flat;
        for (const row4& r : rows) {
            for (const double x : r) flat.push_back(static_cast<T>(x));
        }
        return from_host(b, extents<2>{{static_cast<index>(rows.size()), 4}}, flat);
    }
    template <class T>
    static std::vector<std::array<T, 4>> as(const std::vector<row4>& rows) {
        std::vector<std::array<T, 4>> r;
        for (const row4& x : rows) {
            r.push_back({static_cast<T>(x[0]), static_cast<T>(x[1]), static_cast<T>(x[2]), static_cast<T>(x[3])});
        }
        return r;
    }
};

/// Draws places: `step` is the grid that coordinates lie on.
struct place_maker {
    std::mt19937_64 random;
    double step;

    place_maker(unsigned seed, double grid) : random(seed), step(grid) {}
    double upto(double end) { return step * static_cast<double>(random() % static_cast<unsigned>(end / step + 1)); }
    row4 box(double most, double within) {
        const double w = step + upto(most);
        const double h = random() % 4 == 0 ? w : step + upto(most);
        const double x = upto(within) - 8;
        const double y = upto(within) - 8;
        return {x, y, x + w, y + h};
    }
};

/// Sizes: none, fewer than a pack, not a multiple of it, many. Every third scene on a coarse grid, for ties;
/// some priors are not numbers, some truths no boxes, some images without truths.
inline place_scene place_number(unsigned i) {
    const std::size_t n[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 65, 257};
    place_maker m(i, i % 3 == 0 ? 8 : 0.25);
    place_scene s;
    for (std::size_t k = 0; k < n[i % std::size(n)]; ++k) s.priors.push_back(m.box(32, 96));
    for (std::size_t k = 0; k < s.size(); ++k) {
        if (i % 5 == 0 && m.random() % 8 == 0) s.priors[k][m.random() % 4] = k % 2 == 0 ? std::nan("") : 1e200;
    }
    for (unsigned b = 0; b < 1 + i % 3; ++b) {
        place_image image;
        const auto truths = (i + b) % 4 == 3 ? 0 : m.random() % 12;
        for (unsigned g = 0; g < truths; ++g) {
            image.truths.push_back(m.box(72, 64));
            image.labels.push_back(static_cast<int>(m.random() % 3));
            if (i % 7 == 0 && g % 3 == 1) image.truths.back()[2] = image.truths.back()[0];
        }
        for (unsigned r = 0; r < (i + b) % 3; ++r) image.regions.push_back(m.box(40, 96));
        s.images.push_back(image);
    }
    return s;
}
/// Coordinates of any digits: no ties.
inline place_scene smooth_place(unsigned seed, std::size_t n, std::size_t images) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> u;
    const auto box = [&](double most) {
        const double x = 80 * u(random);
        const double y = 80 * u(random);
        return row4{x, y, x + 4 + most * u(random), y + 4 + most * u(random)};
    };
    place_scene s;
    for (std::size_t k = 0; k < n; ++k) s.priors.push_back(box(24));
    for (std::size_t b = 0; b < images; ++b) {
        place_image image;
        for (std::size_t g = 0; g < 2 + random() % 6; ++g) {
            image.truths.push_back(box(50));
            image.labels.push_back(static_cast<int>(random() % 3));
        }
        image.regions.push_back(box(30));
        s.images.push_back(image);
    }
    return s;
}

inline bool is_number(const row4& r) {
    return std::all_of(r.begin(), r.end(), [](double x) { return std::abs(x) < 1e18; });
}
inline bool is_box(const row4& r) { return r[0] < r[2] && r[1] < r[3]; }
inline double area_of(const row4& r) { return (r[2] - r[0]) * (r[3] - r[1]); }
inline double shared(const row4& a, const row4& b) {
    return std::max(0.0, std::min(a[2], b[2]) - std::max(a[0], b[0])) *
           std::max(0.0, std::min(a[3], b[3]) - std::max(a[1], b[1]));
}
inline double naive_iou(const row4& a, const row4& b) {
    return shared(a, b) / std::max(area_of(a) + area_of(b) - shared(a, b), 1e-6);
}
inline double naive_iof(const row4& a, const row4& b) { return shared(a, b) / std::max(area_of(a), 1e-6); }
inline row4 naive_scale(const row4& r, double f) {
    const double cx = (r[0] + r[2]) / 2, cy = (r[1] + r[3]) / 2, w = (r[2] - r[0]) * f / 2, h = (r[3] - r[1]) * f / 2;
    return {cx - w, cy - h, cx + w, cy + h};
}
inline bool holds(const row4& r, double x, double y) { return x > r[0] && y > r[1] && x < r[2] && y < r[3]; }

/// Comparisons that rounding may decide either way are remembered.
struct careful {
    bool clear = true;
    double slack = 1e-5;

    bool above(double x, double threshold) {
        clear = clear && std::abs(x - threshold) > slack;
        return x > threshold;
    }
};

/// What is compared.
struct place_answer {
    std::vector<std::int32_t> truth;  // image after image
    std::vector<double> overlap;
    std::vector<index> positives, truth_positives;
    index nonfinite = 0, dropped = 0;

    void count(const place_scene& s) {
        for (std::size_t b = 0; b < s.images.size(); ++b) {
            const auto first = truth_positives.size();
            truth_positives.resize(first + s.images[b].truths.size());
            index n = 0;
            for (std::size_t k = 0; k < s.size(); ++k) {
                const std::int32_t t = truth[b * s.size() + k];
                if (t < 0) continue;
                ++n;
                ++truth_positives[first + static_cast<std::size_t>(t)];
            }
            positives.push_back(n);
            for (const row4& r : s.images[b].truths) dropped += is_box(r) ? 0 : 1;
        }
    }
    friend bool operator==(const place_answer&, const place_answer&) = default;
};

template <class B>
place_answer answer_of(const B& b, const boxgrad::assigner::result<B>& r) {
    const auto overlap = test::to_host<2>(b, r.overlap);
    return {test::to_host<2>(b, r.truth),
            {overlap.begin(), overlap.end()},
            r.positives,
            r.truth_positives,
            r.nonfinite_priors,
            r.dropped_truths};
}
/// All but overlaps the same, and those close.
template <class T>
bool agree(const place_answer& a, const place_answer& e) {
    bool close = a.overlap.size() == e.overlap.size();
    for (std::size_t k = 0; close && k < a.overlap.size(); ++k) {
        close = near(static_cast<T>(a.overlap[k]), static_cast<T>(e.overlap[k]), 16);
    }
    return close && a.truth == e.truth && a.positives == e.positives && a.truth_positives == e.truth_positives &&
           a.nonfinite == e.nonfinite && a.dropped == e.dropped;
}

/// The scene of one image.
inline place_scene alone(const place_scene& s, std::size_t image) { return {s.priors, {s.images[image]}}; }

/// Those of the truths themselves.
template <class T>
index truth_bytes(const boxgrad::truth_list<T>& t) {
    const auto box = static_cast<index>(4 * sizeof(T));
    return t.size() * (box + 8) + static_cast<index>(t.ignored.size()) * box + 16 * (t.images() + 1);
}

/// run(scene) gives an answer. True where every image alone has the answer it has in the batch.
template <class Run>
bool same_alone(const place_scene& s, const Run& run) {
    const place_answer all = run(s);
    for (std::size_t k = 0; k < s.images.size(); ++k) {
        const place_answer one = run(alone(s, k));
        const auto at = static_cast<std::ptrdiff_t>(k * s.size());
        if (one.positives[0] != all.positives[k] ||
            !std::equal(one.truth.begin(), one.truth.end(), all.truth.begin() + at) ||
            !std::equal(one.overlap.begin(), one.overlap.end(), all.overlap.begin() + at)) {
            return false;
        }
    }
    return true;
}
/// True where one more prior is background, is counted in every image if it is no number, and changes nothing else.
template <class Run>
bool same_beside(const place_scene& s, const row4& another, const Run& run) {
    const place_answer e = run(s);
    place_scene more = s;
    const auto place = static_cast<std::ptrdiff_t>(s.size() / 3);
    more.priors.insert(more.priors.begin() + place, another);
    place_answer r = run(more);
    const auto images = static_cast<std::ptrdiff_t>(s.images.size());
    for (std::ptrdiff_t b = images - 1; b >= 0; --b) {
        const std::ptrdiff_t at = b * static_cast<std::ptrdiff_t>(more.size()) + place;
        if (r.truth[static_cast<std::size_t>(at)] != boxgrad::assigner::background) return false;
        r.truth.erase(r.truth.begin() + at);
        r.overlap.erase(r.overlap.begin() + at);
    }
    if (!is_number(another)) r.nonfinite -= images;
    return r == e;
}
/// True where priors and truths in reverse order have the same answer, in reverse.
template <class Run>
bool same_reversed(const place_scene& s, const Run& run) {
    const place_answer e = run(s);
    place_scene turned = s;
    std::reverse(turned.priors.begin(), turned.priors.end());
    for (auto& image : turned.images) {
        std::reverse(image.truths.begin(), image.truths.end());
        std::reverse(image.labels.begin(), image.labels.end());
    }
    const place_answer r = run(turned);
    for (std::size_t k = 0; k < e.truth.size(); ++k) {
        const std::size_t image = k / s.size();
        const auto last = static_cast<std::int32_t>(s.images[image].truths.size()) - 1;
        const std::size_t other = (image + 1) * s.size() - 1 - k % s.size();
        if (e.truth[k] != (r.truth[other] < 0 ? r.truth[other] : last - r.truth[other])) return false;
        if (e.overlap[k] != r.overlap[other]) return false;
    }
    return true;
}
/// What must not change an answer.
inline std::vector<row4> strangers() {
    const double nan = std::nan("");
    const double inf = std::numeric_limits<double>::infinity();
    return {{1e6, 1e6, 1e6 + 8, 1e6 + 8}, {nan, 10, 20, 20}, {10, 10, inf, 20}, {-1e200, 10, 20, nan}};
}

}  // namespace test

/// Not in `test`, whose to_host would be looked up beside the library's.
namespace counted {

/// Bytes that are asked for.
template <class Base>
struct byte_counter : Base {
    boxgrad::index* bytes = nullptr;

    template <class U, int R>
    auto make(const boxgrad::extents<R>& e) const {
        *bytes += e.size() * static_cast<boxgrad::index>(sizeof(U));
        return Base::template make<U, R>(e);
    }
};

}  // namespace counted
