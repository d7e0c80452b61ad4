// SPDX-License-Identifier: Apache-2.0
// The elementary functions: special values, error bounds, order, packs against scalars, derivatives.
// Every float is visited by ulp_scan.cpp; here a fixed share of them is.

#include <boxgrad/core/dual.hpp>
#include <boxgrad/core/math.hpp>

#include "support/catch.hpp"
#include "ulp.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace boxgrad_test;

#if BOXGRAD_HAS_XSIMD
#define NUMBERS float, double, boxgrad::pack<float>, boxgrad::pack<double>
#else
#define NUMBERS float, double
#endif

template <class V>
using scalar_of = boxgrad::scalar_t<V>;

/// Runs f for each of the six functions.
template <class F>
void each_function(F&& f) {
    f(exp_function{});
    f(log_function{});
    f(log1p_function{});
    f(sigmoid_function{});
    f(softplus_function{});
    f(atan_function{});
}

/// The function's results for x, read and written through packs of V with a padded last one.
template <class V, class F>
std::vector<scalar_of<V>> evaluate(F, const std::vector<scalar_of<V>>& x) {
    constexpr int width = boxgrad::width_v<V>;
    std::vector<scalar_of<V>> y(x.size());
    for (std::size_t i = 0; i < x.size(); i += static_cast<std::size_t>(width)) {
        const int count = static_cast<int>(std::min(x.size() - i, static_cast<std::size_t>(width)));
        boxgrad::store(F::value(boxgrad::load<V>(x.data() + i, 1, count)), y.data() + i, 1, count);
    }
    return y;
}

template <class V>
scalar_of<V> first_lane(V x) {
    return boxgrad::lane(x, 0);
}

/// f at one number, in every lane.
template <class V, class F>
scalar_of<V> at(F, scalar_of<V> x) {
    const V y = F::value(V(x));
    const scalar_of<V> r = boxgrad::lane(y, 0);
    for (int i = 1; i < boxgrad::width_v<V>; ++i) {
        const scalar_of<V> other = boxgrad::lane(y, i);
        REQUIRE(boxgrad::to_bits(other) == boxgrad::to_bits(r));
    }
    return r;
}

/// Ascending numbers of T from -infinity to infinity: `count` of them, equally spaced in bit patterns.
template <class T>
std::vector<T> sample(std::int64_t count) {
    using B = typename boxgrad::number_traits<T>::bits;
    const B infinity = boxgrad::to_bits(std::numeric_limits<T>::infinity());
    const B step = infinity / static_cast<B>(count / 2) | B(1);  // odd: no mantissa pattern repeats
    std::vector<T> x;
    x.reserve(static_cast<std::size_t>(count) + 4);
    x.push_back(std::numeric_limits<T>::infinity());
    for (B b = infinity - 1;; b -= step) {
        x.push_back(boxgrad::from_bits<T>(b));
        if (b < step) break;
    }
    x.push_back(T(0));
    const std::size_t half = x.size();
    for (std::size_t i = half; i-- > 0;) x.push_back(-x[i]);
    std::reverse(x.begin(), x.end());
    return x;
}

/// Numbers where the functions bend: `count` in [low, high], equally spaced.
template <class T>
std::vector<T> linear(T low, T high, int count) {
    std::vector<T> x;
    for (int i = 0; i < count; ++i) x.push_back(low + (high - low) * (static_cast<T>(i) / static_cast<T>(count - 1)));
    return x;
}

/// sigmoid and softplus may fall by one float between neighbours (docs/core/math.md); the others never do.
constexpr int allowed_fall(std::string_view name) { return name == "sigmoid" || name == "softplus" ? 1 : 0; }

/// How many numbers of T lie between a and b.
template <class T>
std::int64_t distance(T a, T b) {
    const auto rank = [](T v) {
        const auto i = static_cast<std::int64_t>(boxgrad::to_bits(boxgrad::abs(v)));
        return std::signbit(v) ? -i : i;
    };
    const std::int64_t d = rank(a) - rank(b);
    return d < 0 ? -d : d;
}

