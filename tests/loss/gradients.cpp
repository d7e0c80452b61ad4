// SPDX-License-Identifier: Apache-2.0
//
// Loss terms at 100 000 random points: the library's gradient against a derivative written by hand here. Differences,
// and float against double, of every term: battery_gradients.cpp.
#include "catch.hpp"

#include <boxgrad/backend/memory.hpp>
#include <boxgrad/boxgrad.hpp>

#include <random>

namespace {

using boxgrad::box;
using boxgrad::loss::iou_mode;
using corners = std::array<double, 4>;

struct derived {
    double value = 0;
    corners d{};
};

/// Intersection, union, hull and their derivatives with respect to the first box, by cases.
struct pieces {
    derived intersection, joint, hull;

    pieces(const corners& p, const corners& t, double eps) {
        const double w = std::min(p[2], t[2]) - std::max(p[0], t[0]);
        const double h = std::min(p[3], t[3]) - std::max(p[1], t[1]);
        if (w > 0 && h > 0) {
            intersection = {w * h, {p[0] > t[0] ? -h : 0, p[1] > t[1] ? -w : 0, p[2] < t[2] ? h : 0, p[3] < t[3] ? w : 0}};
        }
        const double pw = p[2] - p[0];
        const double ph = p[3] - p[1];
        joint.value = pw * ph + (t[2] - t[0]) * (t[3] - t[1]) - intersection.value;
        const corners area{-ph, -pw, ph, pw};
        for (std::size_t i = 0; i < 4; ++i) joint.d[i] = area[i] - intersection.d[i];
        if (joint.value < eps) joint = {eps, {}};
        const double hw = std::max(p[2], t[2]) - std::min(p[0], t[0]);
        const double hh = std::max(p[3], t[3]) - std::min(p[1], t[1]);
        hull = {hw * hh, {p[0] < t[0] ? -hh : 0, p[1] < t[1] ? -hw : 0, p[2] > t[2] ? hh : 0, p[3] > t[3] ? hw : 0}};
    }
};

derived iou_by_hand(const corners& p, const corners& t, double eps) {
    const pieces q(p, t, eps);
    derived r{q.intersection.value / q.joint.value, {}};
    for (std::size_t i = 0; i < 4; ++i) r.d[i] = (q.intersection.d[i] - r.value * q.joint.d[i]) / q.joint.value;
    return r;
}

derived giou_by_hand(const corners& p, const corners& t, double eps) {
    const pieces q(p, t, eps);
    derived r = iou_by_hand(p, t, eps);
    const double fill = q.joint.value / q.hull.value;
    r.value -= 1 - fill;
    for (std::size_t i = 0; i < 4; ++i) r.d[i] += (q.joint.d[i] - fill * q.hull.d[i]) / q.hull.value;
    return r;
}

derived outer(const derived& u, double value, double slope) {
    derived r{value, {}};
    for (std::size_t i = 0; i < 4; ++i) r.d[i] = slope * u.d[i];
    return r;
}

template <class Term>
struct by_hand;
template <iou_mode M>
struct by_hand<boxgrad::loss::iou<M>> {
    static derived at(const corners& p, const corners& t) {
        derived u = iou_by_hand(p, t, 1e-6);
        if (u.value < 1e-6) u = {1e-6, {}};
        if (M == iou_mode::linear) return outer(u, 1 - u.value, -1);
        if (M == iou_mode::square) return outer(u, 1 - u.value * u.value, -2 * u.value);
        return outer(u, -std::log(u.value), -1 / u.value);
    }
};
template <>
struct by_hand<boxgrad::loss::giou> {
    static derived at(const corners& p, const corners& t) {
        const derived u = giou_by_hand(p, t, 1e-6);
        return outer(u, 1 - u.value, -1);
    }
};
template <>
struct by_hand<boxgrad::loss::cjm_giou_square> {
    static derived at(const corners& p, const corners& t) {
        const derived u = giou_by_hand(p, t, 1e-6);
        return outer(u, 1 - u.value * u.value, -2 * u.value);
    }
};

using box_terms = std::tuple<boxgrad::loss::iou<iou_mode::linear>, boxgrad::loss::iou<iou_mode::square>,
                             boxgrad::loss::iou<iou_mode::log>, boxgrad::loss::giou, boxgrad::loss::cjm_giou_square>;

constexpr int points = 100000;

/// Pairs of boxes, a sixth each: anywhere, near one another, apart, nested, touching but for a little,
/// thin.
std::vector<std::pair<corners, corners>> boxes(unsigned seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> u(0, 1);
    const auto any = [&] {
        const double x = 60 * u(random);
        const double y = 60 * u(random);
        return corners{x, y, x + 1 + 40 * u(random), y + 1 + 40 * u(random)};
    };
    std::vector<std::pair<corners, corners>> r;
    for (int i = 0; i < points; ++i) {
        const corners t = any();
        corners p = any();
        const double w = t[2] - t[0];
        const double h = t[3] - t[1];
        if (i % 6 == 1) {
            for (std::size_t k = 0; k < 4; ++k) p[k] = t[k] + (u(random) - 0.5);
        } else if (i % 6 == 2) {
            p[0] += 200;
            p[2] += 200;
        } else if (i % 6 == 3) {
            p = {t[0] + 0.3 * w * u(random), t[1] + 0.3 * h * u(random), t[2] - 0.3 * w * u(random), t[3] - 0.3 * h * u(random)};
        } else if (i % 6 == 4) {
            const double gap = 0.02 * (u(random) - 0.5);
            p = {t[2] + gap, t[1] - 3 * u(random), t[2] + gap + 5, t[3] + 3 * u(random)};
        } else if (i % 6 == 5) {
            p[2] = p[0] + 0.01 + 0.1 * u(random);
        }
        r.emplace_back(p, t);
    }
    return r;
}

template <class T, class Term>
std::pair<std::vector<double>, std::vector<double>> by_library(const std::vector<std::pair<corners, corners>>& pairs,
                                                               const Term& term) {
    std::vector<std::array<T, 4>> p;
    std::vector<std::array<T, 4>> t;
    for (const auto& [a, b] : pairs) {
        std::array<T, 4> x{};
        std::array<T, 4> y{};
        for (std::size_t k = 0; k < 4; ++k) {
            x[k] = static_cast<T>(a[k]);
            y[k] = static_cast<T>(b[k]);
        }
        p.push_back(x);
        t.push_back(y);
    }
    const auto r = boxgrad::loss::value_and_gradient(boxgrad::memory<T>{}, term, boxgrad::reduction::none{}, p, t);
    return {{r.value.data.begin(), r.value.data.end()}, {r.gradient.data.begin(), r.gradient.data.end()}};
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("box terms: the gradient is the derivative written by hand", "[loss][gradient]", box_terms) {
    const auto pairs = boxes(1);
    const auto [value, gradient] = by_library<double>(pairs, TestType{});
    double largest = 0;
    double worst = 0;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const derived e = by_hand<TestType>::at(pairs[i].first, pairs[i].second);
        CHECK(std::abs(value[i] - e.value) <= 1e-12 * std::max(1.0, std::abs(e.value)));
        for (std::size_t k = 0; k < 4; ++k) {
            largest = std::max(largest, std::abs(e.d[k]));
            worst = std::max(worst, std::abs(gradient[4 * i + k] - e.d[k]));
        }
    }
    INFO("largest error " << worst << ", largest derivative " << largest);
    CHECK(largest > 0.01);
    CHECK(worst <= 1e-11 * largest);
}

TEST_CASE("box terms: subgradients at kinks are the reference's", "[loss][gradient]") {
    const auto gradient = [](const corners& p, const corners& t) {
        return by_library<double>({{p, t}}, boxgrad::loss::iou<iou_mode::linear>{}).second;
    };
    // Identical boxes: each side's max or min sends half. d iou/dx1 = (dI - dU)/U with dI = -h/2, dU = -h/2.
    for (const double d : gradient({0, 0, 4, 2}, {0, 0, 4, 2})) CHECK(std::abs(d) == Approx(0).margin(1e-15));
    // One shared side: dI/dx2 = h/2, dA/dx2 = h. I = 8, U = 12, h = 2.
    const double shared = gradient({0, 0, 4, 3}, {0, 0, 4, 2})[2];
    CHECK(shared == Approx(-((2.0 / 2) - 8.0 / 12 * (3 - 2.0 / 2)) / 12));
    // Touching: the clamp passes at its bound, dI/dx2 = h, halved for no one; I = 0, U = 16.
    const double touching = gradient({0, 0, 4, 2}, {4, 0, 8, 2})[2];
    CHECK(touching == 0.0);  // the overlap 0 lies below the loss's own floor
    const boxgrad::dual<double, 4> u = boxgrad::overlap::iou{}(
        boxgrad::as_variables(box<double>{0, 0, 4, 2}),
        boxgrad::as_constants<boxgrad::dual<double, 4>>(box<double>{4, 0, 8, 2}));
    CHECK(u.value == 0.0);
    CHECK(u.partial[2] == Approx(2.0 / 16));
}

TEST_CASE("elementwise terms: value and gradient, saturated tails included", "[loss][gradient]") {
    std::mt19937_64 random(4);
    std::uniform_real_distribution<float> logit(-200, 200);
    std::uniform_real_distribution<float> small(-12, 12);
    std::uniform_real_distribution<float> target(0, 1);
    std::vector<float> x;
    std::vector<float> t;
    for (int i = 0; i < points; ++i) {
        x.push_back(i % 2 == 0 ? logit(random) : small(random));
        t.push_back(i % 4 == 0 ? 0.0F : i % 4 == 1 ? 1.0F : target(random));
    }
    const boxgrad::memory<float> b;
    const auto r = boxgrad::loss::value_and_gradient(b, boxgrad::loss::bce{}, boxgrad::reduction::none{}, x, t);
    double worst_value = 0;
    double worst_hard = 0;
    double worst_soft = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const long double a = static_cast<long double>(x[i]);
        const long double y = static_cast<long double>(t[i]);
        const long double e = std::max(a, 0.0L) - a * y + std::log1p(std::exp(-std::abs(a)));
        // (1 - t)·σ(x) - t·σ(-x)
        const long double g = (1 - y) / (1 + std::exp(-a)) - y / (1 + std::exp(a));
        const auto error = [](float got, long double want) {
            const long double floor = 0x1p-126L;
            return static_cast<double>(std::abs(static_cast<long double>(got) - want) / std::max(std::abs(want), floor));
        };
        CHECK(r.value.data[i] >= 0);
        worst_value = std::max(worst_value, error(r.value.data[i], e));
        const bool hard = y == 0 || y == 1;
        // Where σ(x) meets a soft target the difference itself is ill-conditioned: relative to its parts.
        const long double parts = (1 - y) / (1 + std::exp(-a)) + y / (1 + std::exp(a));
        if (hard) {
            worst_hard = std::max(worst_hard, error(r.gradient.data[i], g));
        } else {
            worst_soft = std::max(worst_soft, static_cast<double>(std::abs(static_cast<long double>(r.gradient.data[i]) - g) / parts));
        }
    }
    INFO("value " << worst_value << ", hard " << worst_hard << ", soft " << worst_soft);
    CHECK(worst_value <= 4 * 0x1p-23);
    CHECK(worst_hard <= 1e-6);
    CHECK(worst_soft <= 1e-5);

    const std::vector<float> p{1, 2, 3, -1};
    const std::vector<float> q{1, 0, 5, -1};
    const auto l = boxgrad::loss::value_and_gradient(b, boxgrad::loss::l1{}, boxgrad::reduction::none{}, p, q);
    CHECK(std::vector<float>(l.value.data.begin(), l.value.data.end()) == std::vector<float>{0, 2, 2, 0});
    CHECK(std::vector<float>(l.gradient.data.begin(), l.gradient.data.end()) == std::vector<float>{0, 1, -1, 0});
}
