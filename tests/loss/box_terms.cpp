// SPDX-License-Identifier: Apache-2.0
//
// What is special about single box terms: bounded IoU's four losses, equal, flat, inverted, tiny and huge boxes,
// powers, weights that are constants, and that the loss grows as boxes move apart.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/loss/alpha_iou.hpp>
#include <boxgrad/loss/bounded_iou.hpp>
#include <boxgrad/loss/ciou.hpp>
#include <boxgrad/loss/diou.hpp>
#include <boxgrad/loss/eiou.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/focal_eiou.hpp>
#include <boxgrad/loss/giou.hpp>
#include <boxgrad/loss/siou.hpp>

#include <cmath>
#include <random>
#include <string>

namespace {

namespace loss = boxgrad::loss;
namespace overlap = boxgrad::overlap;
namespace red = boxgrad::reduction;
using boxgrad::box;
using boxgrad::dual;
using boxgrad::view;
using position = boxgrad::index;
using test::extents;
using four = std::array<double, 4>;

template <class T>
std::vector<T> uniform(unsigned seed, std::size_t n, double low, double high, unsigned zeros = 0) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> u(low, high);
    std::vector<T> v(n);
    for (T& x : v) x = zeros > 0 && random() % zeros == 0 ? T(0) : static_cast<T>(u(random));
    return v;
}
/// Boxes of positive size, rows of 4; some are apart from those of another seed.
template <class T>
std::vector<T> random_boxes(unsigned seed, std::size_t n) {
    auto v = uniform<T>(seed, 4 * n, 1, 30);
    for (std::size_t i = 0; i < n; ++i) {
        v[4 * i + 2] += v[4 * i];
        v[4 * i + 3] += v[4 * i + 1];
    }
    return v;
}
template <class T>
four row_of(const std::vector<T>& v, std::size_t i) {
    return {static_cast<double>(v[4 * i]), static_cast<double>(v[4 * i + 1]), static_cast<double>(v[4 * i + 2]),
            static_cast<double>(v[4 * i + 3])};
}
template <class T>
box<T> box_of(const four& x) {
    return {static_cast<T>(x[0]), static_cast<T>(x[1]), static_cast<T>(x[2]), static_cast<T>(x[3])};
}
template <class T, class Term>
auto at(const Term& term, const four& p, const four& t) {
    return term(boxgrad::as_variables(box_of<T>(p)), boxgrad::as_constants<dual<T, 4>>(box_of<T>(t)));
}
template <class Term>
double value_at(const Term& term, const four& p, const four& t) {
    return term(box_of<double>(p), box_of<double>(t));
}

// ---- bounded IoU by hand -----------------------------------------------------------------------------------

struct bounded_by_hand {
    four loss{};
    std::array<four, 4> slope{};  ///< of each loss, with respect to the corners
};

/// As published, (1 - u) from u, and its derivative by cases.
bounded_by_hand bounded(const four& p, const four& t, double beta, double eps) {
    bounded_by_hand r;
    for (std::size_t axis = 0; axis < 2; ++axis) {
        const double pw = p[axis + 2] - p[axis];
        const double tw = t[axis + 2] - t[axis];
        const double d = (t[axis] + t[axis + 2]) / 2 - (p[axis] + p[axis + 2]) / 2;
        const double below = tw + 2 * std::abs(d) + eps;
        const double u = (tw - 2 * std::abs(d)) / below;
        const double place = 1 - std::max(u, 0.0);
        // du/d|d| = -2·(2·tw + eps)/below²; d|d|/dp = -sign(d)/2 for both corners
        const double place_slope = u > 0 && d != 0 ? -2 * (2 * tw + eps) / (below * below) * (d > 0 ? 1 : -1) / 2 : 0;
        const double size = 1 - std::min(tw / (pw + eps), pw / (tw + eps));
        const double size_slope = tw / (pw + eps) < pw / (tw + eps) ? tw / ((pw + eps) * (pw + eps)) : -1 / (tw + eps);
        const auto smooth = [&](double x) { return x < beta ? x * x / (2 * beta) : x - beta / 2; };
        const auto smooth_slope = [&](double x) { return x < beta ? x / beta : 1.0; };
        r.loss[axis] = smooth(place);
        r.slope[axis][axis] = r.slope[axis][axis + 2] = smooth_slope(place) * place_slope;
        r.loss[axis + 2] = smooth(size);
        r.slope[axis + 2][axis] = -smooth_slope(size) * size_slope;
        r.slope[axis + 2][axis + 2] = smooth_slope(size) * size_slope;
    }
    return r;
}

