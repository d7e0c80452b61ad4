// SPDX-License-Identifier: Apache-2.0
//
// Terms over whole rows of logits, against sums in long double.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/loss/accuracy.hpp>
#include <boxgrad/loss/cross_entropy.hpp>
#include <boxgrad/loss/distribution_focal.hpp>
#include <boxgrad/loss/kd_kl_div.hpp>
#include <boxgrad/loss/multi_pos_cross_entropy.hpp>
#include <boxgrad/loss/softmax_focal.hpp>

#include <cmath>
#include <functional>
#include <random>

namespace {

using boxgrad::memory;
using boxgrad::shaped;
namespace loss = boxgrad::loss;
namespace reduction = boxgrad::reduction;
using real = long double;
using reals = std::vector<real>;
using labels = std::vector<std::int64_t>;

/// A loss and its gradient.
struct answer {
    real value = 0;
    reals gradient;
};

/// The softmax, and 1 less it as the sum of the others.
struct softmax {
    reals p, others;
    explicit softmax(const reals& x) {
        const real most = *std::max_element(x.begin(), x.end());
        reals e;
        real sum = 0;
        for (const real v : x) sum += e.emplace_back(std::exp(v - most));
        for (std::size_t c = 0; c < x.size(); ++c) {
            real rest = 0;
            for (std::size_t k = 0; k < x.size(); ++k) rest += k == c ? 0 : e[k];
            p.push_back(e[c] / sum);
            others.push_back(rest / sum);
        }
    }
};

/// ln Σ e^x - x_y.
real cross_entropy(const reals& x, std::size_t y) {
    real most = 0;
    for (const real v : x) most = std::max(most, v - x[y]);
    real sum = 0;
    real rest = 0;
    for (std::size_t c = 0; c < x.size(); ++c) (c == y ? sum : rest) += std::exp(x[c] - x[y] - most);
    return most == 0 ? std::log1p(rest) : most + std::log(sum + rest);
}

/// Focal loss of weight t at every class; gamma 0 is cross entropy.
answer by_hand(const reals& x, const reals& t, real gamma) {
    const softmax s(x);
    answer a;
    reals slope;
    for (std::size_t c = 0; c < x.size(); ++c) {
        const real ce = cross_entropy(x, c);
        const real q = s.others[c];
        a.value += t[c] == 0 ? 0 : t[c] * std::pow(q, gamma) * ce;
        slope.push_back(t[c] == 0 ? 0
                                  : t[c] * (std::pow(q, gamma) +
                                            (gamma == 0 || q == 0 ? 0 : gamma * std::pow(q, gamma - 1) * s.p[c] * ce)));
    }
    for (std::size_t c = 0; c < x.size(); ++c) {
        real rest = 0;
        for (std::size_t k = 0; k < x.size(); ++k) rest += k == c ? 0 : slope[k];
        a.gradient.push_back(rest * s.p[c] - slope[c] * s.others[c]);
    }
    return a;
}
reals one_hot(std::size_t n, std::size_t y) {
    reals t(n, 0);
    t[y] = 1;
    return t;
}

answer kd_by_hand(const reals& x, const reals& s, real heat) {
    reals a = x;
    reals b = s;
    for (real& v : a) v /= heat;
    for (real& v : b) v /= heat;
    const softmax p(a);
    const softmax t(b);
    const real n = static_cast<real>(x.size());
    answer r;
    for (std::size_t c = 0; c < x.size(); ++c) {
        r.value += t.p[c] * (cross_entropy(a, c) - cross_entropy(b, c)) * heat * heat / n;
        r.gradient.push_back(heat / n * (p.p[c] - t.p[c]));
    }
    return r;
}

answer multi_by_hand(const reals& x, const reals& t) {
    real low = 0;
    real high = 0;
    for (std::size_t c = 0; c < x.size(); ++c) {
        if (t[c] == 0) low += std::exp(x[c]);
        if (t[c] == 1) high += std::exp(-x[c]);
    }
    if (low == 0 || high == 0) return {0, reals(x.size(), 0)};
    const real u = std::log(low) + std::log(high);
    const real s = 1 / (1 + std::exp(-u));
    answer r{u > 50 ? u : std::log1p(std::exp(u)), {}};
    for (std::size_t c = 0; c < x.size(); ++c) {
        r.gradient.push_back(t[c] == 0 ? s * std::exp(x[c]) / low : t[c] == 1 ? -s * std::exp(-x[c]) / high : 0);
    }
    return r;
}

template <class T>
std::vector<T> random_row(std::mt19937_64& random, std::size_t n, double scale) {
    std::vector<T> x;
    for (std::size_t c = 0; c < n; ++c) x.push_back(static_cast<T>(scale * std::normal_distribution<double>()(random)));
    return x;
}
template <class T>
reals exact(const std::vector<T>& x) {
    return reals(x.begin(), x.end());
}

/// Loss and gradient of one row.
template <class T, class Term, class Y>
auto of_row(const Term& term, const std::vector<T>& x, const Y& target) {
    const boxgrad::view<const T, 2> row(x.data(), {{1, static_cast<test::index>(x.size())}});
    return loss::value_and_gradient(memory<T>{}, term, reduction::none{}, row, target);
}
template <class T>
boxgrad::view<const T, 2> as_row(const std::vector<T>& x) {
    return {x.data(), {{1, static_cast<test::index>(x.size())}}};
}

/// The largest relative errors so far, of numbers that T can hold with all digits.
template <class T>
struct worst {
    double value = 0, gradient = 0;

