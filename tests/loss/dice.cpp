// SPDX-License-Identifier: Apache-2.0
//
// The loss of masks against a model by loops.
#include "backends.hpp"
#include "catch.hpp"
#include "differences.hpp"

#include <boxgrad/loss/dice.hpp>

#include <random>

namespace {

using count = boxgrad::index;
namespace loss = boxgrad::loss;
using real = long double;

/// The paper's form, with cancellation and all.
real dice_of(const real* x, const double* t, count n, const loss::dice& d) {
    real common = 0, predicted = 0, wanted = 0;
    for (count i = 0; i < n; ++i) {
        const real p = d.activate ? 1 / (1 + std::exp(-x[i])) : x[i];
        const auto wish = real(t[i]);
        common += p * wish;
        predicted += d.naive_dice ? p : p * p;
        wanted += d.naive_dice ? wish : wish * wish;
    }
    const auto eps = real(d.eps);
    if (d.naive_dice) return 1 - (2 * common + eps) / (predicted + wanted + eps);
    return 1 - 2 * common / (predicted + eps + wanted + eps);
}

const std::vector<loss::dice> kinds{
    {true, false, 1e-3}, {true, true, 1}, {false, false, 0.1}, {false, true, 1e-3}, {true, false, 0}};

}  // namespace

TEMPLATE_LIST_TEST_CASE("Dice loss on every backend", "[loss][dice]", test::backends) {
    const TestType b{};
    using T = typename TestType::scalar;
    constexpr count n = 3, d = 19;
    std::mt19937 random(3);
    std::uniform_real_distribution<double> u(0.05, 0.95);
    std::vector<T> x, t;
    for (count i = 0; i < n * d; ++i) {
        x.push_back(static_cast<T>(u(random)));
        t.push_back(i < d ? static_cast<T>(u(random)) : T(u(random) < 0.5 ? 1 : 0));
    }
    const std::vector<double> targets(t.begin(), t.end());
    const auto p = test::from_host(b, boxgrad::extents<2>{{n, d}}, x);
    const auto q = test::from_host(b, boxgrad::extents<2>{{n, d}}, t);
    const auto weight = test::column(b, {1, 0, 2.5});
    for (const loss::dice& kind : kinds) {
        const auto by_hand = [&](const std::vector<real>& v) {
            return (dice_of(&v[0], &targets[0], d, kind) + real(2.5) * dice_of(&v[2 * d], &targets[2 * d], d, kind)) /
                   n;
        };
        const std::vector<real> at(x.begin(), x.end());
        const auto r = loss::value_and_gradient(b, kind, boxgrad::reduction::mean{}, p, q, weight);
        const double tolerance = std::is_same_v<T, float> ? 2e-6 : 1e-10;
        CHECK(std::abs(static_cast<double>(r.value) - static_cast<double>(by_hand(at))) <= tolerance);
        CHECK(test::largest_difference(test::to_host<2>(b, r.gradient), test::differences(at, by_hand)) <= tolerance);
    }
}

