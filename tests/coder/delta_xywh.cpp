// SPDX-License-Identifier: Apache-2.0
//
// The delta coder against its published formulas in long double: clamps, conventions, borders.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/coder/delta_xywh.hpp>

#include <array>
#include <cmath>
#include <random>

namespace {

namespace coder = boxgrad::coder;
using boxgrad::box;
using boxgrad::dual;
using boxgrad::image_shape;
using coder::delta_clamp;
using coder::delta_xywh;
using coder::glip_delta_xywh;
using coder::legacy_delta_xywh;
using coder::xywh;
using test::extents;
using wide = long double;

/// mmdetection's delta2bbox in its three versions, without a border.
template <class C>
std::array<wide, 4> published_decode(const C& c, const box<double>& p, const xywh<double>& code) {
    const bool legacy = std::same_as<C, legacy_delta_xywh>;
    const wide glip = std::same_as<C, glip_delta_xywh> ? 1 : 0;
    const wide pw = wide(p.x2) - wide(p.x1) + (legacy ? 1 : 0);
    const wide ph = wide(p.y2) - wide(p.y1) + (legacy ? 1 : 0);
    const wide px = (wide(p.x1) + wide(p.x2) - glip) / 2;
    const wide py = (wide(p.y1) + wide(p.y2) - glip) / 2;
    const auto d = [&](double x, int i) { return wide(x) * wide(c.target_stds[i]) + wide(c.target_means[i]); };
    const wide largest = std::abs(std::log(wide(c.wh_ratio_clip)));
    wide dx = d(code.x, 0) * pw;
    wide dy = d(code.y, 1) * ph;
    wide dw = std::min(d(code.w, 2), largest);
    wide dh = std::min(d(code.h, 3), largest);
    if (c.clamp == delta_clamp::both_sides) {
        dw = std::max(dw, -largest);
        dh = std::max(dh, -largest);
    }
    if (c.clamp == delta_clamp::center) {
        dx = std::min(std::max(dx, -wide(c.ctr_clamp)), wide(c.ctr_clamp));
        dy = std::min(std::max(dy, -wide(c.ctr_clamp)), wide(c.ctr_clamp));
    }
    const wide w = (pw * std::exp(dw) - glip) / 2;
    const wide h = (ph * std::exp(dh) - glip) / 2;
    return {px + dx - w, py + dy - h, px + dx + w, py + dy + h};
}

template <class C>
void check_formulas(C c) {
    std::mt19937_64 random(81);
    std::uniform_real_distribution<double> u(0, 1);
    for (const delta_clamp clamp : {delta_clamp::both_sides, delta_clamp::above, delta_clamp::center}) {
        c.clamp = clamp;
        double worst = 0;
        double worst_code = 0;
        for (int i = 0; i < 20000; ++i) {
            for (int k = 0; k < 4; ++k) {
                c.target_means[k] = i % 2 == 0 ? 0 : u(random) - 0.5;
                c.target_stds[k] = i % 2 == 0 ? 1 : 0.05 + u(random);
            }
            const double x = 500 * u(random);
            const double y = 500 * u(random);
            const box<double> p{x, y, x + 2 + 200 * u(random), y + 2 + 200 * u(random)};
            const auto code = [&] { return 16 * u(random) - 8; };
            const xywh<double> d{code(), code(), code(), code()};
            const auto got = c.decode(p, d);
            const auto e = published_decode(c, p, d);
            // The centre and its shift may cancel; e^dw is off by the rounding of dw, up to 9, times the size.
            const wide pw = wide(p.x2) - wide(p.x1);
            const wide ph = wide(p.y2) - wide(p.y1);
            const wide size = wide(p.x2) + wide(p.y2) + 9 * (pw + ph) + 9 * (e[2] - e[0] + e[3] - e[1]);
            for (const auto& [v, t] : {std::pair{got.x1, e[0]}, {got.y1, e[1]}, {got.x2, e[2]}, {got.y2, e[3]}}) {
                worst = std::max(worst, static_cast<double>(std::abs(wide(v) - t) / size) / 0x1p-52);
            }
            const box<double> g{x + 3 * u(random), y + 3 * u(random), x + 5 + 100 * u(random), y + 5 + 100 * u(random)};
            const wide plus = std::same_as<C, legacy_delta_xywh> ? 1 : 0;
            const auto s = c.encode(p, g);
            const wide w = pw + plus;
            const wide h = ph + plus;
            const wide t[4] = {(wide(g.x1) + wide(g.x2) - wide(p.x1) - wide(p.x2)) / 2 / w, (wide(g.y1) + wide(g.y2) - wide(p.y1) - wide(p.y2)) / 2 / h,
                               std::log((wide(g.x2) - wide(g.x1) + plus) / w), std::log((wide(g.y2) - wide(g.y1) + plus) / h)};
            const double v[4] = {s.x, s.y, s.w, s.h};
            for (int k = 0; k < 4; ++k) {
                // Centres lose |x| / side, and a deviation magnifies.
                const wide unit = (1 + 1000 / (k % 2 == 0 ? w : h)) / wide(c.target_stds[k]);
                worst_code = std::max(worst_code, static_cast<double>(std::abs(wide(v[k]) - (t[k] - wide(c.target_means[k])) / wide(c.target_stds[k])) / unit) / 0x1p-52);
            }
        }
        INFO("decode off by " << worst << ", encode by " << worst_code << " eps");
        CHECK(worst <= 2);
        CHECK(worst_code <= 4);
    }
}

template <class C>
box<dual<double, 4>> with_gradient(const C& c, const box<double>& p, double x, double y, double w, double h) {
    using D = dual<double, 4>;
    return c.decode(p, xywh<D>{D::variable(x, 0), D::variable(y, 1), D::variable(w, 2), D::variable(h, 3)});
}

}  // namespace