    template <class R>
    void add(const R& got, const answer& want) {
        const real tiny = static_cast<real>(std::numeric_limits<T>::min());
        const auto off = [&](T g, real w) {
            if (!std::isfinite(g)) return std::numeric_limits<double>::infinity();
            return std::abs(w) < tiny ? 0.0 : static_cast<double>(std::abs((static_cast<real>(g) - w) / w));
        };
        value = std::max(value, off(got.value.data[0], want.value));
        if (!(got.value.data[0] >= 0)) value = std::numeric_limits<double>::infinity();
        for (std::size_t c = 0; c < want.gradient.size(); ++c) {
            gradient = std::max(gradient, off(got.gradient.data[c], want.gradient[c]));
        }
    }
};
template <class T>
double in_eps(double x) {
    return x / static_cast<double>(std::numeric_limits<T>::epsilon());
}

constexpr std::size_t class_counts[] = {1, 2, 3, 7, 8, 9, 17, 80, 1203};

}  // namespace

TEMPLATE_TEST_CASE("P12 terms over softmax keep their digits in saturated tails", "[loss][gradient][promise]", float,
                   double) {
    using T = TestType;
    std::mt19937_64 random(1);
    for (const double gamma : {0.0, 0.5, 1.0, 2.0, 3.5}) {
        worst<T> w;
        for (const std::size_t n : class_counts) {
            for (const double scale : {0.01, 1.0, 8.0, 30.0}) {
                const auto x = random_row<T>(random, n, scale);
                const std::size_t y = random() % n;
                const labels l{static_cast<std::int64_t>(y)};
                const answer want = by_hand(exact(x), one_hot(n, y), static_cast<real>(gamma));
                w.add(of_row(loss::softmax_focal{gamma}, x, l), want);
                if (gamma == 0) w.add(of_row(loss::cross_entropy{}, x, l), want);
                // The label far ahead: what is left of it is the others'.
                auto ahead = x;
                ahead[y] = *std::max_element(x.begin(), x.end()) + T(30);
                w.add(of_row(loss::softmax_focal{gamma}, ahead, l),
                      by_hand(exact(ahead), one_hot(n, y), static_cast<real>(gamma)));
            }
        }
        INFO("gamma " << gamma << ": value " << in_eps<T>(w.value) << " ε, gradient " << in_eps<T>(w.gradient) << " ε");
        // Differences of logits up to some 100, each rounded once.
        CHECK(in_eps<T>(w.value) < 84 * std::max(gamma, 1.0));
        CHECK(in_eps<T>(w.gradient) < 84 * std::max(gamma, 1.0));
    }
}