/// Fails where an error over x, ascending, passes two units or a result falls.
template <class V, class F>
void check_error(F f, const std::vector<scalar_of<V>>& x) {
    using T = scalar_of<V>;
    const std::vector<T> y = evaluate<V>(f, x);
    double worst = 0.0;
    std::int64_t deepest = 0;
    T worst_at{}, deepest_at{};
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double e = ulp_error(y[i], F::truth(static_cast<wider_t<T>>(x[i])));
        if (e > worst) {
            worst = e;
            worst_at = x[i];
        }
        if (i > 0 && y[i] < y[i - 1] && distance(y[i], y[i - 1]) > deepest) {
            deepest = distance(y[i], y[i - 1]);
            deepest_at = x[i];
        }
    }
    CAPTURE(F::name, worst, worst_at, deepest, deepest_at);
    CHECK(worst <= 2.0);
    CHECK(deepest <= allowed_fall(F::name));
}

TEMPLATE_TEST_CASE("functions take their exact limits", "[core][math]", NUMBERS) {
    using V = TestType;
    using T = scalar_of<V>;
    using limits = std::numeric_limits<T>;
    constexpr T inf = limits::infinity();
    const auto is_zero = [](T x, bool negative) { return x == T(0) && std::signbit(x) == negative; };

    CHECK(is_zero(at<V>(exp_function{}, -inf), false));
    CHECK(is_zero(at<V>(exp_function{}, limits::lowest()), false));
    CHECK(at<V>(exp_function{}, inf) == inf);
    CHECK(at<V>(exp_function{}, limits::max()) == inf);
    CHECK(at<V>(exp_function{}, T(0)) == T(1));
    CHECK(at<V>(exp_function{}, T(-0.0)) == T(1));
    CHECK(at<V>(exp_function{}, limits::denorm_min()) == T(1));

    CHECK(at<V>(log_function{}, T(0)) == -inf);
    CHECK(at<V>(log_function{}, T(-0.0)) == -inf);
    CHECK(at<V>(log_function{}, inf) == inf);
    CHECK(is_zero(at<V>(log_function{}, T(1)), false));
    CHECK(std::isnan(at<V>(log_function{}, T(-1))));
    CHECK(std::isnan(at<V>(log_function{}, -limits::denorm_min())));
    CHECK(std::isnan(at<V>(log_function{}, -inf)));

    CHECK(at<V>(log1p_function{}, T(-1)) == -inf);
    CHECK(at<V>(log1p_function{}, inf) == inf);
    CHECK(is_zero(at<V>(log1p_function{}, T(0)), false));
    CHECK(is_zero(at<V>(log1p_function{}, T(-0.0)), true));
    CHECK(at<V>(log1p_function{}, limits::denorm_min()) == limits::denorm_min());
    CHECK(at<V>(log1p_function{}, -limits::denorm_min()) == -limits::denorm_min());
    CHECK(std::isnan(at<V>(log1p_function{}, T(-2))));
    CHECK(std::isnan(at<V>(log1p_function{}, std::nextafter(T(-1), T(-2)))));
    CHECK(std::isnan(at<V>(log1p_function{}, -inf)));

    CHECK(at<V>(sigmoid_function{}, inf) == T(1));
    CHECK(is_zero(at<V>(sigmoid_function{}, -inf), false));
    CHECK(is_zero(at<V>(sigmoid_function{}, limits::lowest()), false));
    CHECK(at<V>(sigmoid_function{}, T(0)) == T(0.5));
    CHECK(at<V>(sigmoid_function{}, T(-0.0)) == T(0.5));

    CHECK(at<V>(softplus_function{}, inf) == inf);
    CHECK(is_zero(at<V>(softplus_function{}, -inf), false));
    CHECK(at<V>(softplus_function{}, limits::max()) == limits::max());
    CHECK(at<V>(softplus_function{}, T(0)) == static_cast<T>(0.693147180559945309417L));

    CHECK(at<V>(atan_function{}, inf) == static_cast<T>(1.57079632679489661923L));
    CHECK(at<V>(atan_function{}, -inf) == static_cast<T>(-1.57079632679489661923L));
    CHECK(at<V>(atan_function{}, limits::max()) == static_cast<T>(1.57079632679489661923L));
    CHECK(at<V>(atan_function{}, T(1)) == static_cast<T>(0.785398163397448309616L));
    CHECK(is_zero(at<V>(atan_function{}, T(0)), false));
    CHECK(is_zero(at<V>(atan_function{}, T(-0.0)), true));
    CHECK(at<V>(atan_function{}, limits::denorm_min()) == limits::denorm_min());
}