TEST_CASE("delta coders are mmdetection's formulas, legacy and GLIP included, under each clamp", "[coder][property]") {
    check_formulas(delta_xywh{});
    check_formulas(legacy_delta_xywh{});
    check_formulas(glip_delta_xywh{});
    check_formulas(delta_xywh{.wh_ratio_clip = 0.3});
    check_formulas(delta_xywh{.wh_ratio_clip = 1 / 0.3});  // the inverse bounds as much
    check_formulas(delta_xywh{.ctr_clamp = 5});
}

TEST_CASE("delta: a clamp passes the gradient at its bound and stops it beyond", "[coder][gradient]") {
    const box<double> p{10, 20, 18, 36};
    const double bound = delta_xywh{}.prepared<double>().largest;
    CHECK(bound == Approx(4.135166556742356).epsilon(1e-15));
    const double next = std::nextafter(bound, 9.0);
    delta_xywh c;
    // w at the bound: d x2 / d w = pw/2·e^w.
    CHECK(with_gradient(c, p, 0, 0, bound, 0).x2.partial[2] == Approx(4 * 62.5));
    CHECK(with_gradient(c, p, 0, 0, next, 0).x2.partial[2] == 0);
    CHECK(with_gradient(c, p, 0, 0, next, 0).x2.value == with_gradient(c, p, 0, 0, bound, 0).x2.value);
    CHECK(with_gradient(c, p, 0, 0, 0, -bound).y1.partial[3] == Approx(-8 / 62.5));
    CHECK(with_gradient(c, p, 0, 0, 0, -next).y1.partial[3] == 0);
    c.clamp = delta_clamp::above;
    CHECK(with_gradient(c, p, 0, 0, next, 0).x2.partial[2] == 0);
    CHECK(with_gradient(c, p, 0, 0, 0, -7).y1.partial[3] == Approx(-8 * std::exp(-7.0)));
    c.clamp = delta_clamp::center;
    c.ctr_clamp = 4;  // half a width: x up to 0.5; y up to 0.25
    CHECK(with_gradient(c, p, 0.5, 0, 0, 0).x1.partial[0] == 8);
    CHECK(with_gradient(c, p, -0.5, 0, 0, 0).x1.partial[0] == 8);
    CHECK(with_gradient(c, p, 0.5000001, 0, 0, 0).x1.partial[0] == 0);
    CHECK(with_gradient(c, p, 0.5000001, 0, 0, 0).x1.value == 14);
    CHECK(with_gradient(c, p, 0, -0.25, 0, 0).y2.partial[1] == 16);
    CHECK(with_gradient(c, p, 0, -0.2500001, 0, 0).y2.partial[1] == 0);
    CHECK(with_gradient(c, p, 0, 0, 0, -7).y1.partial[3] == Approx(-8 * std::exp(-7.0)));
    c.ctr_clamp = 0;
    CHECK(with_gradient(c, p, 3, 0, 0, 0).x1.value == 10);
    CHECK(with_gradient(c, p, 0, 0, 0, 0).x1.partial[0] == 8);
}

