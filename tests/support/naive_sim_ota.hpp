// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// SimOTA written down a second time, without regard to speed: full N x G matrices in double, std::sort.
/// It also says whether a result is clear: no decision would fall otherwise were every cost off by `slack`.

#include <boxgrad/assigner/rules.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace test {

/// One image: lists of priors (centres and strides), decoded boxes, probabilities and truths.
template <class T>
struct scene_lists {
    std::vector<std::array<T, 4>> priors, boxes;
    std::vector<T> scores;  // [N, classes]
    std::size_t classes = 0;
    std::vector<std::array<T, 4>> truths;
    std::vector<int> labels;
    std::vector<bool> dead;  // empty: none

    std::size_t size() const { return priors.size(); }
};

struct naive_parameters {
    double center_radius, iou_weight = 3, cls_weight = 1;
    std::size_t topk = 10;
};

struct naive_assignment {
    std::vector<std::int32_t> truth;
    std::vector<double> overlap;
    std::vector<std::ptrdiff_t> truth_positives;
    std::vector<std::size_t> wanted;  // dynamic k of each truth
    bool clear = true;
};

inline double side_shared(double a1, double a2, double b1, double b2) {
    return std::max(0.0, std::min(a2, b2) - std::max(a1, b1));
}
/// IoU or GIoU of boxes of positive size or none, floors of mmdetection.
inline double naive_overlap(bool generalised, const std::array<double, 4>& a, const std::array<double, 4>& b, double eps) {
    const double inter = side_shared(a[0], a[2], b[0], b[2]) * side_shared(a[1], a[3], b[1], b[3]);
    const double area_a = std::max(0.0, a[2] - a[0]) * std::max(0.0, a[3] - a[1]);
    const double area_b = std::max(0.0, b[2] - b[0]) * std::max(0.0, b[3] - b[1]);
    const double joint = std::max(area_a + area_b - inter, std::max(eps, 1e-38));
    const double iou = inter / joint;
    if (!generalised) return iou;
    const double hull = (std::max({a[2], a[0], b[2]}) - std::min(a[0], b[0])) * (std::max({a[3], a[1], b[3]}) - std::min(a[1], b[1]));
    return iou - (std::max(hull, eps) - joint) / std::max(hull, eps);
}