TEMPLATE_TEST_CASE("functions keep NaN", "[core][math]", NUMBERS) {
    using V = TestType;
    using T = scalar_of<V>;
    using B = typename boxgrad::number_traits<T>::bits;
    const B infinity = boxgrad::to_bits(std::numeric_limits<T>::infinity());
    const B sign = ~(~B(0) >> 1);
    for (const B payload :
         {B(1), B(2), B(12345), B(infinity & ~(infinity >> 1)) >> 9, static_cast<B>(~(infinity | sign))}) {
        if ((payload & ~(infinity | sign)) == 0) continue;
        for (const B s : {B(0), sign}) {
            const T x = boxgrad::from_bits<T>(infinity | payload | s);
            CAPTURE(infinity | payload | s);
            each_function([&](auto f) {
                CAPTURE(f.name);
                CHECK(std::isnan(at<V>(f, x)));
            });
            CHECK(std::isnan(first_lane(boxgrad::sqrt(V(x)))));
        }
    }
}

TEMPLATE_TEST_CASE("functions are within two units over the whole range", "[core][math]", NUMBERS) {
    using V = TestType;
    using T = scalar_of<V>;
    const std::vector<T> x = sample<T>(sizeof(T) == 4 ? 2000003 : 200003);
    each_function([&](auto f) { check_error<V>(f, x); });
}

TEMPLATE_TEST_CASE("functions are within two units where they bend", "[core][math]", NUMBERS) {
    using V = TestType;
    using T = scalar_of<V>;
    const T lowest = sizeof(T) == 4 ? T(-104.5) : T(-746);
    const T highest = sizeof(T) == 4 ? T(89) : T(710);
    const std::vector<T> around = linear<T>(T(-4), T(4), 50021);
    const std::vector<T> wide = linear<T>(lowest, highest, 50021);
    each_function([&](auto f) {
        check_error<V>(f, around);
        check_error<V>(f, wide);
    });
    check_error<V>(log_function{}, linear<T>(T(0.5), T(2), 50021));
    check_error<V>(log1p_function{}, linear<T>(T(-1), T(-0.5), 50021));
    check_error<V>(exp_function{}, linear<T>(lowest, lowest + T(20), 50021));  // denormal results
}

TEMPLATE_TEST_CASE("exp overflows where the true value does", "[core][math]", NUMBERS) {
    using V = TestType;
    using T = scalar_of<V>;
    using limits = std::numeric_limits<T>;
    // The largest numbers whose exponentials round to a finite number, and to one above 0.
    const T last_finite = sizeof(T) == 4 ? T(0x1.62e42ep+6f) : T(0x1.62e42fefa39efp+9);
    const T last_positive = sizeof(T) == 4 ? T(-0x1.9fe368p+6f) : T(-0x1.74910d52d3051p+9);
    CHECK(at<V>(exp_function{}, last_finite) < limits::infinity());
    CHECK(at<V>(exp_function{}, std::nextafter(last_finite, T(1000))) == limits::infinity());
    CHECK(at<V>(exp_function{}, last_positive) == limits::denorm_min());
    CHECK(at<V>(exp_function{}, std::nextafter(last_positive, T(-1000))) == T(0));
    CHECK(at<V>(softplus_function{}, last_positive) == limits::denorm_min());
    CHECK(at<V>(sigmoid_function{}, last_positive) == limits::denorm_min());
}

