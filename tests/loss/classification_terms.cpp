// SPDX-License-Identifier: Apache-2.0
//
// Focal losses of logits, of probabilities and of heat maps, and the cross entropy of masks.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/loss/gaussian_focal.hpp>
#include <boxgrad/loss/mask_cross_entropy.hpp>
#include <boxgrad/loss/probability_focal.hpp>
#include <boxgrad/loss/quality_focal.hpp>
#include <boxgrad/loss/sigmoid_focal.hpp>
#include <boxgrad/loss/varifocal.hpp>

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

/// |e|^n and its derivative by e.
value_and_slope power_of(real e, real n) {
    const real a = std::abs(e);
    if (n == 0) return {1, 0};
    return {std::pow(a, n), a == 0 ? 0 : n * std::pow(a, n - 1) * (e < 0 ? -1 : 1)};
}
/// Of two factors.
value_and_slope times(value_and_slope a, value_and_slope b) {
    return {a.value * b.value, a.slope * b.value + a.value * b.slope};
}
value_and_slope times(real a, value_and_slope b) { return {a * b.value, a * b.slope}; }

/// A logit by hand: probabilities, their derivative, and the cross entropy.
struct logit {
    real p, rest, error, slope;  // error is t - p
    value_and_slope bce;
    logit(real x, real t) {
        const real small = std::exp(-std::abs(x)) / (1 + std::exp(-std::abs(x)));
        p = x < 0 ? small : 1 - small;
        rest = x < 0 ? 1 - small : small;
        error = t * rest - (1 - t) * p;
        slope = p * rest;
        const real tail = std::log1p(std::exp(-std::abs(x)));
        bce = {(1 - t) * std::max(x, 0.0L) + t * std::max(-x, 0.0L) + tail, -error};
    }
};
/// Of a probability, with PyTorch's clamps.
value_and_slope bce_by_hand(real p, real t) {
    const real l = -t * std::max(p > 0 ? std::log(p) : -100.0L, -100.0L) -
                   (1 - t) * std::max(p < 1 ? std::log1p(-p) : -100.0L, -100.0L);
    return {l, (p - t) / std::max(p * (1 - p), 1e-12L)};
}
real balance(real t, real alpha) { return alpha < 0 ? 1 : alpha * t + (1 - alpha) * (1 - t); }

value_and_slope by_hand(const loss::sigmoid_focal& f, real x, real t) {
    const logit l(x, t);
    value_and_slope q = power_of(t * l.rest + (1 - t) * l.p, static_cast<real>(f.gamma));
    q.slope *= (1 - 2 * t) * l.slope;
    return times(balance(t, static_cast<real>(f.alpha)), times(q, l.bce));
}
value_and_slope by_hand(const loss::probability_focal& f, real p, real t) {
    value_and_slope q = power_of(t * (1 - p) + (1 - t) * p, static_cast<real>(f.gamma));
    q.slope *= 1 - 2 * t;
    return times(balance(t, static_cast<real>(f.alpha)), times(q, bce_by_hand(p, t)));
}
value_and_slope by_hand(const loss::quality_focal& f, real x, real t) {
    const logit l(x, t);
    value_and_slope q = power_of(l.error, static_cast<real>(f.beta));
    q.slope *= -l.slope;
    return times(q, l.bce);
}
value_and_slope by_hand(const loss::probability_quality_focal& f, real p, real t) {
    value_and_slope q = power_of(t - p, static_cast<real>(f.beta));
    q.slope *= -1;
    return times(q, bce_by_hand(p, t));
}
value_and_slope by_hand(const loss::varifocal& f, real x, real t) {
    const logit l(x, t);
    if (t > 0) return times(f.iou_weighted ? t : 1, l.bce);
    value_and_slope q = power_of(l.error, static_cast<real>(f.gamma));
    q.slope *= -l.slope;
    return times(static_cast<real>(f.alpha), times(q, l.bce));
}
/// -ln(a + eps·(1 - a)) and its derivative.
value_and_slope floored(real a, real rest) {
    const real x = a + 1e-12L * rest;
    return {rest < 0.5L ? -std::log1p(-rest * (1 - 1e-12L)) : -std::log(x), -(1 - 1e-12L) / x};
}
value_and_slope by_hand(const loss::gaussian_focal& f, real p, real t) {
    value_and_slope far = power_of(1 - p, static_cast<real>(f.alpha));
    far.slope *= -1;
    const value_and_slope positive = times(static_cast<real>(f.pos_weight), times(far, floored(p, 1 - p)));
    value_and_slope log = floored(1 - p, p);
    log.slope *= -1;
    const value_and_slope negative =
        times(static_cast<real>(f.neg_weight) * std::pow(1 - t, static_cast<real>(f.gamma)),
              times(power_of(p, static_cast<real>(f.alpha)), log));
    return {(t == 1 ? positive.value : 0) + negative.value, (t == 1 ? positive.slope : 0) + negative.slope};
}

