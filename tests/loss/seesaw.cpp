// SPDX-License-Identifier: Apache-2.0
//
// Seesaw loss, against its formula in long double, gradients by differences with both weights frozen.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/loss/seesaw.hpp>

#include <cmath>
#include <random>

namespace {

using boxgrad::memory;
using boxgrad::shaped;
namespace loss = boxgrad::loss;
namespace reduction = boxgrad::reduction;
using real = long double;
using reals = std::vector<real>;
using labels = std::vector<std::int64_t>;

reals softmax(const reals& x) {
    const real most = *std::max_element(x.begin(), x.end());
    reals p;
    real sum = 0;
    for (const real v : x) sum += p.emplace_back(std::exp(v - most));
    for (real& v : p) v /= sum;
    return p;
}

/// M·K of a row, by the formula.
reals weights_of(const reals& x, std::size_t y, const labels& counts, const loss::seesaw& term) {
    const auto count = [&](std::size_t c) { return static_cast<real>(std::max<std::int64_t>(counts[c], 1)); };
    const reals s = softmax(x);
    reals w;
    for (std::size_t j = 0; j < x.size(); ++j) {
        const real m = std::pow(std::min(count(j) / count(y), 1.0L), static_cast<real>(term.p));
        const real k =
            std::pow(std::max(s[j] / std::max(s[y], static_cast<real>(term.eps)), 1.0L), static_cast<real>(term.q));
        w.push_back(j == y ? 1 : m * k);
    }
    return w;
}
/// -ln of the label's share of Σ w·e^x.
real weighted_ce(const reals& x, std::size_t y, const reals& w) {
    const real most = *std::max_element(x.begin(), x.end());
    real sum = 0;
    for (std::size_t j = 0; j < x.size(); ++j) sum += w[j] * std::exp(x[j] - most);
    return std::log(sum) + most - x[y];
}
template <class F>
reals differences(reals x, const F& f) {
    reals g;
    for (real& v : x) {
        const real at = v;
        const real h = 1e-3L;
        real d = 0;
        for (const auto& [step, weight] : {std::pair{1, 8.0L}, {-1, -8.0L}, {2, -1.0L}, {-2, 1.0L}}) {
            v = at + static_cast<real>(step) * h;
            d += weight * f(x);
        }
        v = at;
        g.push_back(d / (12 * h));
    }
    return g;
}

struct scene {
    test::index classes, n;
    std::vector<double> logits;  ///< [n, classes + 2]
    labels y;
};
scene draw(std::mt19937_64& random, test::index classes, test::index n, double scale) {
    scene s{classes, n, {}, {}};
    for (test::index i = 0; i < n * (classes + 2); ++i)
        s.logits.push_back(static_cast<double>(static_cast<float>(scale * std::normal_distribution<double>()(random))));
    for (test::index i = 0; i < n; ++i)
        s.y.push_back(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(classes + 1)));
    return s;
}
template <class T>
shaped<T, 2> logits_of(const scene& s) {
    shaped<T, 2> x(boxgrad::extents<2>{{s.n, s.classes + 2}});
    for (std::size_t i = 0; i < s.logits.size(); ++i) x.data[i] = static_cast<T>(s.logits[i]);
    return x;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("seesaw loss on every backend, call after call", "[loss][gradient]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    std::mt19937_64 random(7);
    const loss::seesaw term{0.7, 1.5, 0.05, 0.5};
    loss::seesaw_counts counts(9);
    labels counted(10, 0);
    for (int call = 0; call < 3; ++call) {
        const scene s = draw(random, 9, 8, 3);
        for (const std::int64_t l : s.y) ++counted[static_cast<std::size_t>(l)];
        const auto host = logits_of<T>(s);
        const auto x =
            test::from_host(b, boxgrad::extents<2>{{s.n, 11}}, std::vector<T>(host.data.begin(), host.data.end()));
        const auto y = boxgrad::from_host<std::int64_t>(b, boxgrad::extents<1>{{s.n}}, s.y.data());
        const auto r = term.value_and_gradient(b, counts, reduction::none{}, x, y);
        CHECK(counts.values() == counted);
        const auto objects = test::to_host<1>(b, r.loss_cls_objectness);
        const auto classes = test::to_host<1>(b, r.loss_cls_classes);
        const auto gradient = test::to_host<2>(b, r.gradient);
        for (std::size_t i = 0; i < s.y.size(); ++i) {
            const auto row = s.logits.begin() + static_cast<std::ptrdiff_t>(11 * i);
            const auto label = static_cast<std::size_t>(s.y[i]);
            const reals o(row + 9, row + 11);
            const std::size_t is_background = label == 9 ? 1 : 0;
            const auto ce = [&](const reals& v) { return weighted_ce(v, is_background, {1, 1}) / 2; };
            CHECK(test::near(objects[i], static_cast<T>(ce(o)), 32));
            const reals go = differences(o, ce);
            for (std::size_t c = 0; c < 2; ++c)
                CHECK(std::abs(static_cast<real>(gradient[11 * i + 9 + c]) - go[c]) < 1e-6L);
            if (is_background) {
                CHECK(classes[i] == T(0));
                for (std::size_t c = 0; c < 9; ++c) CHECK(gradient[11 * i + c] == T(0));
                continue;
            }
            const reals v(row, row + 9);
            const reals w = weights_of(v, label, counted, term);
            const auto f = [&](const reals& at) { return weighted_ce(at, label, w) / 2; };
            CHECK(test::near(classes[i], static_cast<T>(f(v)), 64));
            const reals g = differences(v, f);
            for (std::size_t c = 0; c < 9; ++c)
                CHECK(std::abs(static_cast<real>(gradient[11 * i + c]) - g[c]) < (sizeof(T) == 4 ? 2e-6L : 1e-9L));
        }
        const auto scores = test::to_host<2>(b, loss::seesaw::activation(b, x));
        for (std::size_t i = 0; i < s.y.size(); ++i) {
            const auto row = s.logits.begin() + static_cast<std::ptrdiff_t>(11 * i);
            const reals p = softmax(reals(row, row + 9));
            const reals o = softmax(reals(row + 9, row + 11));
            for (std::size_t c = 0; c < 9; ++c) CHECK(test::near(scores[10 * i + c], static_cast<T>(p[c] * o[0])));
            CHECK(test::near(scores[10 * i + 9], static_cast<T>(o[1])));
        }
    }
}

TEMPLATE_TEST_CASE("seesaw loss keeps its digits in saturated tails", "[loss][gradient]", float, double) {
    using T = TestType;
    std::mt19937_64 random(8);
    const loss::seesaw term;
    double worst = 0;
    for (const double scale : {0.1, 3.0, 12.0}) {
        const scene s = draw(random, 37, 40, scale);
        loss::seesaw_counts counts(37);
        labels before;
        for (int i = 0; i < 37; ++i) before.insert(before.end(), static_cast<std::size_t>(i * i), i);
        counts.add(before);
        const auto r = term.value_and_gradient(memory<T>{}, counts, reduction::none{}, logits_of<T>(s), s.y);
        for (std::size_t i = 0; i < s.y.size(); ++i) {
            const auto label = static_cast<std::size_t>(s.y[i]);
            if (label == 37) continue;
            const auto row = s.logits.begin() + static_cast<std::ptrdiff_t>(39 * i);
            const reals x(row, row + 37);
            const reals w = weights_of(x, label, counts.values(), term);
            reals z = x;
            for (std::size_t c = 0; c < z.size(); ++c) z[c] += std::log(w[c]);
            reals p = softmax(z);
            real others = 0;
            for (std::size_t c = 0; c < p.size(); ++c) others += c == label ? 0 : p[c];
            p[label] = -others;
            for (std::size_t c = 0; c < p.size(); ++c) {
                if (std::abs(p[c]) < static_cast<real>(std::numeric_limits<T>::min())) continue;
                worst = std::max(
                    worst,
                    static_cast<double>(std::abs(
                        static_cast<real>(r.gradient(static_cast<test::index>(i), static_cast<test::index>(c))) / p[c] -
                        1)));
            }
        }
    }
    INFO(worst / static_cast<double>(std::numeric_limits<T>::epsilon()) << " ε");
    // Each exponent is a sum of some 100, rounded a few times.
    CHECK(worst < 250 * static_cast<double>(std::numeric_limits<T>::epsilon()));

    // The largest logits.
    const T most = std::numeric_limits<T>::max();
    shaped<T, 2> x(boxgrad::extents<2>{{2, 5}});
    x.data = {most, -most, T(0), most, -most, -most, most, -most, -most, most};
    loss::seesaw_counts counts(3);
    const auto r = term.value_and_gradient(memory<T>{}, counts, reduction::none{}, x, labels{1, 2});
    for (test::index i = 0; i < 2; ++i)
        CHECK((std::isfinite(r.loss_cls_classes(i)) && std::isfinite(r.loss_cls_objectness(i))));
    for (const T g : r.gradient.data) CHECK(std::isfinite(g));
}

TEST_CASE("seesaw: reductions, weights, upstream and background alone", "[loss]") {
    const memory<double> b;
    std::mt19937_64 random(9);
    const scene s = draw(random, 5, 12, 2);
    const auto x = logits_of<double>(s);
    const loss::seesaw term{.loss_weight = 2};
    std::vector<double> w;
    for (int i = 0; i < 12; ++i) w.push_back(i % 4 * 0.5);
    const auto fresh = [] { return loss::seesaw_counts(5); };
    auto c = fresh();
    const auto none = term.value_and_gradient(b, c, reduction::none{}, x, s.y, w);
    double objects = 0;
    double classes = 0;
    double positives = 0;
    for (test::index i = 0; i < 12; ++i) {
        objects += none.loss_cls_objectness(i);
        classes += none.loss_cls_classes(i);
        positives += s.y[static_cast<std::size_t>(i)] < 5 ? 1 : 0;
    }
    const auto check = [&](const auto& red, double by_objects, double by_classes) {
        auto own = fresh();
        const double uo = 3;
        const double uc = 0.25;
        const auto r = term.value_and_gradient(b, own, red, x, s.y, w, loss::seesaw_upstream{uo, uc});
        CHECK(test::near(r.loss_cls_objectness, objects * by_objects));
        CHECK(test::near(r.loss_cls_classes, classes * by_classes));
        for (test::index i = 0; i < 12; ++i) {
            for (test::index k = 0; k < 7; ++k) {
                CHECK(test::near(r.gradient(i, k), none.gradient(i, k) * (k < 5 ? uc * by_classes : uo * by_objects)));
            }
        }
        own = fresh();
        const auto v = term.value(b, own, red, x, s.y, w);
        CHECK((v.loss_cls_objectness == r.loss_cls_objectness && v.loss_cls_classes == r.loss_cls_classes));
    };
    check(reduction::sum{}, 1, 1);
    check(reduction::mean{}, 1.0 / 12, 1 / positives);
    check(reduction::mean_over{7}, 1 / (7 + 0x1p-23), 1 / (7 + 0x1p-23));

    auto own = fresh();
    const auto background = term.value_and_gradient(b, own, reduction::mean{}, x, labels(12, 5));
    CHECK((background.loss_cls_classes == 0 && background.loss_cls_objectness > 0 && own[5] == 12));
    for (test::index i = 0; i < 12; ++i) {
        for (test::index k = 0; k < 5; ++k) CHECK(background.gradient(i, k) == 0);
    }
    const shaped<double, 2> nothing(boxgrad::extents<2>{{0, 7}});
    const auto empty = term.value_and_gradient(b, own, reduction::mean{}, nothing, labels{});
    CHECK((empty.loss_cls_classes == 0 && empty.loss_cls_objectness == 0));
    // Narrow labels, and a gradient written by columns.
    const std::vector<std::int32_t> narrow(s.y.begin(), s.y.end());
    std::vector<double> memory_of(12 * 7);
    boxgrad::view<double, 2> g(memory_of.data(), {{12, 7}}, {{1, 12}});
    own = fresh();
    const auto v = term.value_and_gradient_into(b, own, reduction::none{}, x, narrow, g, w);
    CHECK(v.loss_cls_classes.data == none.loss_cls_classes.data);
    CHECK(g(3, 4) == none.gradient(3, 4));
    const auto a = loss::seesaw::accuracy(b, x, s.y);
    double right = 0;
    double found = 0;
    for (test::index i = 0; i < 12; ++i) {
        const std::int64_t l = s.y[static_cast<std::size_t>(i)];
        found += (x(i, 6) > x(i, 5)) == (l == 5) ? 1 : 0;
        if (l < 5) right += std::max_element(&x(i, 0), &x(i, 0) + 5) - &x(i, 0) == l ? 1 : 0;
    }
    CHECK(test::near(a.acc_objectness, 100 * found / 12));
    CHECK(test::near(a.acc_classes, 100 * right / positives));
}

TEST_CASE("seesaw counts merge, and stay as they were after an error", "[loss]") {
    const memory<double> b;
    const labels one{0, 3, 3, 4, 2};
    const labels two{1, 1, 4, 0};
    labels both = one;
    both.insert(both.end(), two.begin(), two.end());
    loss::seesaw_counts x(4), y(4), z(4);
    x.add(b, one);
    y.add(b, two);
    z.add(b, both);
    x.merge(y);
    CHECK(x.values() == z.values());
    CHECK(x.values() == labels{2, 2, 1, 2, 2});
    x.reset();
    CHECK(x.values() == labels(5, 0));
    CHECK_THROWS_AS(x.merge(loss::seesaw_counts(3)), boxgrad::config_error);
    CHECK_THROWS_AS(loss::seesaw_counts(0), boxgrad::config_error);

    const shaped<double, 2> logits(boxgrad::extents<2>{{4, 6}});
    const auto refused = [&](const loss::seesaw& term, const labels& l) {
        CHECK_THROWS_AS(term.value(b, z, reduction::sum{}, logits, l), boxgrad::config_error);
        CHECK(z.values() == labels{2, 2, 1, 2, 2});
    };
    refused({}, {0, 1, 5, 2});
    refused({}, {0, 1, -1, 2});
    refused({.p = -1}, {0, 1, 2, 3});
    refused({.q = -1}, {0, 1, 2, 3});
    refused({.eps = 2}, {0, 1, 2, 3});
    CHECK_THROWS_AS(loss::seesaw{}.value(b, z, reduction::mean_over{-1}, logits, two), boxgrad::config_error);
    const std::vector<double> bad{1, 1, -1, 1};
    CHECK_THROWS_AS(loss::seesaw{}.value(b, z, reduction::sum{}, logits, two, bad), boxgrad::config_error);
    CHECK_THROWS_AS(loss::seesaw{}.value(b, z, reduction::sum{}, logits, one), boxgrad::shape_error);
    loss::seesaw_counts other(7);
    CHECK_THROWS_AS(loss::seesaw{}.value(b, other, reduction::sum{}, logits, two), boxgrad::shape_error);
    CHECK(z.values() == labels{2, 2, 1, 2, 2});
}