/// CIoU loss as published, in long double. `alpha` < 0: worked out and written; else taken as it is.
long double ciou_by_hand(const std::array<long double, 4>& p, const four& target, double eps, long double& alpha) {
    using wide = long double;
    const std::array<wide, 4> t{wide(target[0]), wide(target[1]), wide(target[2]), wide(target[3])};
    const auto least = [](wide a, wide b) { return a < b ? a : b; };
    const auto most = [](wide a, wide b) { return a < b ? b : a; };
    const wide iw = most(least(p[2], t[2]) - most(p[0], t[0]), 0);
    const wide ih = most(least(p[3], t[3]) - most(p[1], t[1]), 0);
    const wide pw = p[2] - p[0];
    const wide ph = p[3] - p[1];
    const wide tw = t[2] - t[0];
    const wide th = t[3] - t[1];
    const wide iou = iw * ih / (pw * ph + tw * th - iw * ih + wide(eps));
    const wide cw = most(p[2], t[2]) - least(p[0], t[0]);
    const wide ch = most(p[3], t[3]) - least(p[1], t[1]);
    const wide dx = t[0] + t[2] - p[0] - p[2];
    const wide dy = t[1] + t[3] - p[1] - p[3];
    const wide turn = std::atan(tw / (th + wide(eps))) - std::atan(pw / (ph + wide(eps)));
    const wide pi = std::acos(wide(-1));
    const wide v = 4 / (pi * pi) * turn * turn;
    if (alpha < 0) alpha = iou > wide(0.5) ? v / (1 - iou + v) : 0;
    return 1 - (iou - (dx * dx + dy * dy) / 4 / (cw * cw + ch * ch + wide(eps)) - alpha * v);
}
/// The same with its derivative, by differences, alpha a constant.
std::pair<double, four> ciou_with_slope(const four& p, const four& t, double eps) {
    using wide = long double;
    const std::array<wide, 4> x{wide(p[0]), wide(p[1]), wide(p[2]), wide(p[3])};
    wide alpha = -1;
    const wide value = ciou_by_hand(x, t, eps, alpha);
    four slope{};
    const wide h = 1e-4L;
    for (std::size_t k = 0; k < 4; ++k) {
        const auto moved = [&](wide by) {
            auto y = x;
            y[k] += by;
            return ciou_by_hand(y, t, eps, alpha);
        };
        slope[k] = static_cast<double>((moved(-2 * h) - 8 * moved(-h) + 8 * moved(h) - moved(2 * h)) / (12 * h));
    }
    return {static_cast<double>(value), slope};
}

template <class T>
bool close(const std::vector<T>& got, const std::vector<double>& want, double factor = 1, double steps = 64) {
    if (got.size() != want.size()) return false;
    for (std::size_t i = 0; i < got.size(); ++i) {
        if (!test::near(got[i], static_cast<T>(factor * want[i]), steps)) return false;
    }
    return true;
}
bool close(double got, double want) { return std::abs(got - want) <= 1e-12 * std::max(1.0, std::abs(want)); }

