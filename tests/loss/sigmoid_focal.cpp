// SPDX-License-Identifier: Apache-2.0
//
// Focal loss, and overlaps as losses.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxgrad.hpp>

#include <cmath>

namespace {

using boxgrad::dual;
using boxgrad::loss::sigmoid_focal;

struct value_and_slope {
    long double value, slope;
};

/// The formula and its derivative by hand; p = σ(x) and 1 - p from e^-|x|.
value_and_slope by_hand(long double x, long double t, long double alpha, long double gamma) {
    const long double small = std::exp(-std::abs(x)) / (1 + std::exp(-std::abs(x)));
    const long double p = x < 0 ? small : 1 - small;
    const long double rest = x < 0 ? 1 - small : small;
    const long double q = t * rest + (1 - t) * p;
    const long double bce = (1 - t) * std::max(x, 0.0L) + t * std::max(-x, 0.0L) + std::log1p(std::exp(-std::abs(x)));
    const long double a = alpha < 0 ? 1 : alpha * t + (1 - alpha) * (1 - t);
    const long double error = (1 - t) * p - t * rest;  // σ(x) - t
    const long double power = std::pow(q, gamma);
    const long double slope_of_power = gamma == 0 ? 0 : gamma * std::pow(q, gamma - 1) * (1 - 2 * t) * p * rest;
    return {a * power * bce, a * (power * error + slope_of_power * bce)};
}

}  // namespace

TEMPLATE_TEST_CASE("P12 focal loss keeps its digits in saturated tails", "[loss][gradient][promise]", float, double) {
    using T = TestType;
    const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
    for (const double gamma : {0.0, 0.5, 1.0, 1.5, 2.0, 5.0}) {
        for (const double alpha : {0.25, -1.0}) {
            const sigmoid_focal term{alpha, gamma};
            double worst = 0;
            double worst_slope = 0;
            for (double x = -15; x <= 15; x += 0.0613) {
                for (const double t : {0.0, 1.0, 0.3}) {
                    const auto r = term(dual<T, 1>::variable(static_cast<T>(x), 0), static_cast<T>(t));
                    const auto e = by_hand(static_cast<long double>(static_cast<T>(x)), static_cast<long double>(static_cast<T>(t)), alpha, gamma);
                    const auto off = [](T got, long double want, long double scale) {
                        return static_cast<double>(std::abs(static_cast<long double>(got) - want) / scale);
                    };
                    worst = std::max(worst, off(r.value, e.value, e.value));
                    // A soft target's gradient passes 0: against the loss there, elsewhere against itself.
                    worst_slope = std::max(worst_slope, off(r.partial[0], e.slope, t == 0.0 || t == 1.0 ? std::abs(e.slope) : std::abs(e.slope) + e.value));
                }
            }
            INFO("gamma " << gamma << " alpha " << alpha << ": value " << worst / eps << " ε, slope " << worst_slope / eps << " ε");
            // q^gamma by a logarithm costs |gamma·ln q| ε more.
            const double power = gamma == std::floor(gamma) && gamma < 3 ? 0 : 3 * 15 * gamma;
            CHECK(worst <= (8 + power) * eps);
            CHECK(worst_slope <= (16 + power) * eps);
        }
    }
    for (const T x : {T(100), T(-100), std::numeric_limits<T>::max(), -std::numeric_limits<T>::max()}) {
        for (const double gamma : {0.0, 0.5, 1.0, 2.0, 3.0}) {
            for (const T t : {T(0), T(1), T(0.5)}) {
                const auto r = sigmoid_focal{0.25, gamma}(dual<T, 1>::variable(x, 0), t);
                CHECK((std::isfinite(r.value) && r.value >= 0 && std::isfinite(r.partial[0])));
            }
        }
    }
}

TEST_CASE("focal loss without gamma is weighted cross entropy", "[loss]") {
    for (const double x : {-3.0, 0.0, 0.5, 20.0}) {
        CHECK(sigmoid_focal{-1, 0}(x, 1.0) == boxgrad::loss::bce{}(x, 1.0));
        CHECK(sigmoid_focal{0.25, 0}(x, 0.0) == 0.75 * boxgrad::loss::bce{}(x, 0.0));
    }
}

TEMPLATE_LIST_TEST_CASE("focal and overlap losses on every backend", "[loss]", test::backends) {
    using T = typename TestType::scalar;
    namespace loss = boxgrad::loss;
    namespace overlap = boxgrad::overlap;
    const TestType b;
    const auto x = test::rows(b, 3, {-2, 0.5, 30, 4, -40, 0, 1, 2, 3});
    const auto t = test::rows(b, 3, {0, 1, 0, 1, 1, 0.25, 0, 1, 1});
    const auto focal = loss::value_and_gradient(b, sigmoid_focal{}, boxgrad::reduction::none{}, x, t);
    const auto xs = test::to_host<2>(b, x);
    const auto ts = test::to_host<2>(b, t);
    std::vector<T> value;
    std::vector<T> slope;
    for (std::size_t i = 0; i < xs.size(); ++i) {
        const auto r = sigmoid_focal{}(dual<T, 1>::variable(xs[i], 0), ts[i]);
        value.push_back(r.value);
        slope.push_back(r.partial[0]);
    }
    CHECK(test::near(test::to_host<2>(b, focal.value), value));
    CHECK(test::near(test::to_host<2>(b, focal.gradient), slope));

    const auto p = test::rows(b, 4, {0, 0, 10, 10, 5, 5, 25, 15, 3, 3, 3, 9});
    const auto q = test::rows(b, 4, {1, 2, 11, 9, 40, 5, 60, 15, 0, 0, 10, 10});
    const auto by_loss = loss::value(b, loss::overlap_loss<overlap::ciou>{}, boxgrad::reduction::none{}, p, q);
    std::vector<T> expected;
    for (const T u : test::to_host<1>(b, overlap::aligned(b, overlap::ciou{}, p, q))) expected.push_back(T(1) - u);
    CHECK(test::near(test::to_host<1>(b, by_loss), expected));
}
