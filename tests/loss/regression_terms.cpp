// SPDX-License-Identifier: Apache-2.0
//
// Losses of differences: where they switch over, what is left of their digits near 0, and plain loops.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/loss/balanced_l1.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/huber.hpp>
#include <boxgrad/loss/l1.hpp>
#include <boxgrad/loss/mse.hpp>
#include <boxgrad/loss/smooth_l1.hpp>

#include <cmath>
#include <string>

namespace {

using boxgrad::dual;
using boxgrad::extents;
namespace loss = boxgrad::loss;
namespace reduction = boxgrad::reduction;
using real = long double;

struct value_and_slope {
    real value, slope;
};

value_and_slope by_hand(const loss::l1&, real d) { return {d, 1}; }
value_and_slope by_hand(const loss::smooth_l1& f, real d) {
    const real b = static_cast<real>(f.beta);
    if (d < b) return {d * d / (2 * b), d / b};
    return {d - b / 2, 1};
}
value_and_slope by_hand(const loss::huber& f, real d) {
    const real b = static_cast<real>(f.delta);
    if (d <= b) return {d * d / 2, d};
    return {b * (d - b / 2), b};
}
value_and_slope by_hand(const loss::mse&, real d) { return {d * d, 2 * d}; }
/// As the reference writes it.
value_and_slope by_hand(const loss::balanced_l1& f, real d) {
    const real a = static_cast<real>(f.alpha);
    const real g = static_cast<real>(f.gamma);
    const real beta = static_cast<real>(f.beta);
    const real b = std::expm1(g / a);
    if (d >= beta) return {g * d + g / b - a * beta, g};
    const real l = std::log1p(b * d / beta);
    return {a / b * (b * d + 1) * l - a * d, a * l + a * (1 - beta) / (b * d + beta)};
}

/// Everything of this file, chosen at run time.
struct any_term {
    int kind = 0;

    template <boxgrad::number V>
    BOXGRAD_FN V operator()(const V& x, boxgrad::base_t<V> t) const {
        switch (kind) {
            case 0:
                return loss::smooth_l1{0.5}(x, t);
            case 1:
                return loss::smooth_l1{0}(x, t);
            case 2:
                return loss::huber{0.75}(x, t);
            case 3:
                return loss::balanced_l1{}(x, t);
            case 4:
                return loss::balanced_l1{0.7, 2, 0.5}(x, t);
            default:
                return loss::mse{}(x, t);
        }
    }
    value_and_slope naive(real d) const {
        switch (kind) {
            case 0:
                return by_hand(loss::smooth_l1{0.5}, d);
            case 1:
                return by_hand(loss::smooth_l1{0}, d);
            case 2:
                return by_hand(loss::huber{0.75}, d);
            case 3:
                return by_hand(loss::balanced_l1{}, d);
            case 4:
                return by_hand(loss::balanced_l1{0.7, 2, 0.5}, d);
            default:
                return by_hand(loss::mse{}, d);
        }
    }
    /// With the slope's sign.
    value_and_slope naive(real x, real t) const {
        const value_and_slope r = naive(std::abs(x - t));
        return {r.value, x < t ? -r.slope : x > t ? r.slope : 0};
    }
};

template <class Term>
void check_refused(const Term& term, const char* parameter) {
    const boxgrad::memory<double> b;
    const std::vector<double> x{0.5};
    try {
        loss::value(b, term, reduction::sum{}, x, x);
        FAIL("nothing thrown");
    } catch (const boxgrad::config_error& e) {
        CHECK(std::string(e.what()).find(parameter) != std::string::npos);
    }
}

}  // namespace