TEMPLATE_TEST_CASE("P12 distributions keep their digits", "[loss][gradient][promise]", float, double) {
    using T = TestType;
    const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
    std::mt19937_64 random(2);
    worst<T> hard, soft_ones;
    for (const std::size_t n : class_counts) {
        for (const double scale : {0.01, 1.0, 8.0, 30.0}) {
            const auto x = random_row<T>(random, n, scale);
            const std::size_t y = random() % n;
            std::vector<T> t(n, T(0));
            t[y] = T(1);
            const auto got = of_row(loss::cross_entropy{}, x, as_row(t));
            hard.add(got, by_hand(exact(x), exact(t), 0));
            const auto by_label = of_row(loss::cross_entropy{}, x, labels{static_cast<std::int64_t>(y)});
            CHECK(test::near(got.value.data[0], by_label.value.data[0]));
            for (std::size_t c = 0; c < n; ++c) CHECK(test::near(got.gradient.data[c], by_label.gradient.data[c]));
            // Nearly all of it at the label, which is far ahead: the little that is elsewhere must not be lost.
            if (n == 1) continue;
            auto ahead = x;
            ahead[y] = *std::max_element(x.begin(), x.end()) + T(30);
            for (T& v : t) v = static_cast<T>(1e-4) / static_cast<T>(n);
            t[y] = T(1) - static_cast<T>(1e-4);
            const answer want = by_hand(exact(ahead), exact(t), 0);
            const auto soft = of_row(loss::cross_entropy{}, ahead, as_row(t));
            soft_ones.add(soft, want);
        }
    }
    INFO("value " << hard.value / eps << " " << soft_ones.value / eps << " ε, gradient " << hard.gradient / eps << " "
                  << soft_ones.gradient / eps << " ε");
    CHECK((hard.value < 84 * eps && hard.gradient < 84 * eps));
    CHECK((soft_ones.value < 84 * eps && soft_ones.gradient < 84 * eps));
}

TEMPLATE_TEST_CASE("P12 distribution focal, distillation and several positives keep their digits",
                   "[loss][gradient][promise]", float, double) {
    using T = TestType;
    const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
    std::mt19937_64 random(3);
    worst<T> dfl, kd, close, multi;
    for (const std::size_t n : {2u, 3u, 8u, 17u, 80u}) {
        for (const double scale : {0.01, 1.0, 8.0, 30.0}) {
            const auto x = random_row<T>(random, n, scale);
            const T y =
                static_cast<T>(std::uniform_real_distribution<double>(0, static_cast<double>(n - 1))(random) * 0.999);
            reals t(n, 0);
            const auto k = static_cast<std::size_t>(y);
            t[k] = static_cast<real>(k + 1) - static_cast<real>(y);
            t[k + 1] = static_cast<real>(y) - static_cast<real>(k);
            // Between the two its gradient passes 0: measured there against what it is made of.
            const auto got = of_row(loss::distribution_focal{}, x, std::vector<T>{y});
            answer want = by_hand(exact(x), t, 0);
            for (const std::size_t c : {k, k + 1}) {
                const real scale_of = t[c] + std::abs(want.gradient[c]);
                CHECK(std::abs(static_cast<real>(got.gradient.data[c]) - want.gradient[c]) <
                      84 * static_cast<real>(eps) * scale_of);
                want.gradient[c] = 0;
            }
            dfl.add(got, want);

            const auto s = random_row<T>(random, n, scale);
            for (const double heat : {1.0, 3.0, 10.0}) {
                // Gradients pass 0 where student and teacher agree; of those that do not, every digit counts.
                const answer far = kd_by_hand(exact(x), exact(s), static_cast<real>(heat));
                const auto g = of_row(loss::kd_kl_div{heat}, x, as_row(s));
                // What is computed by hand here has cancelled where both nearly agree.
                if (far.value > 1e-3L * static_cast<real>(heat * heat)) kd.add(g, {far.value, {}});
                real size = 0;
                for (const real v : far.gradient) size = std::max(size, std::abs(v));
                for (std::size_t c = 0; c < n; ++c)
                    CHECK(std::abs(static_cast<real>(g.gradient.data[c]) - far.gradient[c]) <=
                          84 * static_cast<real>(eps) * size + 1e-18L);
                auto nearly = x;
                for (std::size_t c = 0; c < n; ++c) nearly[c] += static_cast<T>(c % 2 == 0 ? 0.015625 : -0.0078125);
                if (std::is_same_v<T, float>)
                    close.add(of_row(loss::kd_kl_div{heat}, nearly, as_row(x)),
                              {kd_by_hand(exact(nearly), exact(x), static_cast<real>(heat)).value, {}});
            }
            std::vector<T> which;
            for (std::size_t c = 0; c < n; ++c) which.push_back(static_cast<T>(c == 0 ? 1 : c == 1 ? 0 : random() % 3));
            multi.add(of_row(loss::multi_pos_cross_entropy{}, x, as_row(which)), multi_by_hand(exact(x), exact(which)));
        }
    }
    INFO("dfl " << dfl.value / eps << " " << dfl.gradient / eps << " kd " << kd.value / eps << " close "
                << close.value / eps << " multi " << multi.value / eps << " " << multi.gradient / eps);
    CHECK((dfl.value < 84 * eps && dfl.gradient < 84 * eps));
    CHECK((kd.value < 84 * eps && close.value < 84 * eps));
    CHECK((multi.value < 84 * eps && multi.gradient < 84 * eps));
    // Beyond what an exponential can hold.
    const std::vector<T> wide{T(1e4), T(-1e4), T(1e4), T(0)};
    const auto m = of_row(loss::multi_pos_cross_entropy{}, wide, as_row(std::vector<T>{T(0), T(1), T(1), T(0)}));
    CHECK(m.value.data[0] == T(2e4));
    CHECK(m.gradient.data == decltype(m.gradient.data){T(1), T(-1), T(0), T(0)});
    const auto none = of_row(loss::multi_pos_cross_entropy{}, wide, as_row(std::vector<T>{T(1), T(1), T(1), T(2)}));
    CHECK((none.value.data[0] == T(0) && none.gradient.data == decltype(none.gradient.data)(4, T(0))));
    const auto same = of_row(loss::kd_kl_div{}, wide, as_row(wide));
    CHECK((same.value.data[0] == T(0) && same.gradient.data == decltype(same.gradient.data)(4, T(0))));
}

