// SPDX-License-Identifier: Apache-2.0
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxgrad.hpp>

#include <random>

namespace {

using boxgrad::box;
using boxgrad::coder::yolox;
using boxgrad::coder::xywh;
using test::extents;

template <class T>
std::vector<T> random_numbers(unsigned seed, std::size_t n, double low, double high) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> u(low, high);
    std::vector<T> v(n);
    for (T& x : v) x = static_cast<T>(u(random));
    return v;
}
/// Priors of strides 8 to 32 by 4 to 16 at any place.
template <class T>
std::vector<T> random_priors(unsigned seed, std::size_t n) {
    auto v = random_numbers<T>(seed, 4 * n, 0, 640);
    for (std::size_t i = 0; i < n; ++i) {
        v[4 * i + 2] = T(8) * static_cast<T>(1 + i % 4);
        v[4 * i + 3] = T(4) * static_cast<T>(1 + i % 4);
    }
    return v;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("decode is its formula, and encode undoes it", "[coder][property]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const yolox coder;
    const std::size_t n = 1003;
    const extents<2> e{{1003, 4}};
    const auto priors = random_priors<T>(1, n);
    const auto codes = random_numbers<T>(2, 4 * n, -3, 3);
    const auto p = test::from_host(b, e, priors);
    const auto boxes = boxgrad::coder::decode(b, coder, p, test::from_host(b, e, codes));
    const auto x = test::to_host<2>(b, boxes);
    const auto back = test::to_host<2>(b, boxgrad::coder::encode(b, coder, p, boxes));
    const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i) {
        double corner[4];
        double largest = 0;
        for (std::size_t c = 0; c < 2; ++c) {
            const double s = static_cast<double>(priors[4 * i + 2 + c]);
            const double centre = static_cast<double>(codes[4 * i + c]) * s + static_cast<double>(priors[4 * i + c]);
            const double reach = std::exp(static_cast<double>(codes[4 * i + 2 + c])) * s / 2;
            corner[c] = centre - reach;
            corner[c + 2] = centre + reach;
            largest = std::max({largest, std::abs(corner[c]) / s, std::abs(corner[c + 2]) / s});
        }
        for (std::size_t c = 0; c < 4; ++c) {
            CHECK(std::abs(static_cast<double>(x[4 * i + c]) - corner[c]) <= 8 * eps * (std::abs(corner[0]) + std::abs(corner[1]) + std::abs(corner[2]) + std::abs(corner[3])));
            // A box of stride s far from the origin has lost the digits of |box| / s, and its size those of |box| / size.
            const double size = c < 2 ? 1 : std::exp(-static_cast<double>(codes[4 * i + c]));
            const double units = std::abs(static_cast<double>(back[4 * i + c]) - static_cast<double>(codes[4 * i + c])) / (eps * (1 + largest) * std::max(1.0, size) + 1e-8 * (c < 2 ? 0 : size));
            worst = std::max(worst, units);
        }
    }
    INFO("worst " << worst << " ULP of (1 + |box| / stride)");
    CHECK(worst <= 8);
}

TEMPLATE_LIST_TEST_CASE("P26 the coder's shapes, P8 its bound", "[coder][promise]", test::float_backends) {
    const TestType b;
    const yolox coder;
    const auto priors = test::rows(b, 4, {0, 0, 8, 8, 8, 0, 8, 8});
    const auto one = test::rows(b, 4, {0, 0, 1, 1});
    CHECK_THROWS_AS(boxgrad::coder::decode(b, coder, priors, one), boxgrad::shape_error);
    CHECK_THROWS_AS(boxgrad::coder::decode(b, coder, test::rows(b, 2, {0, 0, 1, 1}), priors), boxgrad::shape_error);
    CHECK_THROWS_AS(boxgrad::coder::encode(b, coder, priors, test::rows(b, 2, {0, 0, 1, 1})), boxgrad::shape_error);
    const auto codes = test::rows(b, 4, {0.5, 0.5, 38, 88, 0.5, 0.5, 1e30, -1e30});
    const auto x = test::to_host<2>(b, boxgrad::coder::decode(b, coder, priors, codes));
    for (const float v : x) CHECK(std::abs(v) <= 0x1p60F);
    CHECK(x[2] == Approx(4 * std::exp(38.0)).epsilon(1e-5));
    CHECK(x[3] == x[6]);
    CHECK((x[5] == 4.0F && x[7] == 4.0F));  // e^-1e30 = 0: a box without height
    CHECK(test::to_host<2>(b, boxgrad::coder::decode(b, coder, test::rows(b, 4, {}), test::rows(b, 4, {}))).empty());
}

TEST_CASE("the coder's gradient is e^w·s/2 on both sides and passes at its bound", "[coder][gradient]") {
    using D = boxgrad::dual<double, 4>;
    const yolox coder;
    const boxgrad::prior::point<double> p{16, 24, 8, 4};
    for (const double w : {-5.0, 0.0, 2.5, 340.0}) {
        const auto r = coder.decode(p, xywh<D>{D::variable(0.25, 0), D::variable(-1, 1), D::variable(w, 2), D::variable(0.5, 3)});
        CHECK(r.x1.partial[0] == 8);
        CHECK(r.y2.partial[1] == 4);
        CHECK(r.x1.partial[2] == Approx(-4 * std::exp(w)).epsilon(1e-14));
        CHECK(r.x2.partial[2] == Approx(4 * std::exp(w)).epsilon(1e-14));
        CHECK(r.y2.partial[3] == Approx(2 * std::exp(0.5)).epsilon(1e-14));
        CHECK(r.x1.partial[3] == 0);
    }
    const auto beyond = coder.decode(p, xywh<D>{D(0.0), D(0.0), D::variable(340.5, 2), D(0.0)});
    CHECK(beyond.x2.partial[2] == 0);
    CHECK(beyond.x2.value == coder.decode(p, xywh<double>{0, 0, 340, 0}).x2);
}