/// Calls f(name, term) with every term of this file, of one eps; the loss of boxes that are equal is 0 but for eps.
template <class F>
void for_each_term(double eps, F&& f) {
    f("giou", loss::giou{eps});
    f("diou", loss::diou{eps});
    f("ciou", loss::ciou{eps});
    f("eiou", loss::eiou{eps});
    f("eiou, not smooth", loss::eiou{eps, 0});
    f("siou", loss::siou{eps});
    f("inverted siou", loss::inverted_siou{eps});
    f("efficient iou", loss::efficient_iou{eps});
    f("focal eiou", loss::focal_eiou{0.5, eps});
    for (const double alpha : {0.1, 0.5, 1.0, 3.0, 10.0}) {
        f("alpha iou", loss::alpha_iou<>{alpha, {eps}});
        f("alpha giou", loss::alpha_iou<overlap::giou>{alpha, {eps}});
        f("alpha diou", loss::alpha_iou<overlap::diou>{alpha, {eps}});
        f("alpha ciou", loss::alpha_iou<overlap::ciou>{alpha, {eps}});
    }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("bounded IoU: four losses a box, every weight and reduction", "[loss][box]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const loss::bounded_iou term{.beta = 0.3, .eps = 0.01};
    for (const position rows : {1, 5, 1027}) {
        INFO(rows << " rows");
        const auto n = static_cast<std::size_t>(rows);
        const auto p = random_boxes<T>(1, n);
        const auto t = random_boxes<T>(2, n);
        const auto w = uniform<T>(3, n, 0, 2, 5);
        const auto w4 = uniform<T>(4, 4 * n, 0, 2, 5);
        const auto u = uniform<T>(5, 4 * n, -1, 1);
        std::vector<bounded_by_hand> hand;
        for (std::size_t i = 0; i < n; ++i) hand.push_back(bounded(row_of(p, i), row_of(t, i), term.beta, term.eps));
        // Losses and Σ factor·slope for a factor of each loss.
        const auto wanted = [&](const auto& weight, const auto& upstream) {
            std::pair<std::vector<double>, std::vector<double>> r{std::vector<double>(4 * n),
                                                                  std::vector<double>(4 * n)};
            for (std::size_t i = 0; i < 4 * n; ++i) {
                const double f = static_cast<double>(weight(i));
                r.first[i] = f * hand[i / 4].loss[i % 4];
                for (std::size_t c = 0; c < 4; ++c) {
                    r.second[i / 4 * 4 + c] += f * static_cast<double>(upstream(i)) * hand[i / 4].slope[i % 4][c];
                }
            }
            return r;
        };
        const auto one = [](std::size_t) { return T(1); };
        const auto of_rows = [&](std::size_t i) { return w[i / 4]; };
        const auto of_all = [&](std::size_t i) { return w4[i]; };
        const auto of_upstream = [&](std::size_t i) { return u[i]; };
        const auto sum_of = [](const std::vector<double>& v) {
            double s = 0;
            for (const double x : v) s += x;
            return s;
        };
        const auto tp = test::from_host(b, extents<2>{{rows, 4}}, p);
        const auto tt = test::from_host(b, extents<2>{{rows, 4}}, t);
        const auto tw = test::from_host(b, extents<1>{{rows}}, w);
        const auto tw4 = test::from_host(b, extents<2>{{rows, 4}}, w4);
        const auto tu = test::from_host(b, extents<2>{{rows, 4}}, u);

        const auto each = loss::value_and_gradient(b, term, red::none{}, tp, tt, tw4, tu);
        const auto e = wanted(of_all, of_upstream);
        CHECK(close(test::to_host<2>(b, each.value), e.first));
        CHECK(close(test::to_host<2>(b, each.gradient), e.second));
        CHECK(close(test::to_host<2>(b, loss::value(b, term, red::none{}, tp, tt)), wanted(one, one).first));
        const auto by_row = loss::value_and_gradient(b, term, red::none{}, tp, tt, tw, tu);
        const auto r = wanted(of_rows, of_upstream);
        CHECK(close(test::to_host<2>(b, by_row.value), r.first));
        CHECK(close(test::to_host<2>(b, by_row.gradient), r.second));

        const auto sum = loss::value_and_gradient(b, term, red::sum{}, tp, tt, tw4, -0.5);
        const auto s = wanted(of_all, one);
        CHECK(static_cast<double>(sum.value) == Approx(sum_of(s.first)).epsilon(sizeof(T) == 4 ? 1e-6 : 1e-13));
        CHECK(close(test::to_host<2>(b, sum.gradient), s.second, -0.5));
        const auto mean = loss::value_and_gradient(b, term, red::mean{}, tp, tt);  // over 4·N
        const auto m = wanted(one, one);
        const double count = static_cast<double>(4 * rows);
        CHECK(static_cast<double>(mean.value) ==
              Approx(sum_of(m.first) / count).epsilon(sizeof(T) == 4 ? 1e-6 : 1e-13));
        CHECK(close(test::to_host<2>(b, mean.gradient), m.second, 1 / count));
        const auto over = loss::value_and_gradient(b, term, red::mean_over{3.5}, tp, tt, tw, 2.0);
        const auto o = wanted(of_rows, one);
        CHECK(static_cast<double>(over.value) ==
              Approx(sum_of(o.first) / (3.5 + 0x1p-23)).epsilon(sizeof(T) == 4 ? 1e-6 : 1e-13));
        CHECK(close(test::to_host<2>(b, over.gradient), o.second, 2 / (3.5 + 0x1p-23)));
        const auto weights = loss::value(b, term, red::mean_weights{}, tp, tt, tw);
        double all = 0;
        for (const T x : w) all += 4 * static_cast<double>(x);
        CHECK(static_cast<double>(weights) ==
              Approx(sum_of(o.first) / (all + 0x1p-23)).epsilon(sizeof(T) == 4 ? 1e-6 : 1e-13));
    }
}

TEMPLATE_LIST_TEST_CASE("CIoU loss on every backend", "[loss][box]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const position rows = 203;
    const auto n = static_cast<std::size_t>(rows);
    auto p = random_boxes<T>(11, n);
    const auto t = random_boxes<T>(12, n);
    for (std::size_t i = 0; i < 4 * n; ++i) {
        if (i / 4 % 2 == 0) p[i] = t[i] + (p[i] - t[i]) / T(16);  // overlaps above 1/2, where alpha counts
    }
    const auto r = loss::value_and_gradient(b, loss::ciou{}, red::none{}, test::from_host(b, extents<2>{{rows, 4}}, p),
                                            test::from_host(b, extents<2>{{rows, 4}}, t));
    std::vector<double> value;
    std::vector<double> gradient;
    for (std::size_t i = 0; i < n; ++i) {
        const auto [l, slope] = ciou_with_slope(row_of(p, i), row_of(t, i), 1e-6);
        value.push_back(l);
        gradient.insert(gradient.end(), slope.begin(), slope.end());
    }
    CHECK(close(test::to_host<1>(b, r.value), value));
    const auto got = test::to_host<2>(b, r.gradient);
    for (std::size_t i = 0; i < got.size(); ++i) {
        CHECK(std::abs(static_cast<double>(got[i]) - gradient[i]) <= (sizeof(T) == 4 ? 1e-5 : 1e-9));
    }
}

TEST_CASE("bounded IoU: single coordinates", "[loss][box]") {
    const boxgrad::memory<double> b;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> target{0, 0, 10, 20, 0, 0, 10, 20};
    const view<const double, 2> t{target.data(), {{2, 4}}};

    SECTION("the order is dx, dy, dw, dh") {
        const std::vector<double> moved{1, 0, 11, 20, 0, 0, 10, 25};
        const auto r = loss::value(b, loss::bounded_iou{.beta = 0, .eps = 0}, red::none{},
                                   view<const double, 2>{moved.data(), {{2, 4}}}, t);
        const std::vector<double> want{1 - 8.0 / 12, 0, 0, 0, 0, 1 - 15.0 / 25, 0, 1 - 20.0 / 25};
        CHECK(test::near(test::to_host(b, r), want));
    }
    SECTION("a weight of 0 takes out one loss, even a NaN") {
        const std::vector<double> p{1, nan, 12, nan, 1, 1, 12, 22};
        const std::vector<double> w{1, 0, 1, 0, 0, 1, 0, 0};
        const auto r =
            loss::value_and_gradient(b, loss::bounded_iou{}, red::sum{}, view<const double, 2>{p.data(), {{2, 4}}}, t,
                                     view<const double, 2>{w.data(), {{2, 4}}});
        const auto first = bounded({1, 0, 12, 20}, {0, 0, 10, 20}, 0.2, 1e-3);
        const auto second = bounded({1, 1, 12, 22}, {0, 0, 10, 20}, 0.2, 1e-3);
        CHECK(r.value == Approx(first.loss[0] + first.loss[2] + second.loss[1]));
        CHECK(r.gradient(0, 0) == Approx(first.slope[0][0] + first.slope[2][0]));
        CHECK(r.gradient(0, 1) == 0);
        CHECK(r.gradient(1, 0) == 0);
        CHECK(r.gradient(1, 3) == Approx(second.slope[1][3]));
    }
    SECTION("strided tensors") {
        const std::vector<double> wide{1, 9, 2, 9, 12, 9, 21, 9, 3, 9, 3, 9, 14, 9, 20, 9};
        std::vector<double> gradient(16, 7);
        view<double, 2> g(gradient.data(), extents<2>{{2, 4}}, {{8, 2}});
        const view<const double, 2> p(wide.data(), extents<2>{{2, 4}}, {{8, 2}});
        loss::value_and_gradient_into(b, loss::bounded_iou{}, red::sum{}, p, t, g);
        for (std::size_t i = 0; i < 2; ++i) {
            const four x{wide[8 * i], wide[8 * i + 2], wide[8 * i + 4], wide[8 * i + 6]};
            const auto hand = bounded(x, row_of(target, i), 0.2, 1e-3);
            for (std::size_t c = 0; c < 4; ++c) {
                double want = 0;
                for (std::size_t k = 0; k < 4; ++k) want += hand.slope[k][c];
                CHECK(gradient[8 * i + 2 * c] == Approx(want).margin(1e-15));
                CHECK(gradient[8 * i + 2 * c + 1] == 7);
            }
        }
    }
    SECTION("shapes") {
        const std::vector<double> w(8, 1);
        std::vector<double> u{1, 1};
        const auto of = [&](position n, position m) { return view<const double, 2>{w.data(), {{n, m}}}; };
        CHECK_THROWS_AS(loss::value(b, loss::bounded_iou{}, red::sum{}, t, t, of(2, 3)), boxgrad::shape_error);
        CHECK_THROWS_AS(loss::value(b, loss::bounded_iou{}, red::sum{}, t, t, std::vector<double>{1, 1, 1}),
                        boxgrad::shape_error);
        CHECK_THROWS_AS(loss::value(b, loss::bounded_iou{}, red::sum{}, of(4, 2), of(4, 2)), boxgrad::shape_error);
        CHECK_THROWS_AS(loss::value_and_gradient(b, loss::bounded_iou{}, red::none{}, t, t, loss::ones{}, of(1, 4)),
                        boxgrad::shape_error);
        const auto none = loss::value_and_gradient(b, loss::bounded_iou{}, red::mean{}, of(0, 4), of(0, 4));
        CHECK(none.value == 0);
    }
    SECTION("a centre outside of the target has no slope, a size has one everywhere") {
        const auto l = loss::bounded_iou{}(boxgrad::as_variables(box<double>{40, 0, 50, 20}),
                                           boxgrad::as_constants<dual<double, 4>>(box<double>{0, 0, 10, 20}));
        CHECK(l[0].value == Approx(0.9));
        for (int k = 0; k < 4; ++k) CHECK(l[0].partial[k] == 0);
        const auto flat =
            loss::bounded_iou{.eps = 0}(boxgrad::as_variables(box<double>{5, 0, 5, 20}),
                                        boxgrad::as_constants<dual<double, 4>>(box<double>{0, 0, 10, 20}));
        CHECK(flat[2].value == Approx(0.9));
        CHECK(flat[2].partial[2] == Approx(-0.1));
    }
    SECTION("equal boxes: 0, or eps over the size squared") {
        const auto exact = loss::bounded_iou{.eps = 0}(box<double>{1, 2, 11, 32}, box<double>{1, 2, 11, 32});
        const auto near = loss::bounded_iou{}(box<double>{1, 2, 11, 32}, box<double>{1, 2, 11, 32});
        for (int k = 0; k < 4; ++k) {
            CHECK(exact[k] == 0);
            CHECK(near[k] < 1e-7);
        }
    }
}

TEMPLATE_TEST_CASE("box terms: equal, flat, inverted, tiny and huge boxes give finite losses and slopes", "[loss][box]",
                   float, double) {
    using T = TestType;
    const double far = sizeof(T) == 4 ? 0x1p60 : 0x1p500;
    const four unit{0, 0, 1, 1};
    const auto scaled = [](const four& x, double by) { return four{by * x[0], by * x[1], by * x[2], by * x[3]}; };
    std::vector<std::pair<four, four>> pairs;
    const std::vector<four> shapes{
        unit,         {1, 0, 2, 1},        {0.5, 0.5, 1.5, 1.5}, {3, 3, 4, 4},         {0.25, 0.25, 0.5, 0.75},
        {0, 0, 0, 0}, {0.5, 0, 0.5, 1},    {0, 0.5, 1, 0.5},     {0.5, 0.5, 0.5, 0.5}, {1, 1, 0, 0},
        {1, 0, 0, 1}, {0, 0, 1000, 0.001}, {-1, -1, 1, 1}};
    for (const double size : {1.0, 10.0, 1e-3, 1e-20, 1e6, far / 1000}) {
        for (const four& p : shapes) {
            for (const four& t : shapes) pairs.emplace_back(scaled(p, size), scaled(t, size));
        }
    }
    pairs.push_back({{-far, -far, far, far}, {0, 0, 1, 1}});
    pairs.push_back({{0, 0, 1, 1}, {-far, -far, far, far}});
    pairs.push_back({{-far, -far, far, far}, {-far, -far, far, far}});
    pairs.push_back({{-far, 0, -far, 10}, {far, 0, far, 10}});
    pairs.push_back({{0, 0, 1e-20, 1e-20}, {0, 0, far, far}});
    pairs.push_back({{0, 0, 1e-20, 10}, {0, 0, 10, 10}});
    for (const double eps : {1e-6, 0.0}) {
        std::size_t bad = 0;
        const auto look = [&](const char* name, const auto& l, const four& p, const four& t) {
            bool good = std::isfinite(l.value) && l.value >= T(-1e-6);
            for (const T d : l.partial) good = good && std::isfinite(d);
            if (good) return;
            if (++bad > 5) return;
            UNSCOPED_INFO(name << ", eps " << eps << ": " << l.value << " [" << l.partial[0] << ", " << l.partial[1]
                               << ", " << l.partial[2] << ", " << l.partial[3] << "] at " << p[0] << " " << p[1] << " "
                               << p[2] << " " << p[3] << ", " << t[0] << " " << t[1] << " " << t[2] << " " << t[3]);
        };
        for_each_term(eps, [&](const char* name, const auto& term) {
            for (const auto& [p, t] : pairs) look(name, at<T>(term, p, t), p, t);
        });
        for (const double beta : {0.2, 0.0}) {
            for (const auto& [p, t] : pairs) {
                const auto l = at<T>(loss::bounded_iou{beta, eps}, p, t);
                for (int k = 0; k < 4; ++k) look("bounded iou", l[k], p, t);
            }
        }
        CHECK(bad == 0);
    }
}

TEMPLATE_TEST_CASE("box terms: equal boxes have loss 0", "[loss][box]", float, double) {
    using T = TestType;
    std::mt19937_64 random(31);
    std::uniform_real_distribution<double> u(1, 100);
    for (int i = 0; i < 1000; ++i) {
        const T x = static_cast<T>(u(random));
        const T y = static_cast<T>(u(random));
        const box<T> same{x, y, x + static_cast<T>(u(random)), y + static_cast<T>(u(random))};
        for (const double eps : {1e-6, 0.0}) {
            const double margin = eps == 0 ? 0 : 16 * static_cast<double>(std::numeric_limits<T>::epsilon()) + 4e-6;
            const auto zero = [&](const auto& term) {
                return std::abs(static_cast<double>(term(same, same))) <= margin;
            };
            CHECK(zero(loss::ciou{eps}));
            CHECK(zero(loss::diou{eps}));
            CHECK(zero(loss::eiou{eps}));
            CHECK(zero(loss::efficient_iou{eps}));
            CHECK(zero(loss::focal_eiou{0.5, eps}));
            CHECK(zero(loss::siou{eps}));
            CHECK(zero(loss::alpha_iou<overlap::ciou>{3, {eps}}));
        }
    }
    // Large enough for eps to vanish against the union, where 1 - iou is 0.
    const dual<T, 4> l = at<T>(loss::ciou{}, {12.284, 25.128, 4e4, 6e4}, {12.284, 25.128, 4e4, 6e4});
    CHECK(std::abs(static_cast<double>(l.value)) <= 1e-9);
    for (const T d : l.partial) CHECK(std::abs(static_cast<double>(d)) <= 1e-9);
}

TEST_CASE("box terms: the loss grows as boxes move apart", "[loss][box]") {
    const four target{0, 0, 10, 14};
    for_each_term(1e-6, [&](const std::string& name, const auto& term) {
        if (name == "inverted siou" || name == "focal eiou") return;
        const bool flat = name == "alpha iou";  // apart it is 1
        bool strictly = true;
        if constexpr (requires { term.alpha; }) strictly = term.alpha < 10;  // the tenth power of a sliver is no number
        for (const four& start : {four{0, 0, 10, 14}, four{0, 3, 10, 17}}) {
            for (const auto& [dx, dy] : {std::pair{1.0, 0.0}, {-1.0, 0.0}, {0.0, 1.0}, {1.0, 1.0}}) {
                if (dy > 0 && start[1] > 0 && dx > 0) continue;
                double last = value_at(term, start, target);
                bool grows = true;
                for (double s = 0.25; s <= 200; s += 0.25) {
                    const double x = s * dx;
                    const double y = s * dy;
                    const double l = value_at(term, {start[0] + x, start[1] + y, start[2] + x, start[3] + y}, target);
                    const bool apart = std::abs(x) > 10 || std::abs(start[1] + y) > 14;
                    grows = grows && (!strictly || (flat && apart) ? l >= last : l > last);
                    last = l;
                }
                INFO(name << " from y " << start[1] << " by " << dx << ", " << dy);
                CHECK(grows);
            }
        }
    });
}

TEST_CASE("inverted SIoU falls to 0 far away, SIoU does not", "[loss][box]") {
    const four target{0, 0, 10, 10};
    // mmdetection, equal boxes of 10 pixels: 0, .54, .59, .28, 0, 0 and 0, .77, 1.22, 1.29, 1.36, 1.40.
    const std::vector<double> shift{0, 5, 12, 20, 40, 100};
    const std::vector<double> inverted{0, 0.54, 0.59, 0.28, 0, 0};
    const std::vector<double> paper{0, 0.77, 1.22, 1.29, 1.36, 1.40};
    for (std::size_t i = 0; i < shift.size(); ++i) {
        const four p{shift[i], 0, shift[i] + 10, 10};
        CHECK(std::abs(value_at(loss::inverted_siou{}, p, target) - inverted[i]) < 0.006);
        CHECK(std::abs(value_at(loss::siou{}, p, target) - paper[i]) < 0.006);
    }
    CHECK(at<double>(loss::inverted_siou{}, {15, 0, 25, 10}, target).partial[0] < 0);  // drives the box away
    CHECK(at<double>(loss::siou{}, {15, 0, 25, 10}, target).partial[0] > 0);
}

TEMPLATE_TEST_CASE("alpha IoU: 1 is the plain loss", "[loss][box]", float, double) {
    using T = TestType;
    const auto p = random_boxes<T>(41, 2000);
    auto t = random_boxes<T>(42, 2000);
    for (std::size_t i = 0; i < t.size(); ++i) {
        if (i / 4 % 3 == 0) t[i] = p[i] + (t[i] - p[i]) / T(16);
    }
    const auto compare = [&](const auto& powered, const auto& plain) {
        bool equal = true;
        for (std::size_t i = 0; i < p.size() / 4; ++i) {
            const auto a = at<T>(powered, row_of(p, i), row_of(t, i));
            const auto b = at<T>(plain, row_of(p, i), row_of(t, i));
            equal = equal && test::near(a.value, b.value, 4);
            for (int k = 0; k < 4; ++k) equal = equal && test::near(a.partial[k], b.partial[k], 4);
        }
        return equal;
    };
    CHECK(compare(loss::alpha_iou<>{1}, loss::overlap_loss<overlap::iou>{}));
    CHECK(compare(loss::alpha_iou<overlap::giou>{1}, loss::giou{}));
    CHECK(compare(loss::alpha_iou<overlap::diou>{1}, loss::diou{}));
    CHECK(compare(loss::alpha_iou<overlap::ciou>{1}, loss::ciou{}));
    using plain_ciou = overlap::basic_ciou<overlap::alpha_rule::plain>;
    CHECK(compare(loss::alpha_iou<plain_ciou>{1}, loss::overlap_loss<plain_ciou>{}));
}

TEST_CASE("alpha IoU: powers", "[loss][box]") {
    const four target{0, 0, 10, 10};
    const four p{2, 0, 12, 10};  // intersection 80, union 120, hull 120, squared distance 4, diagonal 244
    const double u = 80.0 / 120;
    for (const double a : {0.25, 0.5, 2.0, 3.0, 7.5}) {
        CHECK(close(value_at(loss::alpha_iou<>{a, {0}}, p, target), 1 - std::pow(u, a)));
        CHECK(close(value_at(loss::alpha_iou<overlap::diou>{a, {0}}, p, target),
                    1 - std::pow(u, a) + std::pow(4.0 / 244, a)));
        CHECK(close(value_at(loss::alpha_iou<overlap::giou>{a, {0}}, {12, 0, 22, 10}, target),
                    1 + std::pow(20.0 / 220, a)));
        const auto slope = at<double>(loss::alpha_iou<>{a, {0}}, p, target);
        const auto plain = at<double>(overlap::iou{0}, p, target);
        for (int k = 0; k < 4; ++k) CHECK(close(slope.partial[k], -a * std::pow(u, a - 1) * plain.partial[k]));
    }
    // At an overlap of 0 the slope of a power below 1 is that of its chord.
    const auto touching = at<double>(loss::alpha_iou<>{0.5, {0}}, {10, 0, 20, 10}, target);
    CHECK(touching.value == 1);
    CHECK(touching.partial[0] == Approx(10.0 / 200 * 1e3));
    // Continuous where the chord begins.
    const auto sliver = [&](double x) {
        return value_at(loss::alpha_iou<>{0.5, {0}}, {10 - x, 0, 20 - x, 10}, target);
    };
    const double at_eps = 20 * 1e-6 / (1 + 1e-6);
    CHECK(std::abs(sliver(at_eps * 0.999999) - sliver(at_eps * 1.000001)) < 1e-8);
    CHECK(sliver(at_eps / 2) == Approx(1 - 0.5e-3).epsilon(1e-6));
}

TEST_CASE("efficient and focal EIoU", "[loss][box]") {
    const four target{0, 0, 10, 20};
    const four p{2, 1, 10, 25};
    // intersection 8·19, areas 192 and 200, hull 10·25, centres 1 and 3 apart
    const double u = 8.0 * 19 / (192 + 200 - 8.0 * 19);
    const double plain = 1 - u + (1.0 + 9.0) / (100 + 625) + 4.0 / 100 + 16.0 / 625;
    CHECK(close(value_at(loss::efficient_iou{0}, p, target), plain));
    CHECK(close(value_at(loss::focal_eiou{0.5, 0}, p, target), std::sqrt(u) * plain));
    CHECK(close(value_at(loss::focal_eiou{2, 0}, p, target), u * u * plain));
    CHECK(value_at(loss::focal_eiou{0, 0}, p, target) == value_at(loss::efficient_iou{0}, p, target));
    CHECK(value_at(loss::focal_eiou{0}, {30, 0, 40, 20}, target) ==
          value_at(loss::efficient_iou{}, {30, 0, 40, 20}, target));

    // The weight is a constant: the slope is that of efficient_iou times the weight.
    const auto focal = at<double>(loss::focal_eiou{0.5, 0}, p, target);
    const auto whole = at<double>(loss::efficient_iou{0}, p, target);
    for (int k = 0; k < 4; ++k) CHECK(close(focal.partial[k], std::sqrt(u) * whole.partial[k]));
    const double h = 1e-5;
    for (std::size_t k = 0; k < 4; ++k) {
        four above = p;
        four below = p;
        above[k] += h;
        below[k] -= h;
        const auto f = [&](const four& x) { return value_at(loss::efficient_iou{0}, x, target); };
        CHECK(std::abs((f(above) - f(below)) / (2 * h) - whole.partial[k]) < 1e-8);
    }
    const auto apart = at<double>(loss::focal_eiou{}, {30, 0, 40, 20}, target);
    CHECK(apart.value == 0);
    for (const double d : apart.partial) CHECK(d == 0);
    for (const double g : {0.01, 0.5, 3.0}) CHECK(value_at(loss::focal_eiou{g}, {30, 0, 40, 20}, target) == 0);
}

TEST_CASE("EIoU: the smooth part", "[loss][box]") {
    const four target{0, 0, 10, 10};
    for (const double x : {0.0, 0.1, 0.25, 0.5, 0.6, 2.0, 9.0, 11.0, 40.0}) {
        const four p{x, 0, x + 10, 10};
        const double e = value_at(loss::overlap_loss<overlap::eiou>{}, p, target);
        const auto l = at<double>(loss::eiou{}, p, target);
        const auto plain = at<double>(loss::overlap_loss<overlap::eiou>{}, p, target);
        CHECK(close(l.value, e < 0.1 ? e * e / 0.2 : e - 0.05));
        CHECK(close(l.partial[0], (e < 0.1 ? e / 0.1 : 1.0) * plain.partial[0]));
        CHECK(close(value_at(loss::eiou{1e-6, 0}, p, target), e));
    }
}

TEST_CASE("box terms: parameters out of range", "[loss][box]") {
    const boxgrad::memory<double> b;
    const std::vector<double> boxes{0, 0, 1, 1};
    const view<const double, 2> x{boxes.data(), {{1, 4}}};
    const auto message = [&](const auto& term) -> std::string {
        try {
            loss::value(b, term, red::sum{}, x, x);
        } catch (const boxgrad::config_error& e) {
            return e.what();
        }
        return "";
    };
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (const double bad : {-0.1, nan, std::numeric_limits<double>::infinity()}) {
        CHECK(message(loss::bounded_iou{.beta = bad}).find("beta") != std::string::npos);
        CHECK(message(loss::eiou{.smooth_point = bad}).find("smooth_point") != std::string::npos);
        CHECK(message(loss::focal_eiou{.gamma = bad}).find("gamma") != std::string::npos);
        CHECK(message(loss::alpha_iou<>{bad}).find("alpha") != std::string::npos);
        CHECK(message(loss::alpha_iou<>{.eps = bad}).find("eps") != std::string::npos);
    }
    CHECK(message(loss::alpha_iou<>{0}).find("alpha") != std::string::npos);
    CHECK(message(loss::alpha_iou<>{}).empty());
    CHECK(message(loss::bounded_iou{.beta = 0}).empty());
}