TEMPLATE_TEST_CASE("P12 the largest logits give finite losses and gradients", "[loss][promise]", float, double) {
    using T = TestType;
    const T most = std::numeric_limits<T>::max();
    const std::vector<T> x{most, -most, most, T(0), -most};
    const auto finite = [&](const auto& r) {
        CHECK((std::isfinite(r.value.data[0]) && r.value.data[0] >= 0));
        for (const T g : r.gradient.data) CHECK(std::isfinite(g));
    };
    for (std::int64_t y = 0; y < 5; ++y) {
        finite(of_row(loss::cross_entropy{}, x, labels{y}));
        finite(of_row(loss::softmax_focal{0.5}, x, labels{y}));
    }
    const std::vector<T> spread{T(0.25), T(0.25), T(0.125), T(0.125), T(0.25)};
    finite(of_row(loss::cross_entropy{}, x, as_row(spread)));
    finite(of_row(loss::distribution_focal{}, x, std::vector<T>{T(0.5)}));
    finite(of_row(loss::kd_kl_div{0.5}, x, as_row(spread)));
    finite(of_row(loss::kd_kl_div{0.5}, spread, as_row(x)));
    finite(of_row(loss::multi_pos_cross_entropy{}, x, as_row(std::vector<T>{T(0), T(1), T(1), T(0), T(1)})));
}