/// The largest errors of value and slope in ε, each relative to itself; a soft target's slope, which passes 0, to the
/// loss as well. What is below `least` is left to underflow.
template <class T, class Term>
void check_digits(const Term& term, const std::vector<double>& at, std::initializer_list<double> targets, double most,
                  real least) {
    double worst = 0;
    double worst_slope = 0;
    for (const double place : at) {
        for (const double target : targets) {
            const T x = static_cast<T>(place);
            const T t = static_cast<T>(target);
            const auto r = term(dual<T, 1>::variable(x, 0), t);
            const value_and_slope e = by_hand(term, static_cast<real>(x), static_cast<real>(t));
            if (e.value < least || std::abs(e.slope) < least) continue;
            const auto off = [](T got, real want, real scale) {
                return static_cast<double>(std::abs(static_cast<real>(got) - want) / scale) /
                       static_cast<double>(std::numeric_limits<T>::epsilon());
            };
            const bool hard = target == 0.0 || target == 1.0;
            const double v = off(r.value, e.value, e.value);
            const double s = off(r.partial[0], e.slope, std::abs(e.slope) + (hard ? 0 : e.value));
            if (v > worst || s > worst_slope)
                UNSCOPED_INFO("at " << place << " target " << target << ": " << v << " ε, slope " << s << " ε");
            worst = std::max(worst, v);
            worst_slope = std::max(worst_slope, s);
            CHECK(r.value >= T(0));
        }
    }
    CHECK(worst <= most);
    CHECK(worst_slope <= most);
}

std::vector<double> logits() {
    std::vector<double> x;
    for (double at = -40; at <= 40; at += 0.0613) x.push_back(at);
    return x;
}
/// Dense near 0 and 1.
std::vector<double> probabilities() {
    std::vector<double> p{0.25, 0.5, 0.75};
    for (double d = 1e-7; d < 0.5; d *= 1.17) {
        p.push_back(d);
        p.push_back(1 - d);
    }
    return p;
}

/// All of this file that are elementwise, chosen at run time.
struct any_term {
    int kind = 0;

    template <boxgrad::number V>
    BOXGRAD_FN V operator()(const V& x, boxgrad::base_t<V> t) const {
        switch (kind) {
            case 0:
                return loss::probability_focal{0.25, 1.5}(x, t);
            case 1:
                return loss::probability_quality_focal{}(x, t);
            case 2:
                return loss::gaussian_focal{2, 4, 0.5, 2}(x, t);
            case 3:
                return loss::quality_focal{1.5}(x, t);
            default:
                return loss::varifocal{}(x, t);
        }
    }
    value_and_slope naive(real x, real t) const {
        switch (kind) {
            case 0:
                return by_hand(loss::probability_focal{0.25, 1.5}, x, t);
            case 1:
                return by_hand(loss::probability_quality_focal{}, x, t);
            case 2:
                return by_hand(loss::gaussian_focal{2, 4, 0.5, 2}, x, t);
            case 3:
                return by_hand(loss::quality_focal{1.5}, x, t);
            default:
                return by_hand(loss::varifocal{}, x, t);
        }
    }
};

template <class F>
std::string message_of(const F& f) {
    try {
        f();
    } catch (const boxgrad::config_error& e) {
        return e.what();
    }
    return "nothing thrown";
}

}  // namespace

