// SPDX-License-Identifier: Apache-2.0
//
// Gradients beyond the box terms' own: elementwise terms in double, and each box term behind the coder, with
// respect to the four raw numbers of a head. Derivatives by hand; behind the coder by differences and in float as well.
#include "catch.hpp"

#include <boxgrad/backend/memory.hpp>
#include <boxgrad/boxgrad.hpp>

#include <random>

namespace {

using boxgrad::box;
using boxgrad::coder::xywh;
using boxgrad::loss::iou_mode;
using four = std::array<double, 4>;
constexpr int points = 100000;

// ---- elementwise terms: one line each --------------------------------------------------------------------

struct bce_by_hand {
    using term = boxgrad::loss::bce;
    static double slope(double x, double t) { return (1 - t) / (1 + std::exp(-x)) - t / (1 + std::exp(x)); }
};
struct l1_by_hand {
    using term = boxgrad::loss::l1;
    static double slope(double x, double t) { return x > t ? 1 : x < t ? -1 : 0; }
};
using elementwise = std::tuple<bce_by_hand, l1_by_hand>;

/// Logits of every size, a fifth each: small, saturated, near 0, near the target, at 0 or at the target.
std::pair<double, double> element(std::mt19937_64& random, int i) {
    std::uniform_real_distribution<double> u(0, 1);
    const double t = i % 3 == 0 ? 0.0 : i % 3 == 1 ? 1.0 : u(random);
    const double x = i % 5 == 0 ? 24 * (u(random) - 0.5) : i % 5 == 1 ? 1400 * (u(random) - 0.5)
                   : i % 5 == 2 ? 1e-3 * (u(random) - 0.5) : i % 5 == 3 ? t + 1e-2 * (u(random) - 0.5)
                   : i % 2 == 0 ? 0.0 : t;
    return {x, t};
}

// ---- box terms behind the coder --------------------------------------------------------------------------

/// Derivative of IoU or GIoU with respect to the corners of p, by cases.
four corner_slopes(bool generalised, const four& p, const four& t) {
    const double w = std::min(p[2], t[2]) - std::max(p[0], t[0]);
    const double h = std::min(p[3], t[3]) - std::max(p[1], t[1]);
    const bool meet = w > 0 && h > 0;
    const double inter = meet ? w * h : 0;
    const four di{meet && p[0] > t[0] ? -h : 0, meet && p[1] > t[1] ? -w : 0, meet && p[2] < t[2] ? h : 0, meet && p[3] < t[3] ? w : 0};
    const double pw = p[2] - p[0];
    const double ph = p[3] - p[1];
    const double joint = pw * ph + (t[2] - t[0]) * (t[3] - t[1]) - inter;
    const four du{-ph - di[0], -pw - di[1], ph - di[2], pw - di[3]};
    const double hw = std::max(p[2], t[2]) - std::min(p[0], t[0]);
    const double hh = std::max(p[3], t[3]) - std::min(p[1], t[1]);
    const four dh{p[0] < t[0] ? -hh : 0, p[1] < t[1] ? -hw : 0, p[2] > t[2] ? hh : 0, p[3] > t[3] ? hw : 0};
    four d{};
    for (std::size_t i = 0; i < 4; ++i) {
        d[i] = (di[i] - inter / joint * du[i]) / joint;
        if (generalised) d[i] += (du[i] - joint / (hw * hh) * dh[i]) / (hw * hh);
    }
    return d;
}

template <class Term, bool Generalised>
struct chained {
    using term = Term;
    static constexpr bool generalised = Generalised;
};
using box_terms = std::tuple<chained<boxgrad::loss::iou<iou_mode::linear>, false>, chained<boxgrad::loss::iou<iou_mode::square>, false>,
                             chained<boxgrad::loss::iou<iou_mode::log>, false>, chained<boxgrad::loss::giou, true>,
                             chained<boxgrad::loss::cjm_giou_square, true>>;

/// dl/d(overlap), where u is not at the term's floor.
template <class Term>
double outer_slope(double u) {
    if constexpr (std::is_same_v<Term, boxgrad::loss::iou<iou_mode::linear>> || std::is_same_v<Term, boxgrad::loss::giou>) return -1;
    if constexpr (std::is_same_v<Term, boxgrad::loss::iou<iou_mode::log>>) return u < 1e-6 ? 0 : -1 / u;
    return -2 * u;
}

struct sample {
    boxgrad::prior::point<double> prior;
    four raw, target;
};

sample raw_sample(std::mt19937_64& random, int i) {
    std::uniform_real_distribution<double> u(-1, 1);
    const double sx = i % 2 == 0 ? 8 : 16;
    const double sy = i % 3 == 0 ? 32 : 8;
    sample s{{80 + 8 * std::floor(8 * u(random)), 80 + 8 * std::floor(8 * u(random)), sx, sy}, {2 * u(random), 2 * u(random), 1 + u(random), 1 + u(random)}, {}};
    const double cx = s.prior.x + sx * (s.raw[0] + (i % 5 == 0 ? 12 : 1) * u(random));  // a fifth mostly apart
    const double cy = s.prior.y + sy * (s.raw[1] + u(random));
    const double w = 6 + 5 * u(random) + (i % 7 == 0 ? 60 : 0);  // some contain the prediction
    const double h = 6 + 5 * u(random) + (i % 7 == 0 ? 60 : 0);
    s.target = {cx - w, cy - h, cx + w, cy + h};
    return s;
}
four corners_of(const sample& s, const four& raw) {
    const double cx = raw[0] * s.prior.sx + s.prior.x;
    const double cy = raw[1] * s.prior.sy + s.prior.y;
    const double w = std::exp(raw[2]) * s.prior.sx / 2;
    const double h = std::exp(raw[3]) * s.prior.sy / 2;
    return {cx - w, cy - h, cx + w, cy + h};
}
double to_kink(const four& p, const four& t) {
    double d = 1e9;
    for (std::size_t k = 0; k < 4; ++k) d = std::min({d, std::abs(p[k] - t[k]), std::abs(p[k] - t[(k + 2) % 4])});
    return d;
}

/// The library's own chain: decode duals, then the term.
template <class T, class Term>
boxgrad::dual<T, 4> by_library(const Term& term, const sample& s) {
    using D = boxgrad::dual<T, 4>;
    const auto v = [](double x) { return static_cast<T>(x); };
    const boxgrad::prior::point<T> p{v(s.prior.x), v(s.prior.y), v(s.prior.sx), v(s.prior.sy)};
    const xywh<D> c{D::variable(v(s.raw[0]), 0), D::variable(v(s.raw[1]), 1), D::variable(v(s.raw[2]), 2), D::variable(v(s.raw[3]), 3)};
    const box<T> t{v(s.target[0]), v(s.target[1]), v(s.target[2]), v(s.target[3])};
    return term(boxgrad::coder::yolox{}.decode(p, c), boxgrad::as_constants<D>(t));
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("elementwise terms: by hand", "[loss][gradient]", elementwise) {
    using term = typename TestType::term;
    using D = boxgrad::dual<double, 1>;
    std::mt19937_64 random(1);
    double by_hand = 0;
    int saturated = 0;
    for (int i = 0; i < points; ++i) {
        const auto [x, t] = element(random, i);
        by_hand = std::max(by_hand, std::abs(term{}(D::variable(x, 0), t).partial[0] - TestType::slope(x, t)));
        saturated += std::abs(x) > 40 ? 1 : 0;
    }
    INFO("by hand " << by_hand);
    CHECK(by_hand <= 1e-11);
    CHECK(saturated > points / 10);
}

TEST_CASE("elementwise terms: subgradients at kinks", "[loss][gradient]") {
    using D = boxgrad::dual<double, 1>;
    CHECK(boxgrad::loss::l1{}(D::variable(2, 0), 2.0).partial[0] == 0.0);
    CHECK(boxgrad::loss::bce{}(D::variable(0, 0), 0.0).partial[0] == 0.5);
    CHECK(boxgrad::loss::bce{}(D::variable(0, 0), 1.0).partial[0] == -0.5);
    CHECK(boxgrad::loss::bce{}(D::variable(0, 0), 0.25).partial[0] == 0.25);
    // A clamp passes at its bound, and nothing passes beyond.
    CHECK(boxgrad::clamp_min(D::variable(1, 0), D(1.0)).partial[0] == 1.0);
    CHECK(boxgrad::clamp_min(D::variable(std::nextafter(1.0, 0.0), 0), D(1.0)).partial[0] == 0.0);
    CHECK(boxgrad::clamp_max(D::variable(1, 0), D(1.0)).partial[0] == 1.0);
    CHECK(boxgrad::clamp_max(D::variable(std::nextafter(1.0, 2.0), 0), D(1.0)).partial[0] == 0.0);
    // max and min of equals send half to each.
    const auto both = boxgrad::max(boxgrad::dual<double, 2>::variable(3, 0), boxgrad::dual<double, 2>::variable(3, 1));
    CHECK((both.partial[0] == 0.5 && both.partial[1] == 0.5));
    const auto less = boxgrad::min(boxgrad::dual<double, 2>::variable(3, 0), boxgrad::dual<double, 2>::variable(3, 1));
    CHECK((less.partial[0] == 0.5 && less.partial[1] == 0.5));
}

TEMPLATE_LIST_TEST_CASE("box terms behind the coder: by hand, by differences, float against double", "[loss][coder][gradient]", box_terms) {
    using term = typename TestType::term;
    constexpr double h = 1e-3;
    std::mt19937_64 random(2);
    double largest = 0;
    double by_hand = 0;
    double by_difference = 0;
    double in_float = 0;
    int apart = 0;
    int used = 0;
    for (int i = 0; i < points; ++i) {
        const sample s = raw_sample(random, i);
        const auto l = by_library<double>(term{}, s);
        const four p = corners_of(s, s.raw);
        const box<double> pb{p[0], p[1], p[2], p[3]};
        const box<double> tb{s.target[0], s.target[1], s.target[2], s.target[3]};
        const double u = TestType::generalised ? boxgrad::overlap::giou{}(pb, tb) : boxgrad::overlap::iou{}(pb, tb);
        apart += boxgrad::overlap::iou{}(pb, tb) == 0 ? 1 : 0;
        const four dc = corner_slopes(TestType::generalised, p, s.target);
        const double slope = !TestType::generalised && u < 1e-6 ? 0 : outer_slope<term>(u);
        const double half_w = std::exp(s.raw[2]) * s.prior.sx / 2;
        const double half_h = std::exp(s.raw[3]) * s.prior.sy / 2;
        const four d{slope * s.prior.sx * (dc[0] + dc[2]), slope * s.prior.sy * (dc[1] + dc[3]), slope * half_w * (dc[2] - dc[0]),
                     slope * half_h * (dc[3] - dc[1])};
        // Rounding decides on which side of a kink a float is; a sliver in common has lost digits.
        const bool clear = to_kink(p, s.target) > 1e-3 && (u > 0.05 || u == 0 || TestType::generalised);
        const auto f = by_library<float>(term{}, s);
        for (std::size_t k = 0; k < 4; ++k) {
            largest = std::max(largest, std::abs(d[k]));
            by_hand = std::max(by_hand, std::abs(d[k] - l.partial[k]) / std::max(1.0, std::abs(d[k])));
            if (clear) in_float = std::max(in_float, std::abs(static_cast<double>(f.partial[k]) - l.partial[k]) / std::max(1.0, std::abs(d[k])));
        }
        // A step of 2h in a raw number moves a corner by up to 2h·e²·s/2; far from kinks, fifth derivatives small.
        if (to_kink(p, s.target) < 0.3 || (u < 0.1 && u > 0 && !TestType::generalised)) continue;
        ++used;
        for (std::size_t k = 0; k < 4; ++k) {
            const auto at = [&](double n) {
                sample moved = s;
                moved.raw[k] += n * h;
                return by_library<double>(term{}, moved).value;
            };
            const double g = (at(-2) - 8 * at(-1) + 8 * at(1) - at(2)) / (12 * h);
            by_difference = std::max(by_difference, std::abs(g - l.partial[k]) / std::max(1.0, std::abs(g)));
        }
    }
    INFO("by hand " << by_hand << ", by difference " << by_difference << " at " << used << ", float " << in_float << ", largest " << largest << ", apart " << apart);
    CHECK(by_hand <= 1e-11);
    CHECK(in_float <= 2e-5);
    CHECK(by_difference <= 1e-8);
    CHECK(used > points * 2 / 5);
    CHECK(apart > points / 20);
    CHECK(largest > 0.3);
}

TEMPLATE_LIST_TEST_CASE("moving both boxes moves no loss: slopes along x and along y sum to that of a shift", "[loss][property]", box_terms) {
    // The derivative with respect to a shift of the target is minus that of the prediction.
    using term = typename TestType::term;
    using D = boxgrad::dual<double, 4>;
    std::mt19937_64 random(3);
    for (int i = 0; i < 20000; ++i) {
        const sample s = raw_sample(random, i);
        const four p = corners_of(s, s.raw);
        const box<double> pb{p[0], p[1], p[2], p[3]};
        const box<double> tb{s.target[0], s.target[1], s.target[2], s.target[3]};
        const D on_p = term{}(boxgrad::as_variables(pb), boxgrad::as_constants<D>(tb));
        const D on_t = term{}(boxgrad::as_constants<D>(pb), boxgrad::as_variables(tb));
        CHECK(on_p.partial[0] + on_p.partial[2] == Approx(-(on_t.partial[0] + on_t.partial[2])).margin(1e-12));
        CHECK(on_p.partial[1] + on_p.partial[3] == Approx(-(on_t.partial[1] + on_t.partial[3])).margin(1e-12));
    }
}