TEMPLATE_TEST_CASE("softmax terms: equal logits, ties, one class, no rows, NaN", "[loss]", float, double) {
    using T = TestType;
    const memory<T> b;
    const auto equal = of_row(loss::cross_entropy{}, std::vector<T>(5, T(3)), labels{2});
    CHECK(test::near(equal.value.data[0], std::log(T(5))));
    CHECK(test::near(std::vector<T>(equal.gradient.data.begin(), equal.gradient.data.end()),
                     {T(0.2), T(0.2), T(-0.8), T(0.2), T(0.2)}));
    const auto tie = of_row(loss::cross_entropy{}, std::vector<T>{T(1), T(9), T(9)}, labels{2});
    CHECK(test::near(tie.value.data[0], std::log(T(2) + std::exp(T(-8)))));
    const auto alone = of_row(loss::softmax_focal{0.5}, std::vector<T>{T(-700)}, labels{0});
    CHECK((alone.value.data[0] == T(0) && alone.gradient.data[0] == T(0)));

    const shaped<T, 2> nothing(boxgrad::extents<2>{{0, 4}});
    CHECK(loss::value(b, loss::cross_entropy{}, reduction::mean{}, nothing, labels{}) == T(0));

    const T nan = std::numeric_limits<T>::quiet_NaN();
    const auto lost = of_row(loss::multi_pos_cross_entropy{}, std::vector<T>{T(1), nan, T(2)},
                             as_row(std::vector<T>{T(0), T(1), T(0)}));
    CHECK((std::isnan(lost.value.data[0]) && std::isnan(lost.gradient.data[1])));
    const auto taught =
        of_row(loss::kd_kl_div{}, std::vector<T>{T(1), nan, T(2)}, as_row(std::vector<T>{T(0), T(1), T(0)}));
    CHECK((std::isnan(taught.value.data[0]) && std::isnan(taught.gradient.data[0])));
    for (const test::index at : {0, 3, 10}) {
        shaped<T, 2> x(boxgrad::extents<2>{{3, 11}});
        for (test::index c = 0; c < 33; ++c) x.data[static_cast<std::size_t>(c)] = static_cast<T>(c % 7);
        x(1, at) = nan;
        const auto r = loss::value_and_gradient(b, loss::cross_entropy{}, reduction::none{}, x, labels{1, 2, 3});
        CHECK((std::isfinite(r.value(0)) && std::isnan(r.value(1)) && std::isfinite(r.value(2))));
        for (test::index c = 0; c < 11; ++c)
            CHECK((std::isfinite(r.gradient(0, c)) && std::isnan(r.gradient(1, c)) && std::isfinite(r.gradient(2, c))));
        const labels ignored{1, -100, 3};
        const auto s = loss::value_and_gradient(b, loss::cross_entropy{}, reduction::sum{}, x,
                                                loss::targets(ignored).ignore_index(-100));
        CHECK(std::isfinite(s.value));
        for (test::index c = 0; c < 11; ++c) CHECK(s.gradient(1, c) == T(0));
    }
}

TEST_CASE("cross entropy: what is ignored, weights of classes and the means", "[loss]") {
    const memory<double> b;
    const std::vector<std::array<double, 4>> x{{1, 2, 3, 4}, {0, -1, 5, 2}, {3, 3, 1, 0}, {2, 0, 0, 1}, {7, 1, 1, 1}};
    const labels y{3, 255, 0, 2, 255};
    const std::vector<double> cw{0.5, 2, 3, 0};
    const auto target = loss::targets(y).ignore_index(255);
    const auto plain = loss::value(b, loss::cross_entropy{}, reduction::none{}, x, target);
    CHECK((plain(1) == 0 && plain(4) == 0 && plain(0) > 0));
    const double sum = plain(0) + plain(2) + plain(3);
    CHECK(test::near(loss::value(b, loss::cross_entropy{}, reduction::mean{}, x, target), sum / 5));
    CHECK(test::near(loss::value(b, loss::cross_entropy{}, reduction::mean_valid{}, x, target), sum / (3 + 0x1p-23)));
    const auto weighted = target.class_weight(cw);
    const auto by_class = loss::value(b, loss::cross_entropy{}, reduction::none{}, x, weighted);
    CHECK((by_class(0) == 0 && by_class(1) == 0 && by_class(2) == 0.5 * plain(2) && by_class(3) == 3 * plain(3)));
    const double all = by_class(2) + by_class(3);
    CHECK(test::near(loss::value(b, loss::cross_entropy{}, reduction::mean_weights{}, x, weighted),
                     all / (3.5 + 0x1p-23)));
    CHECK(test::near(loss::value(b, loss::cross_entropy{}, reduction::mean{}, x, weighted), all / 5));
    const std::vector<double> rows{1, 2, 3, 4, 5};
    CHECK(test::near(loss::value(b, loss::cross_entropy{}, reduction::sum{}, x, weighted, rows),
                     3 * by_class(2) + 4 * by_class(3)));
    CHECK(test::near(loss::value(b, loss::cross_entropy{}, reduction::mean_weights{}, x, weighted, rows),
                     (3 * by_class(2) + 4 * by_class(3)) / (1 * 0 + 3 * 0.5 + 4 * 3 + 0x1p-23)));
    const std::vector<std::int32_t> narrow{3, 255, 0, 2, 255};
    CHECK(loss::value(b, loss::cross_entropy{}, reduction::none{}, x, loss::targets(narrow).ignore_index(255)).data ==
          plain.data);

    // Everything ignored: promise P11.
    const labels gone(5, 255);
    const auto r = loss::value_and_gradient(b, loss::cross_entropy{}, reduction::mean_valid{}, x,
                                            loss::targets(gone).ignore_index(255));
    CHECK(r.value == 0);
    for (const double g : r.gradient.data) CHECK(g == 0);

    const auto refused = [&](const labels& l, const char* part) {
        try {
            loss::value(b, loss::cross_entropy{}, reduction::none{}, x, l);
        } catch (const boxgrad::config_error& e) {
            INFO(e.what());
            CHECK(std::string(e.what()).find(part) != std::string::npos);
            return;
        }
        CHECK(false);
    };
    refused({0, 1, 2, 4, -1}, "row 3");
    refused({0, 1, 2, 3, -1}, "row 4");
    const std::vector<double> short_weights{1, 1, 1};
    CHECK_THROWS_AS(loss::value(b, loss::cross_entropy{}, reduction::none{}, x, target.class_weight(short_weights)),
                    boxgrad::shape_error);
    const std::vector<double> negative{1, 1, -1, 1};
    CHECK_THROWS_AS(loss::value(b, loss::cross_entropy{}, reduction::none{}, x, target.class_weight(negative)),
                    boxgrad::config_error);
}