TEMPLATE_TEST_CASE("P12 Dice loss keeps the digits of good, bad and large masks", "[loss][dice][promise]", float,
                   double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    const double tolerance = std::is_same_v<T, float> ? 1e-5 : 1e-13;
    for (const count d : {count{9}, count{20000}}) {
        for (const double shift : {-30.0, -8.0, 0.0, 8.0}) {  // of the margin by which pixels are right
            for (const bool naive : {false, true}) {
                const loss::dice kind{true, naive, 1e-3};
                std::mt19937 random(5);
                std::uniform_real_distribution<double> u(-3, 3);
                std::vector<T> x, t;
                for (count i = 0; i < d; ++i) {
                    t.push_back(T(i % 3 == 0 ? 1 : 0));
                    x.push_back(static_cast<T>((i % 3 == 0 ? 1 : -1) * (shift + u(random))));
                }
                const auto r = loss::value_and_gradient(
                    b, kind, boxgrad::reduction::sum{}, boxgrad::from_host<T>(b, boxgrad::extents<2>{{1, d}}, x.data()),
                    boxgrad::from_host<T>(b, boxgrad::extents<2>{{1, d}}, t.data()));
                real apart = 0, common = 0;
                const auto p = [&](std::size_t i) { return 1 / (1 + std::exp(-static_cast<real>(x[i]))); };
                const auto rest = [&](std::size_t i) { return 1 / (1 + std::exp(static_cast<real>(x[i]))); };
                for (std::size_t i = 0; i < x.size(); ++i) {
                    const real wrong = t[i] == T(1) ? rest(i) : p(i);
                    apart += naive ? wrong : wrong * wrong;
                    common += t[i] == T(1) ? p(i) : 0;
                }
                const real a = naive ? apart : apart + real(2) * real(kind.eps);
                const real m = 2 * common + (naive ? real(kind.eps) : 0);
                const real value = a / (a + m);
                CHECK(r.value >= T(0));
                CHECK(std::abs(static_cast<double>((static_cast<real>(r.value) - value) / value)) <= tolerance);
                const auto g = test::to_host<2>(b, r.gradient);
                double worst = 0;
                for (std::size_t i = 0; i < x.size(); ++i) {
                    const real slope_of_apart = naive ? 1 : 2 * (t[i] == T(1) ? rest(i) : p(i));
                    const real by_p = t[i] == T(1) ? -(m * slope_of_apart + 2 * a) / ((a + m) * (a + m))
                                                   : m * slope_of_apart / ((a + m) * (a + m));
                    const real want = by_p * p(i) * rest(i);
                    worst = std::max(worst, static_cast<double>(std::abs((static_cast<real>(g[i]) - want) / want)));
                }
                INFO("pixels " << d << " shift " << shift << " naive " << naive);
                CHECK(worst <= tolerance);
            }
        }
    }
}

TEST_CASE("Dice loss at its edges", "[loss][dice]") {
    const boxgrad::memory<double> b;
    const auto nothing = test::rows(b, 3, {0, 0, 0});
    // Nothing predicted, nothing wanted: no loss, not 0/0.
    for (const bool naive : {false, true}) {
        const auto r =
            loss::value_and_gradient(b, loss::dice{false, naive, 0}, boxgrad::reduction::sum{}, nothing, nothing);
        CHECK(r.value == 0);
        for (const double g : test::to_host<2>(b, r.gradient)) CHECK(std::isfinite(g));
    }
    // mmdetection: 1 for a mask without pixels, by ε; the naive form gives 0.
    CHECK(loss::value(b, loss::dice{false}, boxgrad::reduction::sum{}, nothing, nothing) == 1);
    CHECK(loss::value(b, loss::dice{false, true}, boxgrad::reduction::sum{}, nothing, nothing) == 0);
    const auto extreme = test::rows(b, 3, {800, -800, 1e300});
    const auto r =
        loss::value_and_gradient(b, loss::dice{}, boxgrad::reduction::sum{}, extreme, test::rows(b, 3, {1, 0, 0}));
    CHECK((std::isfinite(r.value) && r.value > 0));
    for (const double g : test::to_host<2>(b, r.gradient)) CHECK(std::isfinite(g));
    // Rows without pixels, no rows.
    const auto none = boxgrad::from_host<double>(b, boxgrad::extents<2>{{0, 3}}, static_cast<const double*>(nullptr));
    CHECK(loss::value(b, loss::dice{}, boxgrad::reduction::mean{}, none, none) == 0);
    CHECK_THROWS_AS((loss::value(b, loss::dice{true, false, -1}, boxgrad::reduction::sum{}, nothing, nothing)),
                    boxgrad::config_error);
    CHECK_THROWS_AS((loss::value(b, loss::dice{}, boxgrad::reduction::sum{}, nothing, none)), boxgrad::shape_error);
}