template <class Rules, class T>
naive_assignment naive_sim_ota(const scene_lists<T>& s, const naive_parameters& p, double slack) {
    using boxgrad::assigner::class_cost;
    using boxgrad::assigner::conflict;
    using boxgrad::assigner::reach;
    const std::size_t n = s.size();
    const std::size_t g = s.truths.size();
    constexpr bool generalised = std::is_same_v<typename Rules::overlap, boxgrad::overlap::giou>;
    constexpr double inf = std::numeric_limits<double>::infinity();

    naive_assignment r;
    r.truth.assign(n, -1);
    r.overlap.assign(n, 0.0);
    r.truth_positives.assign(g, 0);
    const auto wide = [](const std::array<T, 4>& x) {
        return std::array<double, 4>{static_cast<double>(x[0]), static_cast<double>(x[1]), static_cast<double>(x[2]), static_cast<double>(x[3])};
    };
    struct pair {
        double iou, low, high;  // a cost between low and high; both infinite where it is not a number
        bool nan;
    };
    std::vector<std::vector<pair>> cost(n, std::vector<pair>(g));
    std::vector<std::vector<bool>> free(n, std::vector<bool>(g));
    std::vector<std::size_t> valid;
    const auto inside = [&](double x, double low, double high) {
        if (std::min(std::abs(x - low), std::abs(x - high)) < slack) r.clear = false;
        return x > low && x < high;
    };
    for (std::size_t i = 0; i < n; ++i) {
        if (!s.dead.empty() && s.dead[i]) continue;
        const auto q = wide(s.priors[i]);
        bool reached = false;
        for (std::size_t k = 0; k < g; ++k) {
            const auto t = wide(s.truths[k]);
            const double cx = (t[0] + t[2]) / 2;
            const double cy = (t[1] + t[3]) / 2;
            const double reach_x = p.center_radius * q[2];
            const double reach_y = p.center_radius * q[3];
            const bool within[4] = {inside(q[0], t[0], t[2]), inside(q[1], t[1], t[3]), inside(q[0], cx - reach_x, cx + reach_x),
                                    inside(q[1], cy - reach_y, cy + reach_y)};
            const bool in_box = within[0] && within[1];
            const bool in_centre = within[2] && within[3];
            free[i][k] = Rules::reach == reach::centre ? in_centre : in_box && in_centre;
            reached = reached || in_centre || (Rules::reach != reach::centre && in_box);
        }
        if (reached) valid.push_back(i);
    }
    const auto rounded = [](double x) { return static_cast<double>(static_cast<T>(x)); };
    for (const std::size_t i : valid) {
        double background = 0;
        for (std::size_t c = 0; c < s.classes; ++c) {
            const T x = s.scores[i * s.classes + c];
            background += Rules::class_cost == class_cost::bce ? std::min(100.0, -std::log(static_cast<double>(T(1) - x)))
                                                               : std::log1p(std::exp(static_cast<double>(x)));
        }
        for (std::size_t k = 0; k < g; ++k) {
            const T x = s.scores[i * s.classes + static_cast<std::size_t>(s.labels[k])];
            double classes = background;
            if (Rules::class_cost == class_cost::bce) {
                classes += std::min(100.0, -std::log(static_cast<double>(x))) - std::min(100.0, -std::log(static_cast<double>(T(1) - x)));
            } else {
                classes -= static_cast<double>(x);
            }
            const double iou = naive_overlap(generalised, wide(s.boxes[i]), wide(s.truths[k]), Rules::default_overlap.eps);
            const double distance = -std::log(iou + Rules::log_eps);
            // Near an overlap of 0 the logarithm has a cliff, but IoU is 0 exactly where boxes are apart.
            if (iou != 0 && std::abs(iou + Rules::log_eps) < slack) r.clear = false;
            const double base = p.cls_weight * classes + p.iou_weight * distance;
            const double off = slack * (p.cls_weight * background + std::abs(p.iou_weight * distance) + 1);
            const double penalty = free[i][k] ? 0 : Rules::penalty;
            cost[i][k] = {iou, rounded(rounded(base - off) + penalty), rounded(rounded(base + off) + penalty), std::isnan(base)};
            if (cost[i][k].nan) cost[i][k].low = cost[i][k].high = inf;
        }
    }
    // Whether a certainly comes before b.
    const auto before = [](const pair& a, const pair& b, bool lower_index) {
        return a.high < b.low || (lower_index && a.low == a.high && b.low == b.high && a.low == b.low);
    };

    std::vector<std::vector<std::size_t>> claims(n);
    for (std::size_t k = 0; k < g; ++k) {
        std::vector<double> overlaps;
        for (const std::size_t i : valid) overlaps.push_back(cost[i][k].iou);
        std::sort(overlaps.rbegin(), overlaps.rend());
        overlaps.resize(std::min(overlaps.size(), p.topk));
        double sum = 0;
        for (const double o : overlaps) sum += o;
        const auto whole = [](double x) { return static_cast<std::size_t>(std::max(1.0, std::floor(x))); };
        if (whole(sum - slack) != whole(sum + slack)) r.clear = false;
        const std::size_t wanted = std::min(whole(sum), valid.size());
        r.wanted.push_back(wanted);
        std::vector<std::size_t> order = valid;
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return cost[a][k].low < cost[b][k].low; });
        for (std::size_t j = 0; j < wanted; ++j) {
            claims[order[j]].push_back(k);
            for (std::size_t m = wanted; m < order.size(); ++m) {
                r.clear = r.clear && before(cost[order[j]][k], cost[order[m]][k], order[j] < order[m]);
            }
        }
    }
    for (const std::size_t i : valid) {
        if (claims[i].empty()) continue;
        std::size_t owner = claims[i][0];
        double overlap = 0;
        if (claims[i].size() == 1) {
            overlap = cost[i][owner].iou;
        } else {
            std::size_t best = 0;  // of all truths; the first that is not a number, if there is one
            bool stuck = cost[i][0].nan;
            for (std::size_t k = 1; k < g && !stuck; ++k) {
                stuck = cost[i][k].nan;
                if (stuck || cost[i][k].low < cost[i][best].low) best = k;
            }
            for (std::size_t k = 0; k < g && !stuck; ++k) {
                if (k != best) r.clear = r.clear && before(cost[i][best], cost[i][k], best < k);
            }
            if (Rules::conflict == conflict::least_cost) {
                owner = best;
                overlap = cost[i][best].iou;
            } else {
                auto& c = claims[i];
                if (std::find(c.begin(), c.end(), best) == c.end()) c.push_back(best);
                owner = *std::min_element(c.begin(), c.end());
                for (const std::size_t k : c) overlap += cost[i][k].iou;
            }
        }
        r.truth[i] = static_cast<std::int32_t>(owner);
        r.overlap[i] = overlap;
        ++r.truth_positives[owner];
    }
    return r;
}