TEMPLATE_TEST_CASE("P30 every rank and layout of logits gives the bits of [N, C]", "[loss][promise]", float, double) {
    using T = TestType;
    using boxgrad::extents;
    using boxgrad::view;
    const memory<T> b;
    std::mt19937_64 random(5);
    constexpr test::index n = 12;
    constexpr test::index classes = 11;
    const auto flat = random_row<T>(random, n * classes, 6);
    auto dense = random_row<T>(random, n * classes, 1);
    for (T& v : dense) v *= v;
    labels y;
    for (test::index i = 0; i < n; ++i) y.push_back(static_cast<std::int64_t>(random() % classes));
    const view<const T, 2> rows(flat.data(), {{n, classes}});
    const view<const T, 2> spread(dense.data(), {{n, classes}});

    // [2, C, 3, 2] with the numbers of [12, C]; axis a of stride by[a].
    const auto compare = [&](const extents<4>& by, test::index size) {
        const extents<4> e{{2, classes, 3, 2}};
        std::vector<T> x(static_cast<std::size_t>(size)), t(x.size()), g(x.size());
        const view<T, 4> x4(x.data(), e, by);
        const view<T, 4> t4(t.data(), e, by);
        view<T, 4> g4(g.data(), e, by);
        for (test::index i = 0; i < n; ++i) {
            for (test::index c = 0; c < classes; ++c) {
                x4(i / 6, c, i / 2 % 3, i % 2) = rows(i, c);
                t4(i / 6, c, i / 2 % 3, i % 2) = spread(i, c);
            }
        }
        const view<const std::int64_t, 3> y3(y.data(), {{2, 3, 2}});
        const auto check = [&](const auto& target4, const auto& target2) {
            const auto want = loss::value_and_gradient(b, loss::cross_entropy{}, reduction::none{}, rows, target2);
            const auto value =
                loss::value_and_gradient_into(b, loss::cross_entropy{}, reduction::none{}, x4, target4, g4);
            CHECK(value.data == want.value.data);
            for (test::index i = 0; i < n; ++i) {
                for (test::index c = 0; c < classes; ++c) {
                    if (g4(i / 6, c, i / 2 % 3, i % 2) != want.gradient(i, c)) FAIL("row " << i << " class " << c);
                }
            }
        };
        check(y3, y);
        check(t4, spread);
    };
    const extents<4> e{{2, classes, 3, 2}};
    compare(boxgrad::row_major(e), e.size());
    compare(boxgrad::column_major(e), e.size());
    compare({{3 * 2 * classes, 1, 2 * classes, classes}}, e.size());
    compare({{200, 17, 4, 2}}, 400);

    // [6, C, 2], and [N, C] by columns and backwards.
    const view<const T, 3> three(flat.data(), {{6, classes, 2}}, {{2 * classes, 1, classes}});
    const view<const std::int64_t, 2> y2(y.data(), {{6, 2}});
    const auto want = loss::value(b, loss::softmax_focal{}, reduction::none{}, rows, y);
    CHECK(loss::value(b, loss::softmax_focal{}, reduction::none{}, three, y2).data == want.data);
    std::vector<T> columns(flat.size());
    for (test::index i = 0; i < n; ++i) {
        for (test::index c = 0; c < classes; ++c) columns[static_cast<std::size_t>(c * n + i)] = rows(i, c);
    }
    const view<const T, 2> by_columns(columns.data(), {{n, classes}}, {{1, n}});
    CHECK(loss::value(b, loss::softmax_focal{}, reduction::none{}, by_columns, y).data == want.data);
}