TEMPLATE_TEST_CASE("P12 every focal form keeps its digits where it saturates", "[loss][gradient][promise]", float,
                   double) {
    using T = TestType;
    const real least = sizeof(T) == 4 ? 1e-30L : 1e-280L;
    for (const double gamma : {0.0, 0.5, 1.0, 1.5, 2.0, 3.3, 5.0}) {
        INFO("gamma " << gamma);
        // What is left of an exponent after halves goes through a logarithm of up to 40.
        const double most = 24 + (gamma == 3.3 ? 40 : 0);
        check_digits<T>(loss::sigmoid_focal{0.25, gamma}, logits(), {0.0, 1.0, 0.3}, most, least);
        check_digits<T>(loss::quality_focal{gamma}, logits(), {0.0, 1.0}, most, least);
        check_digits<T>(loss::varifocal{0.75, gamma}, logits(), {0.0, 1.0, 0.6}, most, least);
        check_digits<T>(loss::probability_focal{0.25, gamma}, probabilities(), {0.0, 1.0, 0.3}, most, least);
        check_digits<T>(loss::probability_quality_focal{gamma}, probabilities(), {0.0, 1.0}, most, least);
        check_digits<T>(loss::gaussian_focal{gamma, 4}, probabilities(), {0.0, 0.7, 1.0}, most, least);
    }
}

TEMPLATE_TEST_CASE("P12 losses of logits and probabilities are finite everywhere", "[loss][gradient][promise]", float,
                   double) {
    using T = TestType;
    const auto finite = [](const auto& r) {
        return std::isfinite(r.value) && r.value >= 0 && std::isfinite(r.partial[0]);
    };
    const T tiny = std::numeric_limits<T>::denorm_min();
    const T most = std::numeric_limits<T>::max();
    for (const double gamma : {0.0, 0.01, 0.5, 1.0, 1.7, 2.0, 11.0}) {
        for (const T t : {T(0), T(1), T(0.5), T(0.3)}) {
            for (const T x :
                 {T(0), T(50), T(-50), T(88), T(-88), T(104), T(-104), T(800), T(-800), most, -most, tiny}) {
                INFO("gamma " << gamma << " target " << t << " at " << x);
                const auto v = dual<T, 1>::variable(x, 0);
                CHECK(finite(loss::sigmoid_focal{0.25, gamma}(v, t)));
                CHECK(finite(loss::quality_focal{gamma}(v, t)));
                CHECK(finite(loss::varifocal{0.75, gamma}(v, t)));
            }
            for (const T p : {T(0), T(1), T(0.5), t, tiny, std::numeric_limits<T>::min(),
                              T(1) - std::numeric_limits<T>::epsilon(), T(1e-12)}) {
                INFO("gamma " << gamma << " target " << t << " at " << p);
                const auto v = dual<T, 1>::variable(p, 0);
                CHECK(finite(loss::probability_focal{0.25, gamma}(v, t)));
                CHECK(finite(loss::probability_quality_focal{gamma}(v, t)));
                CHECK(finite(loss::gaussian_focal{gamma, 4}(v, t)));
                CHECK(finite(loss::gaussian_focal{2, gamma}(v, t)));
            }
        }
    }
}

TEST_CASE("probabilities of 0 and 1 have PyTorch's clamps", "[loss]") {
    const auto at = [](float p, float t) {
        return loss::probability_quality_focal{0}(dual<float, 1>::variable(p, 0), t);
    };
    CHECK(at(0, 1).value == 100);
    CHECK(at(0, 1).partial[0] == -1e12f);
    CHECK(at(1, 0).value == 100);
    CHECK(at(1, 0).partial[0] == 1e12f);
    CHECK(at(0, 0).value == 0);
    CHECK(at(1, 1).value == 0);
    // The heat map's floor of 1e-12.
    const auto wrong = loss::gaussian_focal{}(dual<float, 1>::variable(0.0f, 0), 1.0f);
    CHECK(test::near(wrong.value, 27.6310211f));
    CHECK(wrong.partial[0] < -9e11f);
    CHECK(loss::gaussian_focal{}(1.0f, 1.0f) == 0);
    CHECK(loss::gaussian_focal{}(0.0f, 0.0f) == 0);
    CHECK(test::near(loss::gaussian_focal{}(1.0f, 0.0f), 27.6310211f));
}

TEST_CASE("focal losses at their limits are each other", "[loss]") {
    for (const double x : {-3.0, 0.0, 0.5, 20.0}) {
        for (const double t : {0.0, 0.4, 1.0}) {
            CHECK(loss::quality_focal{0}(x, t) == loss::bce{}(x, t));
            CHECK(loss::sigmoid_focal{-1, 0}(x, t) == loss::bce{}(x, t));
            if (t != 0.4) CHECK(test::near(loss::quality_focal{2}(x, t), loss::sigmoid_focal{-1, 2}(x, t)));
        }
        CHECK(loss::varifocal{1, 2}(x, 0.0) == loss::quality_focal{2}(x, 0.0));
        CHECK(loss::varifocal{1, 2, false}(x, 0.5) == loss::bce{}(x, 0.5));
        CHECK(loss::varifocal{}(x, 0.5) == 0.5 * loss::bce{}(x, 0.5));
    }
}