#if BOXGRAD_HAS_XSIMD
TEMPLATE_TEST_CASE("a lane of a pack is the scalar within one unit", "[core][math]", float, double) {
    using T = TestType;
    using P = boxgrad::pack<T>;
    const std::vector<T> x = sample<T>(100003);
    each_function([&](auto f) {
        const std::vector<T> scalars = evaluate<T>(f, x), packs = evaluate<P>(f, x);
        std::int64_t apart = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            if (std::isnan(scalars[i]) && std::isnan(packs[i])) continue;
            apart = std::max(apart, distance(scalars[i], packs[i]));
        }
        CAPTURE(f.name);
        CHECK(apart <= 1);
    });
}

TEMPLATE_TEST_CASE("a padded pack gives the bits of a full one", "[core][math]", float, double) {
    using T = TestType;
    using P = boxgrad::pack<T>;
    constexpr int width = P::width;
    const std::vector<T> x = linear<T>(T(-3), T(5), 64 * width);
    each_function([&](auto f) {
        CAPTURE(f.name);
        const std::vector<T> full = evaluate<P>(f, x);
        bool same = true;
        for (std::size_t i = 0; i < x.size(); i += static_cast<std::size_t>(width)) {
            for (int count = 1; count <= width; ++count) {
                std::vector<T> y(static_cast<std::size_t>(width), T(77));
                boxgrad::store(f.value(boxgrad::load<P>(x.data() + i, 1, count)), y.data(), 1, count);
                for (int k = 0; k < width; ++k) {
                    const auto j = static_cast<std::size_t>(k);
                    const T expected = k < count ? full[i + j] : T(77);
                    same = same && boxgrad::to_bits(y[j]) == boxgrad::to_bits(expected);
                }
            }
        }
        CHECK(same);
    });
}

TEMPLATE_TEST_CASE("max, min and abs of packs are those of scalars", "[core][math]", float, double) {
    using T = TestType;
    using P = boxgrad::pack<T>;
    using limits = std::numeric_limits<T>;
    const T values[] = {T(0),  T(-0.0), limits::infinity(), -limits::infinity(),  T(1),
                        T(-2), T(-1),   limits::max(),      limits::denorm_min(), limits::quiet_NaN()};
    for (const T a : values) {
        CHECK(boxgrad::to_bits(first_lane(boxgrad::abs(P(a)))) == boxgrad::to_bits(boxgrad::abs(a)));
        CHECK(boxgrad::to_bits(boxgrad::abs(a)) == boxgrad::to_bits(std::abs(a)));
        for (const T b : values) {
            CAPTURE(a, b);
            CHECK(boxgrad::to_bits(first_lane(boxgrad::max(P(a), P(b)))) == boxgrad::to_bits(boxgrad::max(a, b)));
            CHECK(boxgrad::to_bits(first_lane(boxgrad::min(P(a), P(b)))) == boxgrad::to_bits(boxgrad::min(a, b)));
        }
    }
}
#endif

TEMPLATE_TEST_CASE("pow2 is exact over the normal exponents", "[core][math]", NUMBERS) {
    using V = TestType;
    using T = scalar_of<V>;
    for (int n = std::numeric_limits<T>::min_exponent - 1; n < std::numeric_limits<T>::max_exponent; ++n) {
        CAPTURE(n);
        REQUIRE(first_lane(boxgrad::pow2(V(static_cast<T>(n)))) == std::ldexp(T(1), n));
    }
}

TEMPLATE_TEST_CASE("split_exponent takes a normal number apart", "[core][math]", NUMBERS) {
    using V = TestType;
    using T = scalar_of<V>;
    for (const T x : sample<T>(4001)) {
        if (!(x >= std::numeric_limits<T>::min()) || std::isinf(x)) continue;
        CAPTURE(x);
        V mantissa{};
        const T e = first_lane(boxgrad::split_exponent(V(x), mantissa));
        const T m = first_lane(mantissa);
        REQUIRE(e == static_cast<T>(std::ilogb(x)));
        REQUIRE(m == std::scalbn(x, -std::ilogb(x)));
    }
}