TEST_CASE("P14 P15 distribution focal: targets out of range; parameters", "[loss][promise]") {
    const memory<double> b;
    const std::vector<std::array<double, 4>> x{{1, 2, 3, 4}, {0, -1, 5, 2}};
    const auto value = [&](const loss::distribution_focal& term, const std::vector<double>& y) {
        return loss::value(b, term, reduction::none{}, x, y);
    };
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (const double bad : {-0.5, 3.0, 3.5, -1e300, 1e300, nan}) {
        try {
            value({}, {0.0, bad});
            CHECK(false);
        } catch (const boxgrad::config_error& e) {
            CHECK(std::string(e.what()).find("row 1") != std::string::npos);
        }
    }
    CHECK_THROWS_AS(value({0.1}, {0.0, nan}), boxgrad::config_error);
    CHECK_THROWS_AS(value({nan}, {0.0, 1.0}), boxgrad::config_error);
    const std::vector<double> wild{-3, 1e300};
    CHECK(value({0.01}, wild).data == value({}, {0.0, 3 - 0.01}).data);
    CHECK(wild == std::vector<double>{-3, 1e300});
    const auto whole = value({}, {2.0, 1.0});
    const auto by_label = loss::value(b, loss::cross_entropy{}, reduction::none{}, x, labels{2, 1});
    CHECK(test::near(whole(0), by_label(0)));
    CHECK(test::near(whole(1), by_label(1)));
    // A margin of nothing ends in the last class.
    const auto last = loss::value(b, loss::cross_entropy{}, reduction::none{}, x, labels{3, 3});
    CHECK(test::near(value({0}, {9.0, 3.0})(1), last(1)));
    const std::vector<std::array<double, 1>> narrow{{1}};
    CHECK_THROWS_AS(loss::value(b, loss::distribution_focal{0.1}, reduction::none{}, narrow, std::vector<double>{0.0}),
                    boxgrad::config_error);

    CHECK_THROWS_AS(loss::value(b, loss::kd_kl_div{0}, reduction::none{}, x, x), boxgrad::config_error);
    CHECK_THROWS_AS(loss::value(b, loss::kd_kl_div{nan}, reduction::none{}, x, x), boxgrad::config_error);
    CHECK_THROWS_AS(loss::value(b, loss::softmax_focal{-1}, reduction::none{}, x, labels{0, 0}), boxgrad::config_error);
    CHECK(loss::value(b, loss::softmax_focal{0}, reduction::none{}, x, labels{1, 2}).data ==
          loss::value(b, loss::cross_entropy{}, reduction::none{}, x, labels{1, 2}).data);
}