TEST_CASE("P15 parameters of focal losses", "[loss][promise]") {
    const boxgrad::memory<double> b;
    const std::vector<double> x{0.5};
    const auto refused = [&](const auto& term) {
        return message_of([&] { loss::value(b, term, reduction::sum{}, x, x); });
    };
    CHECK(refused(loss::sigmoid_focal{0.25, -1}).find("gamma") != std::string::npos);
    CHECK(refused(loss::sigmoid_focal{1.5, 2}).find("alpha") != std::string::npos);
    CHECK(refused(loss::sigmoid_focal{0.25, std::nan("")}).find("gamma") != std::string::npos);
    CHECK(refused(loss::probability_focal{0.25, -1}).find("gamma") != std::string::npos);
    CHECK(refused(loss::probability_focal{2, 2}).find("alpha") != std::string::npos);
    CHECK(refused(loss::quality_focal{-1}).find("beta") != std::string::npos);
    CHECK(refused(loss::probability_quality_focal{-1}).find("beta") != std::string::npos);
    CHECK(refused(loss::varifocal{-1, 2}).find("alpha") != std::string::npos);
    CHECK(refused(loss::varifocal{1, -2}).find("gamma") != std::string::npos);
    CHECK(refused(loss::gaussian_focal{-1, 4}).find("alpha") != std::string::npos);
    CHECK(refused(loss::gaussian_focal{2, -4}).find("gamma") != std::string::npos);
    CHECK(refused(loss::gaussian_focal{2, 4, -1}).find("pos_weight") != std::string::npos);
    CHECK(refused(loss::gaussian_focal{2, 4, 1, -1}).find("neg_weight") != std::string::npos);
    CHECK(refused(loss::sigmoid_focal{-1, 0}) == "nothing thrown");
}

TEST_CASE("powers are within a few roundings", "[core]") {
    for (const float p : {0.0f, 0.25f, 0.5f, 1.0f, 1.5f, 2.0f, 2.5f, 2.7f, 8.0f, 8.5f, 9.5f, 30.0f}) {
        for (float x = 1e-6f; x < 1.5f; x *= 1.37f) {
            const real want = std::pow(static_cast<real>(x), static_cast<real>(p));
            if (want < 1e-36L) continue;
            const auto r = boxgrad::power(dual<float, 1>::variable(x, 0), p);
            const real slope =
                p == 0 ? 0 : static_cast<real>(p) * std::pow(static_cast<real>(x), static_cast<real>(p) - 1);
            const real error = 6 * 1.2e-7L * (p >= 9 ? 84 : 3);
            INFO("x " << x << " p " << p);
            CHECK(std::abs(static_cast<real>(r.value) - want) <= error * want);
            CHECK(std::abs(static_cast<real>(r.partial[0]) - slope) <= error * slope);
        }
        CHECK(boxgrad::power(0.0f, p) == (p == 0 ? 1.0f : 0.0f));
        const float slope = boxgrad::power(dual<float, 1>::variable(0.0f, 0), p).partial[0];
        CHECK(slope == (p == 1 ? 1.0f : 0.0f));
    }
}

TEMPLATE_LIST_TEST_CASE("focal losses against plain loops", "[loss]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    for (int kind = 0; kind < 5; ++kind) {
        const any_term term{kind};
        std::vector<T> xs;
        std::vector<T> ts;
        for (int i = 0; i < 39; ++i) {
            const double u = (i * 7 % 39 + 0.5) / 39;
            xs.push_back(static_cast<T>(kind < 3 ? u : 16 * u - 8));
            ts.push_back(static_cast<T>(i % 3 == 0 ? 0.0 : i % 3 == 1 ? 1.0 : (i % 10) / 10.0));
        }
        const extents<2> shape{{13, 3}};
        const auto x = test::from_host(b, shape, xs);
        const auto t = test::from_host(b, shape, ts);
        const auto r = loss::value_and_gradient(b, term, reduction::sum{}, x, t, loss::ones{}, 0.5);
        real sum = 0;
        std::vector<T> slopes;
        for (std::size_t i = 0; i < xs.size(); ++i) {
            const value_and_slope e = term.naive(static_cast<real>(xs[i]), static_cast<real>(ts[i]));
            sum += e.value;
            slopes.push_back(static_cast<T>(e.slope / 2));
        }
        INFO("term " << kind);
        CHECK(test::near(r.value, static_cast<T>(sum), 32));
        CHECK(test::near(test::to_host<2>(b, r.gradient), slopes, 64));
    }
}