TEMPLATE_TEST_CASE("losses of differences keep their digits from 1e-15 to 1e9", "[loss][gradient]", float, double) {
    using T = TestType;
    const real eps = static_cast<real>(std::numeric_limits<T>::epsilon());
    const auto check = [&](const auto& term, real digits) {
        for (double d = 1e-15; d < 1e9; d *= 1.31) {
            for (const double sign : {1.0, -1.0}) {
                const T x = static_cast<T>(sign * d);
                const auto r = term(dual<T, 1>::variable(x, 0), T(0));
                const value_and_slope e = by_hand(term, std::abs(static_cast<real>(x)));
                INFO("at " << x << ": " << r.value << " for " << static_cast<double>(e.value) << ", " << r.partial[0]
                           << " for " << static_cast<double>(e.slope));
                // The reference's formula of balanced L1 loses digits of its own near 0.
                const real lost = std::is_same_v<std::remove_cvref_t<decltype(term)>, loss::balanced_l1>
                                      ? std::abs(static_cast<real>(x)) * 1e-18L
                                      : 0;
                CHECK(std::abs(static_cast<real>(r.value) - e.value) <= digits * eps * e.value + lost);
                CHECK(std::abs(static_cast<real>(r.partial[0]) * static_cast<real>(sign) - e.slope) <=
                      digits * eps * e.slope);
                CHECK(r.value >= T(0));
            }
        }
    };
    check(loss::l1{}, 1);
    check(loss::mse{}, 2);
    for (const double beta : {0.0, 1e-3, 1.0 / 9, 1.0, 1000.0}) check(loss::smooth_l1{beta}, 4);
    for (const double delta : {1e-3, 1.0, 1000.0}) check(loss::huber{delta}, 4);
    check(loss::balanced_l1{}, 16);
    check(loss::balanced_l1{0.5, 0.01, 1}, 16);
    check(loss::balanced_l1{0.7, 2, 0.5}, 16);
}

TEMPLATE_TEST_CASE("losses of differences where they switch over", "[loss][gradient]", float, double) {
    using T = TestType;
    const auto at = [](const auto& term, T x) { return term(dual<T, 1>::variable(x, 0), T(0)); };
    const T below = std::nextafter(T(1), T(0));
    const auto joins = [&](const auto& term, T slope) {
        CHECK(test::near(at(term, below).value, at(term, T(1)).value));
        CHECK(test::near(at(term, below).partial[0], slope));
        CHECK(at(term, T(1)).partial[0] == slope);
        CHECK(at(term, T(0)).value == T(0));
        CHECK(at(term, T(0)).partial[0] == T(0));
    };
    joins(loss::smooth_l1{1}, T(1));
    joins(loss::huber{1}, T(1));
    joins(loss::balanced_l1{}, T(1.5));
    // P15: beta = 0 is l1.
    for (const T x : {T(-3), T(0), T(1e-30), T(2)}) {
        CHECK(at(loss::smooth_l1{0}, x).value == at(loss::l1{}, x).value);
        CHECK(at(loss::smooth_l1{0}, x).partial[0] == at(loss::l1{}, x).partial[0]);
    }
    CHECK(at(loss::huber{0.5}, T(2)).value == T(0.5) * at(loss::smooth_l1{0.5}, T(2)).value);
}

TEST_CASE("P15 parameters of losses of differences", "[loss][promise]") {
    check_refused(loss::smooth_l1{-1}, "beta");
    check_refused(loss::smooth_l1{std::nan("")}, "beta");
    check_refused(loss::huber{0}, "delta");
    check_refused(loss::huber{-1}, "delta");
    check_refused(loss::balanced_l1{0}, "alpha");
    check_refused(loss::balanced_l1{0.5, 0}, "gamma");
    check_refused(loss::balanced_l1{0.5, 1.5, 0}, "beta");
    check_refused(loss::balanced_l1{0.5, 21}, "gamma / alpha");
}

TEMPLATE_LIST_TEST_CASE("losses of differences against plain loops", "[loss]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    std::vector<T> xs;
    std::vector<T> ts;
    for (int i = 0; i < 36; ++i) {
        xs.push_back(static_cast<T>(i * 7 % 36) / T(8) - T(2));
        ts.push_back(static_cast<T>(i * 5 % 36) / T(8) - T(2));
    }
    const extents<2> shape{{9, 4}};
    const auto x = test::from_host(b, shape, xs);
    const auto t = test::from_host(b, shape, ts);
    for (int kind = 0; kind < 6; ++kind) {
        const any_term term{kind};
        const auto r = loss::value_and_gradient(b, term, reduction::sum{}, x, t, loss::ones{}, 0.5);
        real sum = 0;
        std::vector<T> slopes;
        for (std::size_t i = 0; i < xs.size(); ++i) {
            const value_and_slope e = term.naive(static_cast<real>(xs[i]), static_cast<real>(ts[i]));
            sum += e.value;
            slopes.push_back(static_cast<T>(e.slope / 2));
        }
        INFO("term " << kind);
        CHECK(test::near(r.value, static_cast<T>(sum), 16));
        CHECK(test::near(test::to_host<2>(b, r.gradient), slopes, 16));
    }
}