TEST_CASE("accuracy: several k, ties, a threshold, NaN and errors", "[loss]") {
    const memory<double> b;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<std::array<double, 4>> x{
        {4, 3, 2, 1}, {5, 5, 5, 0}, {0.3, 0.2, 0.9, 0.9}, {1, nan, 0, 0}, {nan, 1, 0, 0}};
    const auto of = [&](const labels& y, const loss::topk_ranks& k) {
        const auto r = loss::accuracy(b, x, y, k);
        return std::vector<double>(r.begin(), r.end());
    };
    CHECK(of({0, 0, 2, 0, 1}, {1, 2}) == std::vector<double>{60, 100});
    // Of equal ones the lower comes first.
    CHECK(of({0, 2, 3, 0, 1}, {1, 2, 3}) == std::vector<double>{20, 80, 100});
    // NaN is in front of every number and never found.
    CHECK(of({3, 3, 1, 1, 0}, {1, 4}) == std::vector<double>{0, 60});
    CHECK(loss::accuracy(b, x, labels{0, 0, 2, 0, 1})[0] == 60);
    CHECK(loss::accuracy(b, x, labels{0, 0, 2, 0, 1}, {1, 2}, 0.95)[1] == 80);
    const labels some{0, 9, 0, 9, 9};
    CHECK(loss::accuracy(b, x, loss::targets(some).ignore_index(9))[0] == 50);
    const labels gone(5, 9);
    CHECK(loss::accuracy(b, x, loss::targets(gone).ignore_index(9))[0] == 0);
    CHECK(loss::accuracy(b, std::vector<std::array<double, 4>>{}, labels{}, {1, 4})[1] == 0);
    CHECK_THROWS_AS(loss::accuracy(b, x, labels{0, 0, 0, 0, 4}), boxgrad::config_error);
    CHECK_THROWS_AS(loss::accuracy(b, x, labels{0, 0, 0, 0}), boxgrad::shape_error);
    CHECK_THROWS_AS(loss::accuracy(b, x, labels(5, 0), {5}), boxgrad::config_error);
    CHECK_THROWS_AS(loss::accuracy(b, x, labels(5, 0), {0}), boxgrad::config_error);
}

TEMPLATE_LIST_TEST_CASE("terms over rows on every backend", "[loss]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const std::vector<T> flat{T(0.5), T(-2), T(3), T(1), T(0), T(7), T(-7), T(2),
                              T(2),   T(-1), T(1), T(1), T(1), T(1), T(1)};
    const std::vector<T> other{T(1), T(0), T(1), T(0), T(0), T(0), T(0), T(1),
                               T(0), T(1), T(1), T(0), T(0), T(2), T(0)};
    const auto x = test::from_host(b, boxgrad::extents<2>{{3, 5}}, flat);
    const auto dense = test::from_host(b, boxgrad::extents<2>{{3, 5}}, other);
    const std::vector<std::int64_t> classes{2, 4, 0};
    const auto y = boxgrad::from_host<std::int64_t>(b, boxgrad::extents<1>{{3}}, classes.data());
    const auto between = test::column(b, {0.25, 3.5, 2});
    const auto compare = [&](const auto& term, const auto& target,
                             const std::function<answer(const reals&, std::size_t)>& by) {
        const auto r = loss::value_and_gradient(b, term, reduction::none{}, x, target);
        const auto value = test::to_host<1>(b, r.value);
        const auto gradient = test::to_host<2>(b, r.gradient);
        for (std::size_t i = 0; i < 3; ++i) {
            const auto at = flat.begin() + static_cast<std::ptrdiff_t>(5 * i);
            const answer a = by(reals(at, at + 5), i);
            CHECK(test::near(value[i], static_cast<T>(a.value), 32));
            for (std::size_t c = 0; c < 5; ++c)
                CHECK(test::near(gradient[5 * i + c], static_cast<T>(a.gradient[c]), 32));
        }
    };
    const auto second = [&](std::size_t i) {
        const auto at = other.begin() + static_cast<std::ptrdiff_t>(5 * i);
        return reals(at, at + 5);
    };
    compare(loss::softmax_focal{1.5}, y, [&](const reals& r, std::size_t i) {
        return by_hand(r, one_hot(5, static_cast<std::size_t>(classes[i])), 1.5L);
    });
    compare(loss::cross_entropy{}, dense, [&](const reals& r, std::size_t i) { return by_hand(r, second(i), 0); });
    compare(loss::distribution_focal{}, between, [&](const reals& r, std::size_t i) {
        const reals t[3] = {{0.75L, 0.25L, 0, 0, 0}, {0, 0, 0, 0.5L, 0.5L}, {0, 0, 1, 0, 0}};
        return by_hand(r, t[i], 0);
    });
    compare(loss::kd_kl_div{3}, dense, [&](const reals& r, std::size_t i) { return kd_by_hand(r, second(i), 3); });
    compare(loss::multi_pos_cross_entropy{}, dense,
            [&](const reals& r, std::size_t i) { return multi_by_hand(r, second(i)); });
    const auto percent = loss::accuracy(b, x, y, {1, 5});
    CHECK(test::near(percent[0], 200.0 / 3));
    CHECK(percent[1] == 100);
}