TEMPLATE_LIST_TEST_CASE("heat maps with given positives against plain loops", "[loss]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const boxgrad::index rows = 7;
    const boxgrad::index columns = 3;
    std::vector<T> ps;
    std::vector<T> ts;
    for (int i = 0; i < 21; ++i) {
        ps.push_back(static_cast<T>((i * 5 % 21 + 0.5) / 21));
        ts.push_back(static_cast<T>(i % 4 == 0 ? 1.0 : (i % 10) / 10.0));
    }
    const auto p = test::from_host(b, extents<2>{{rows, columns}}, ps);
    const auto t = test::from_host(b, extents<2>{{rows, columns}}, ts);
    const loss::gaussian_focal term{2, 4, 0.5, 1.5};
    // One cell twice, and none.
    for (const std::vector<std::int64_t>& inds :
         {std::vector<std::int64_t>{6, 0, 3, 0, 2}, std::vector<std::int64_t>{}}) {
        std::vector<std::int64_t> labels{2, 1, 0, 1, 2};
        labels.resize(inds.size());
        const boxgrad::index m = static_cast<boxgrad::index>(inds.size());
        const auto i = test::from_host(b, extents<1>{{m}}, inds);
        const auto l = test::from_host(b, extents<1>{{m}}, labels);
        const auto given = loss::gaussian_focal_with_pos_inds(i, l, term);
        const auto compare = [&](const auto& red, real positives, real negatives) {
            const real upstream = 2;
            real value = 0;
            std::vector<real> slopes(ps.size());
            for (std::size_t k = 0; k < ps.size(); ++k) {
                const value_and_slope e =
                    by_hand(loss::gaussian_focal{2, 4, 0, 1.5}, static_cast<real>(ps[k]), static_cast<real>(ts[k]));
                value += e.value * negatives;
                slopes[k] += e.slope * negatives * upstream;
            }
            for (std::size_t k = 0; k < inds.size(); ++k) {
                const auto cell = static_cast<std::size_t>(inds[k] * columns + labels[k]);
                const value_and_slope e = by_hand(loss::gaussian_focal{2, 4, 0.5, 0}, static_cast<real>(ps[cell]), 1);
                value += e.value * positives;
                slopes[cell] += e.slope * positives * upstream;
            }
            const auto r = given.value_and_gradient(b, red, p, t, 2.0);
            CHECK(test::near(r.value, static_cast<T>(value), 32));
            CHECK(test::near(test::to_host<2>(b, r.gradient), std::vector<T>(slopes.begin(), slopes.end()), 32));
            CHECK(given.value(b, red, p, t) == r.value);
        };
        compare(reduction::sum{}, 1, 1);
        compare(reduction::mean{}, m > 0 ? 1 / static_cast<real>(m) : 0, 1 / 21.0L);
        compare(reduction::mean_over{4}, 1 / (4 + 0x1p-23L), 1 / (4 + 0x1p-23L));
    }
}

TEST_CASE("P10 positives that are no cells are named", "[loss][promise]") {
    const boxgrad::memory<float> b;
    const auto p = test::rows(b, 3, {0.1, 0.2, 0.3, 0.4, 0.5, 0.6});
    const auto refused = [&](std::vector<std::int32_t> inds, std::vector<std::int32_t> labels) {
        return message_of([&] { loss::gaussian_focal_with_pos_inds(inds, labels).value(b, reduction::sum{}, p, p); });
    };
    CHECK(refused({0, 2}, {0, 0}) ==
          "loss::gaussian_focal_with_pos_inds: pos_inds must be from 0 to 1, got 2 in row 1");
    CHECK(refused({-1}, {0}) == "loss::gaussian_focal_with_pos_inds: pos_inds must be from 0 to 1, got -1 in row 0");
    CHECK(refused({0, 1, 0}, {0, 2, 3}) ==
          "loss::gaussian_focal_with_pos_inds: pos_labels must be from 0 to 2, got 3 in row 2");
    CHECK(refused({1, 0}, {2, 1}) == "nothing thrown");
    const std::vector<std::int32_t> one{0};
    const std::vector<std::int32_t> two{0, 1};
    CHECK_THROWS_AS(loss::gaussian_focal_with_pos_inds(one, two).value(b, reduction::sum{}, p, p),
                    boxgrad::shape_error);
}

