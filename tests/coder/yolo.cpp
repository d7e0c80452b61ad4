// SPDX-License-Identifier: Apache-2.0
//
// The coders of YOLOv3 and of YOLOv5: formulas in long double, what they reach, strides of each prior.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/coder/yolo.hpp>
#include <boxgrad/coder/yolov5.hpp>

#include <cmath>
#include <random>

namespace {

namespace coder = boxgrad::coder;
using boxgrad::box;
using coder::strided_box;
using coder::xywh;
using coder::yolo;
using coder::yolov5;
using test::extents;
using wide = long double;

wide sigmoid(wide x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_CASE("yolo and yolov5 decode by their formulas in long double", "[coder][property]") {
    std::mt19937_64 random(91);
    std::uniform_real_distribution<double> u(0, 1);
    double worst = 0;
    double worst_v5 = 0;
    for (int i = 0; i < 20000; ++i) {
        const double x = 600 * u(random);
        const double y = 600 * u(random);
        const strided_box<double> p{{x, y, x + 1 + 300 * u(random), y + 1 + 300 * u(random)}, 4 + 60 * u(random)};
        const auto raw = [&] { return 8 * u(random) - 4; };
        const xywh<double> c{u(random), u(random), raw(), raw()};
        const xywh<double> r{raw(), raw(), raw(), raw()};
        const auto off = [&](const box<double>& got, wide cx, wide cy, wide w, wide h) {
            const wide size = std::abs(cx) + std::abs(cy) + w + h;
            wide d = 0;
            for (const auto& [v, t] : {std::pair{got.x1, cx - w / 2}, {got.y1, cy - h / 2}, {got.x2, cx + w / 2}, {got.y2, cy + h / 2}}) {
                d = std::max(d, std::abs(wide(v) - t) / size);
            }
            return static_cast<double>(d) / 0x1p-52;
        };
        const wide px = (wide(p.box.x1) + wide(p.box.x2)) / 2;
        const wide py = (wide(p.box.y1) + wide(p.box.y2)) / 2;
        const wide pw = wide(p.box.x2) - wide(p.box.x1);
        const wide ph = wide(p.box.y2) - wide(p.box.y1);
        const auto s = static_cast<wide>(p.stride);
        worst = std::max(worst, off(yolo{}.decode(p, c), px + (wide(c.x) - 0.5L) * s, py + (wide(c.y) - 0.5L) * s, pw * std::exp(wide(c.w)), ph * std::exp(wide(c.h))));
        const auto sigma = [](double v) { return sigmoid(static_cast<wide>(v)); };
        const auto four = [&](double v) { return 4 * sigma(v) * sigma(v); };
        worst_v5 = std::max(worst_v5, off(yolov5{}.decode(p, r), px + (2 * sigma(r.x) - 1) * s, py + (2 * sigma(r.y) - 1) * s, pw * four(r.w), ph * four(r.h)));
    }
    INFO("yolo off by " << worst << ", yolov5 by " << worst_v5 << " eps");
    CHECK(worst <= 4);
    CHECK(worst_v5 <= 4);
}

TEST_CASE("yolo encodes within [eps, 1 - eps], sizes from eps on", "[coder]") {
    const strided_box<double> p{{8, 8, 24, 40}, 16};
    const auto code = [&](const box<double>& b) { return yolo{}.encode(p, b); };
    CHECK(code({8, 8, 24, 40}).x == 0.5);
    CHECK(code({8, 8, 24, 40}).w == 0);
    CHECK(code({12, 8, 28, 40}).x == 0.75);
    CHECK(code({1000, 8, 1001, 40}).x == 1 - 1e-6);
    CHECK(code({-1000, 8, -999, 40}).x == 1e-6);
    CHECK(code({8, 8, 8, 40}).w == Approx(std::log(1e-6)));
    CHECK(code({8, 8, 24, 20}).h == Approx(std::log(12.0 / 32)));
    // A box inside out has no size, not one that is not a number.
    CHECK(code({8, 8, 0, 40}).w == Approx(std::log(1e-6)));
}

TEMPLATE_TEST_CASE("yolov5 encodes what it reaches exactly, and else the nearest", "[coder][property]", float, double) {
    using T = TestType;
    const yolov5 c;
    const strided_box<T> p{{T(100), T(100), T(116), T(132)}, T(8)};
    std::mt19937_64 random(92);
    std::uniform_real_distribution<double> u(-1, 1);
    bool within = true;
    double worst = 0;
    for (int i = 0; i < 20000; ++i) {
        // Centres up to twice as far as it reaches, sizes up to 6 times the prior's.
        const double cx = 108 + 16 * u(random);
        const double cy = 116 + 16 * u(random);
        const double w = 16 * 6 * (0.501 + 0.499 * u(random));
        const double h = 32 * 6 * (0.501 + 0.499 * u(random));
        const box<T> b{static_cast<T>(cx - w / 2), static_cast<T>(cy - h / 2), static_cast<T>(cx + w / 2), static_cast<T>(cy + h / 2)};
        const box<T> back = c.decode(p, c.encode(p, b));
        const auto nearest = [](double x, double low, double high) { return std::min(std::max(x, low), high); };
        const double e[4] = {nearest(cx, 100, 116), nearest(cy, 108, 124), nearest(w, 0, 64), nearest(h, 0, 128)};
        const double got[4] = {static_cast<double>((back.x1 + back.x2) / 2), static_cast<double>((back.y1 + back.y2) / 2),
                               static_cast<double>(back.x2 - back.x1), static_cast<double>(back.y2 - back.y1)};
        for (int k = 0; k < 4; ++k) {
            within = within && std::isfinite(got[k]);
            worst = std::max(worst, std::abs(got[k] - e[k]));
        }
    }
    CHECK(within);
    // 128·2·eps of a probability at the largest size, and what coordinates of 300 round to.
    CHECK(worst <= 256 * 1e-6 * 2 + 300 * 16 * static_cast<double>(std::numeric_limits<T>::epsilon()));
    // A box inside out is nearest to one without size.
    const auto flat = c.encode(p, box<T>{T(100), T(100), T(90), T(90)});
    CHECK(std::isfinite(flat.w));
    CHECK(std::isfinite(flat.h));
}

TEMPLATE_LIST_TEST_CASE("strides from a fifth column, or the coder's for all", "[coder]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const auto five = test::rows(b, 5, {0, 0, 8, 8, 8, 0, 0, 16, 16, 32});
    const auto four = test::rows(b, 4, {0, 0, 8, 8, 0, 0, 16, 16});
    const auto codes = test::rows(b, 4, {0.75, 0.25, 0, 0, 0.75, 0.25, 0, 0});
    CHECK(test::to_host<2>(b, coder::decode(b, yolo{.stride = 99}, five, codes)) == std::vector<T>{2, -2, 10, 6, 8, -8, 24, 8});
    CHECK(test::to_host<2>(b, coder::decode(b, yolo{.stride = 4}, four, codes)) == std::vector<T>{1, -1, 9, 7, 1, -1, 17, 15});
    CHECK(test::to_host<2>(b, coder::decode(b, yolo{.stride = 4}, four, codes, {.h = 6, .w = 8})) ==
          test::to_host<2>(b, coder::decode(b, yolo{.stride = 4}, four, codes, {.h = 6, .w = 8})));
    const auto truth = test::rows(b, 4, {2, -2, 10, 6, 8, -8, 24, 8});
    CHECK(test::to_host<2>(b, coder::encode(b, yolo{}, five, truth)) == std::vector<T>{T(0.75), T(0.25), 0, 0, T(0.75), T(0.25), 0, 0});
    const auto raw = test::rows(b, 4, {0, 0, 0, 0, 0, 0, 0, 0});
    CHECK(test::to_host<2>(b, coder::decode(b, yolov5{}, five, raw)) == std::vector<T>{0, 0, 8, 8, 0, 0, 16, 16});
}

TEST_CASE("P8 yolo: sizes saturate where the gradient ends, in float and double", "[coder][gradient]") {
    using D = boxgrad::dual<float, 4>;
    const strided_box<float> p{{0, 0, 8, 8}, 8};
    const auto at = [&](float w) { return yolo{}.decode(p, xywh<D>{D(0.5F), D(0.5F), D::variable(w, 2), D(0.0F)}); };
    CHECK(at(38).x2.partial[2] == Approx(4 * std::exp(38.0)).epsilon(1e-5));
    CHECK(at(38.1F).x2.partial[2] == 0);
    CHECK(at(38.1F).x2.value == at(38).x2.value);
    CHECK(at(boxgrad::largest_finite<float>).x2.value == at(38).x2.value);
}