/// A random image: priors of two strides, `n` of them, `g` truths, crowded or not; some predictions far off,
/// empty or inverted, some scores saturated.
template <class T>
scene_lists<T> random_scene(unsigned seed, std::size_t n, std::size_t g, std::size_t classes, bool crowded) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> u;
    scene_lists<T> s;
    s.classes = classes;
    const double size = 8 * std::ceil(std::sqrt(static_cast<double>(n) * 0.8 + 1));
    const auto push = [](auto& list, double a, double b, double c, double d) {
        list.push_back({static_cast<T>(a), static_cast<T>(b), static_cast<T>(c), static_cast<T>(d)});
    };
    for (std::size_t k = 0; k < g; ++k) {
        const double w = (crowded ? 12 : 6) + (crowded ? 6 : size / 2) * u(random);
        const double h = (crowded ? 12 : 6) + (crowded ? 6 : size / 2) * u(random);
        const double x = crowded ? size / 3 + 10 * u(random) : (size - 4) * u(random);
        const double y = crowded ? size / 3 + 10 * u(random) : (size - 4) * u(random);
        push(s.truths, x, y, x + w, y + h);
        s.labels.push_back(static_cast<int>(u(random) * static_cast<double>(classes)));
    }
    for (const int stride : {8, 16}) {
        for (int y = 0; y * stride < static_cast<int>(size); ++y) {
            for (int x = 0; x * stride < static_cast<int>(size) && s.size() < n; ++x) {
                push(s.priors, (x + 0.5) * stride, (y + 0.5) * stride, stride, stride);
            }
        }
    }
    while (s.size() < n) push(s.priors, size * u(random), size * u(random), 8, 8);
    for (std::size_t i = 0; i < n; ++i) {
        double cx = static_cast<double>(s.priors[i][0]) + 10 * (u(random) - 0.5);
        double cy = static_cast<double>(s.priors[i][1]) + 10 * (u(random) - 0.5);
        double w = 6 + 18 * u(random);
        double h = 6 + 18 * u(random);
        if (g > 0 && u(random) < 0.5) {  // a prediction that learnt something
            const auto& t = s.truths[static_cast<std::size_t>(u(random) * static_cast<double>(g))];
            cx = static_cast<double>(t[0] + t[2]) / 2 + 3 * (u(random) - 0.5);
            cy = static_cast<double>(t[1] + t[3]) / 2 + 3 * (u(random) - 0.5);
            w = static_cast<double>(t[2] - t[0]) * (0.7 + 0.6 * u(random));
            h = static_cast<double>(t[3] - t[1]) * (0.7 + 0.6 * u(random));
        }
        if (u(random) < 0.05) cx += 1000;
        if (u(random) < 0.03) w = 0;
        if (u(random) < 0.03) h = -h;
        push(s.boxes, cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2);
        for (std::size_t c = 0; c < classes; ++c) {
            const double x = u(random);
            s.scores.push_back(static_cast<T>(x < 0.01 ? 0 : x > 0.99 ? 1 : u(random)));
        }
    }
    return s;
}

}  // namespace test