TEMPLATE_LIST_TEST_CASE("delta: boxes are clipped to the picture, whose gradient passes on its border", "[coder]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const auto priors = test::rows(b, 4, {0, 0, 8, 8, 4, 4, 12, 12});
    const auto codes = test::rows(b, 4, {0, 0.125, 0, 0, 1, -1, 0, 0});
    const auto ones = test::rows(b, 4, {1, 1, 1, 1, 1, 1, 1, 1});
    const auto boxes = [&](const auto& c, image_shape s) { return test::to_host<2>(b, coder::decode(b, c, priors, codes, s)); };
    const auto slope = [&](const auto& c, image_shape s) { return test::to_host<2>(b, coder::decode_gradient(b, c, priors, codes, ones, s)); };
    const std::vector<T> free{0, 1, 8, 9, 12, -4, 20, 4};
    CHECK(boxes(delta_xywh{}, {}) == free);
    CHECK(boxes(delta_xywh{.clip_border = false}, {.h = 5, .w = 7}) == free);
    CHECK(boxes(delta_xywh{}, {.h = 9, .w = 16}) == std::vector<T>{0, 1, 8, 9, 12, 0, 16, 4});
    CHECK(boxes(glip_delta_xywh{}, {.h = 9, .w = 16}) == std::vector<T>{0, T(1), T(7), T(8), T(12), 0, T(15), T(3)});
    // One axis alone may be bounded.
    CHECK(boxes(delta_xywh{}, {.h = 9}) == std::vector<T>{0, 1, 8, 9, 12, 0, 20, 4});
    CHECK(boxes(legacy_delta_xywh{}, {.h = 9, .w = 16})[3] == 8);  // H - 1
    // x1 = 0 and y2 = 9 lie on the border: their gradients pass.
    CHECK(slope(delta_xywh{}, {.h = 9, .w = 16}) == std::vector<T>{16, 16, 0, 0, 8, 8, -4, 4});
    CHECK(slope(delta_xywh{}, {}) == std::vector<T>{16, 16, 0, 0, 16, 16, 0, 0});
    CHECK(slope(delta_xywh{.clip_border = false}, {.h = 1, .w = 1}) == std::vector<T>{16, 16, 0, 0, 16, 16, 0, 0});
}

TEST_CASE("P15 delta: parameters out of range are refused", "[coder][promise]") {
    const boxgrad::memory<float> b;
    const auto x = test::rows(b, 4, {0, 0, 8, 8});
    const double nan = boxgrad::not_a_number<double>;
    const double inf = boxgrad::infinity<double>;
    const auto refused = [&](const delta_xywh& c) {
        CHECK_THROWS_AS(coder::decode(b, c, x, x), boxgrad::config_error);
        CHECK_THROWS_AS(coder::encode(b, c, x, x), boxgrad::config_error);
        CHECK_THROWS_AS(coder::decode_gradient(b, c, x, x, x), boxgrad::config_error);
    };
    for (const double bad : {0.0, -1.0, nan, inf}) {
        refused({.target_stds = {1, bad, 1, 1}});
        refused({.wh_ratio_clip = bad});
    }
    for (const double bad : {-1.0, nan}) refused({.clamp = delta_clamp::center, .ctr_clamp = bad});
    for (const double bad : {nan, inf}) refused({.target_means = {0, 0, bad, 0}});
}

static_assert(delta_xywh{}.decode(box{0.0, 0.0, 8.0, 8.0}, xywh<double>{0.5, 0, 0, 0}).x1 == 4);