TEMPLATE_LIST_TEST_CASE("cross entropy of masks against plain loops", "[loss]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const boxgrad::index n = 3;
    const boxgrad::index c = 2;
    const boxgrad::index h = 19;
    const boxgrad::index w = 17;  // more than a piece
    std::vector<T> xs;
    std::vector<T> ts;
    for (boxgrad::index i = 0; i < n * c * h * w; ++i)
        xs.push_back(static_cast<T>(static_cast<double>(i * 37 % 101) / 5 - 10));
    for (boxgrad::index i = 0; i < n * h * w; ++i) ts.push_back(static_cast<T>(static_cast<double>(i * 13 % 5) / 4));
    const std::vector<std::int64_t> ys{1, 0, 1};
    const auto x = test::from_host(b, extents<4>{{n, c, h, w}}, xs);
    const auto t = test::from_host(b, extents<3>{{n, h, w}}, ts);
    const auto y = test::from_host(b, extents<1>{{n}}, ys);
    real sum = 0;
    std::vector<T> slopes(xs.size());
    const real size = static_cast<real>(n * h * w);
    for (boxgrad::index m = 0; m < n; ++m) {
        for (boxgrad::index k = 0; k < h * w; ++k) {
            const auto at = static_cast<std::size_t>((m * c + ys[static_cast<std::size_t>(m)]) * h * w + k);
            const logit l(static_cast<real>(xs[at]), static_cast<real>(ts[static_cast<std::size_t>(m * h * w + k)]));
            sum += l.bce.value;
            slopes[at] = static_cast<T>(l.bce.slope / size * 1.5L);
        }
    }
    const auto r = loss::mask_cross_entropy{0.5}.value_and_gradient(b, reduction::mean{}, x, t, y, 3);
    CHECK(test::near(r.value, static_cast<T>(sum / size / 2)));
    CHECK(test::near(test::to_host<4>(b, r.gradient), slopes));
    CHECK(loss::mask_cross_entropy{0.5}.value(b, reduction::mean{}, x, t, y) == r.value);

    const auto none = test::from_host(b, extents<4>{{0, c, h, w}}, std::vector<T>{});
    const auto no_target = test::from_host(b, extents<3>{{0, h, w}}, std::vector<T>{});
    const auto no_label = test::from_host(b, extents<1>{{0}}, std::vector<std::int64_t>{});
    CHECK(loss::mask_cross_entropy{}.value_and_gradient(b, reduction::mean{}, none, no_target, no_label).value == T(0));
}

TEST_CASE("P10 a mask's label that is no channel is named", "[loss][promise]") {
    using boxgrad::view;
    const boxgrad::memory<float> b;
    const std::vector<float> x(2 * 3 * 4);
    const std::vector<float> t(2 * 4);
    const view<const float, 4> prediction(x.data(), {{2, 3, 2, 2}});
    const view<const float, 3> target(t.data(), {{2, 2, 2}});
    const auto refused = [&](std::vector<std::int32_t> labels) {
        return message_of([&] { loss::mask_cross_entropy{}.value(b, reduction::mean{}, prediction, target, labels); });
    };
    CHECK(refused({2, 3}) == "loss::mask_cross_entropy: labels must be from 0 to 2, got 3 in row 1");
    CHECK(refused({-1, 0}) == "loss::mask_cross_entropy: labels must be from 0 to 2, got -1 in row 0");
    CHECK(refused({2, 0}) == "nothing thrown");
    const std::vector<std::int32_t> one{0};
    CHECK_THROWS_AS(loss::mask_cross_entropy{}.value(b, reduction::mean{}, prediction, target, one),
                    boxgrad::shape_error);
    const std::vector<std::int32_t> good{0, 1};
    CHECK_THROWS_AS(loss::mask_cross_entropy{-1}.value(b, reduction::mean{}, prediction, target, good),
                    boxgrad::config_error);
}