TEMPLATE_TEST_CASE("round_to_even rounds halves to even", "[core][math]", NUMBERS) {
    using V = TestType;
    using T = scalar_of<V>;
    const T largest = sizeof(T) == 4 ? T(0x1p22) : T(0x1p51);
    for (const T x : {T(0), T(0.5), T(1.5), T(2.5), T(-0.5), T(-1.5), T(-2.5), T(0.49), T(0.51), T(-0.75), T(1000.5),
                      T(1001.5), largest, -largest, largest - T(0.5), T(0.5) - largest}) {
        CAPTURE(x);
        CHECK(first_lane(boxgrad::round_to_even(V(x))) == std::nearbyint(x));
    }
}

TEMPLATE_TEST_CASE("sqrt is correctly rounded", "[core][math]", NUMBERS) {
    using V = TestType;
    using T = scalar_of<V>;
    for (const T x : sample<T>(10007)) {
        if (x < T(0)) {
            REQUIRE(std::isnan(first_lane(boxgrad::sqrt(V(x)))));
        } else {
            REQUIRE(first_lane(boxgrad::sqrt(V(x))) == std::sqrt(x));
        }
    }
}

/// d/dx of each function at x.
template <class T>
std::vector<std::pair<std::string, T>> closed_forms(T x) {
    const T s = T(1) / (T(1) + std::exp(-x));
    return {{"exp", std::exp(x)},
            {"log", T(1) / x},
            {"log1p", T(1) / (T(1) + x)},
            {"sigmoid", s * (T(1) / (T(1) + std::exp(x)))},
            {"softplus", s},
            {"atan", T(1) / (T(1) + x * x)},
            {"sqrt", T(0.5) / std::sqrt(x)}};
}

TEMPLATE_TEST_CASE("duals carry the closed-form derivatives", "[core][math][dual]", NUMBERS) {
    using V = TestType;
    using T = scalar_of<V>;
    using D = boxgrad::dual<V, 2>;
    const T tolerance = T(16) * std::numeric_limits<T>::epsilon();
    for (const T x : {T(0.001), T(0.3), T(0.41), T(0.5), T(1), T(1.7), T(3), T(10), T(30)}) {
        const D v = D::variable(V(x), 1);
        const D results[] = {boxgrad::exp(v),      boxgrad::log(v),  boxgrad::log1p(v), boxgrad::sigmoid(v),
                             boxgrad::softplus(v), boxgrad::atan(v), boxgrad::sqrt(v)};
        const auto expected = closed_forms(x);
        for (std::size_t i = 0; i < expected.size(); ++i) {
            CAPTURE(expected[i].first, x);
            const T derivative = first_lane(results[i].partial[1]);
            CHECK(std::abs(derivative - expected[i].second) <= tolerance * std::abs(expected[i].second));
            CHECK(first_lane(results[i].partial[0]) == T(0));
        }
    }
    for (const T x : {T(-0.2), T(-3), T(-20), T(0)}) {
        const D v = D::variable(V(x), 0);
        const auto expected = closed_forms(x);
        const D results[] = {boxgrad::exp(v), boxgrad::sigmoid(v), boxgrad::softplus(v), boxgrad::atan(v)};
        const std::size_t which[] = {0, 3, 4, 5};
        for (std::size_t i = 0; i < 4; ++i) {
            const auto& e = expected[which[i]];
            CAPTURE(e.first, x);
            CHECK(std::abs(first_lane(results[i].partial[0]) - e.second) <= tolerance * std::abs(e.second));
        }
    }
}

TEST_CASE("scalar functions may run at compile time", "[core][math]") {
    static_assert(boxgrad::exp(0.0f) == 1.0f);
    static_assert(boxgrad::log(1.0) == 0.0);
    static_assert(boxgrad::sigmoid(0.0f) == 0.5f);
    constexpr double quarter_turn = boxgrad::atan(1.0);
    CHECK(quarter_turn == std::atan(1.0));
}

}  // namespace
