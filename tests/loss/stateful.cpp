// SPDX-License-Identifier: Apache-2.0
//
// Losses with a state against models by loops: EQLv2, GHM-C, GHM-R.
#include "backends.hpp"
#include "catch.hpp"
#include "differences.hpp"

#include <boxgrad/loss/eqlv2.hpp>
#include <boxgrad/loss/ghm.hpp>

#include <random>

namespace {

using count = boxgrad::index;
namespace loss = boxgrad::loss;
namespace reduction = boxgrad::reduction;
using real = long double;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
real sigmoid_of(real x) { return 1 / (1 + std::exp(-x)); }
real bce_of(real x, real t) { return std::log1p(std::exp(x)) - t * x; }

struct batch {
    std::vector<real> x;
    std::vector<std::int64_t> labels;
    std::vector<double> weights;
};

/// Numbers that float holds; labels up to `highest`.
batch random_batch(unsigned seed, count rows, count columns, std::int64_t highest) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> u(-3, 3);
    batch b;
    for (count i = 0; i < rows * columns; ++i) b.x.push_back(real(u(random)));
    for (count i = 0; i < rows; ++i) {
        b.labels.push_back(static_cast<std::int64_t>(random() % static_cast<unsigned>(highest + 1)));
        b.weights.push_back(i % 4 == 3 ? 0.0 : 0.5);
    }
    return b;
}

template <class B>
auto matrix(const B& b, const std::vector<real>& v, count columns) {
    using T = typename B::scalar;
    const std::vector<T> t(v.begin(), v.end());
    return boxgrad::from_host<T>(b, boxgrad::extents<2>{{static_cast<count>(v.size()) / columns, columns}}, t.data());
}
template <class B>
auto labels_on(const B& b, const std::vector<std::int64_t>& v) {
    return test::from_host(b, boxgrad::extents<1>{{static_cast<count>(v.size())}}, v);
}

/// A model of EQLv2: equations 5 to 7 with the state in plain arrays.
struct eqlv2_model {
    loss::eqlv2 l;
    std::vector<real> pos, neg;
    bool fresh = true;

    real negative_weight(std::size_t c) const {
        if (c == pos.size()) return 1;
        const real ratio = fresh ? 100 : pos[c] / (neg[c] + real(1e-10));
        return 1 / (1 + std::exp(-real(l.gamma) * (ratio - real(l.mu))));
    }
    real weight(std::size_t c, bool positive) const {
        return positive ? 1 + real(l.alpha) * (1 - negative_weight(c)) : negative_weight(c);
    }
    real value(const std::vector<real>& x, const std::vector<std::int64_t>& y) const {
        const std::size_t columns = pos.size() + 1;
        real sum = 0;
        for (std::size_t e = 0; e < x.size(); ++e) {
            const bool positive = static_cast<std::size_t>(y[e / columns]) == e % columns;
            sum += weight(e % columns, positive) * bce_of(x[e], positive ? 1 : 0);
        }
        return real(l.loss_weight) * sum / static_cast<real>(y.size());
    }
    void collect(const std::vector<real>& x, const std::vector<std::int64_t>& y) {
        const std::size_t columns = pos.size() + 1;
        auto p = pos;
        auto n = neg;
        for (std::size_t e = 0; e < x.size(); ++e) {
            const std::size_t c = e % columns;
            if (c == pos.size()) continue;
            const bool positive = static_cast<std::size_t>(y[e / columns]) == c;
            (positive ? p : n)[c] += weight(c, positive) * (positive ? 1 - sigmoid_of(x[e]) : sigmoid_of(x[e]));
        }
        pos = p;
        neg = n;
        fresh = false;
    }
};

/// A model of GHM: weights of elements by bins searched from the definition.
struct ghm_model {
    int bins;
    double momentum;
    std::vector<real> average;

    std::vector<real> weights(const std::vector<real>& length, const std::vector<double>& label_weight, real total) {
        std::vector<real> w(length.size());
        std::vector<std::size_t> filled;
        const auto inside = [&](std::size_t e, std::size_t i) {
            return label_weight[e] > 0 && length[e] * bins >= real(i) &&
                   (length[e] * bins < real(i + 1) || i + 1 == static_cast<std::size_t>(bins));
        };
        for (std::size_t i = 0; i < static_cast<std::size_t>(bins); ++i) {
            int n = 0;
            for (std::size_t e = 0; e < length.size(); ++e) n += inside(e, i) ? 1 : 0;
            if (n == 0) continue;
            average[i] = real(momentum) * average[i] + (1 - real(momentum)) * n;
            filled.push_back(i);
        }
        for (const std::size_t i : filled) {
            for (std::size_t e = 0; e < length.size(); ++e) {
                if (inside(e, i)) w[e] = total / average[i] / static_cast<real>(filled.size());
            }
        }
        return w;
    }
};

template <class T>
constexpr double tolerance_of = std::is_same_v<T, float> ? 1e-5 : 1e-9;

}  // namespace

TEMPLATE_LIST_TEST_CASE("EQLv2 on every backend", "[loss][eqlv2]", test::backends) {
    const TestType b{};
    using T = typename TestType::scalar;
    constexpr count classes = 4, rows = 11;
    const loss::eqlv2 l{8, 0.7, 3, 0.5};
    loss::eqlv2_state state(classes);
    eqlv2_model model{l, std::vector<real>(classes), std::vector<real>(classes)};
    for (unsigned step = 0; step < 3; ++step) {
        const batch s = random_batch(step, rows, classes + 1, classes);
        const auto x = matrix(b, s.x, classes + 1);
        const auto y = labels_on(b, s.labels);
        const T looked = l.value(b, x, y, state);
        const auto r = l.value_and_gradient(b, x, y, state, 2.0);
        CHECK(looked == r.value);
        CHECK(std::abs(static_cast<double>(r.value) - static_cast<double>(model.value(s.x, s.labels))) <=
              tolerance_of<T>);
        const auto slopes = test::differences(s.x, [&](const auto& v) { return 2 * model.value(v, s.labels); });
        CHECK(test::largest_difference(test::to_host<2>(b, r.gradient), slopes) <= tolerance_of<T>);
        model.collect(s.x, s.labels);
        CHECK(test::largest_difference(state.pos_grad, model.pos) <= tolerance_of<T>);
        CHECK(test::largest_difference(state.neg_grad, model.neg) <= tolerance_of<T>);
    }
}

TEST_CASE("EQLv2: ranks, limits and what it refuses", "[loss][eqlv2]") {
    const boxgrad::memory<double> b;
    constexpr count classes = 3, columns = classes + 1;
    const loss::eqlv2 l{};
    const batch s = random_batch(1, 8, columns, classes);
    loss::eqlv2_state whole(classes);
    l.value_and_gradient(b, matrix(b, s.x, columns), s.labels, whole);
    // Two ranks of four rows each.
    loss::eqlv2_state both(classes), ranks[2]{loss::eqlv2_state(classes), loss::eqlv2_state(classes)};
    double sum = 0;
    for (int r = 0; r < 2; ++r) {
        const std::vector<real> x(s.x.begin() + 4 * columns * r, s.x.begin() + 4 * columns * (r + 1));
        const std::vector<std::int64_t> y(s.labels.begin() + 4 * r, s.labels.begin() + 4 * (r + 1));
        sum += l.value_and_gradient(b, matrix(b, x, columns), y, std::as_const(both), ranks[r]).value / 2;
    }
    CHECK(!both.collected);
    both.merge(ranks[0]);
    both.merge(ranks[1]);
    CHECK(test::near(both.pos_grad, whole.pos_grad));
    CHECK(test::near(both.neg_grad, whole.neg_grad));
    CHECK(test::near(sum, l.value(b, matrix(b, s.x, columns), s.labels, loss::eqlv2_state(classes))));
    CHECK(both.pos_neg(1) == both.pos_grad[1] / (both.neg_grad[1] + 1e-10));

    // Activations: the class, times no background.
    const auto p = test::to_host<2>(b, l.activation(b, matrix(b, s.x, columns)));
    CHECK(test::near(p[1], static_cast<double>(sigmoid_of(s.x[1]) * (1 - sigmoid_of(s.x[3])))));
    CHECK(test::near(p[3], static_cast<double>(sigmoid_of(s.x[3]))));

    // Saturated logits.
    const auto extreme = test::rows(b, 2, {800, -800, -1e300, 1e300});
    loss::eqlv2_state one(1);
    const auto r = l.value_and_gradient(b, extreme, std::vector<std::int64_t>{1, 0}, one);
    CHECK((std::isfinite(r.value) && r.value >= 0 && std::isfinite(one.pos_grad[0]) && std::isfinite(one.neg_grad[0])));

    // No rows.
    const auto none =
        boxgrad::from_host<double>(b, boxgrad::extents<2>{{0, columns}}, static_cast<const double*>(nullptr));
    CHECK(l.value(b, none, std::vector<std::int64_t>{}, whole) == 0);

    const auto before = whole.pos_grad;
    std::vector<std::int64_t> bad = s.labels;
    bad[6] = columns;
    CHECK(test::refusal<boxgrad::config_error>([&] {
              l.value_and_gradient(b, matrix(b, s.x, columns), bad, whole);
          }).find("row 6") != std::string::npos);
    bad[2] = -1;
    CHECK(test::refusal<boxgrad::config_error>([&] {
              l.value_and_gradient(b, matrix(b, s.x, columns), bad, whole);
          }).find("row 2") != std::string::npos);
    CHECK(whole.pos_grad == before);
    CHECK_THROWS_AS(l.value(b, matrix(b, s.x, columns), s.labels, loss::eqlv2_state(columns)), boxgrad::shape_error);
    CHECK_THROWS_AS((loss::eqlv2{not_a_number}.value(b, matrix(b, s.x, columns), s.labels, whole)),
                    boxgrad::config_error);
    CHECK_THROWS_AS(whole.merge(loss::eqlv2_state(columns)), boxgrad::shape_error);
}

TEMPLATE_LIST_TEST_CASE("GHM on every backend", "[loss][ghm]", test::backends) {
    const TestType b{};
    using T = typename TestType::scalar;
    constexpr count rows = 13, columns = 3;
    for (const double momentum : {0.0, 0.6}) {
        loss::ghmc c;
        c.bins = 7;
        c.momentum = momentum;
        c.loss_weight = 0.5;
        loss::ghm_state state;
        ghm_model model{c.bins, momentum, std::vector<real>(7)};
        for (unsigned step = 0; step < 2; ++step) {
            const batch s = random_batch(10 + step, rows, columns, columns);  // label 3 is background
            std::vector<real> t(s.x.size()), length(s.x.size());
            std::vector<double> w(s.x.size());
            real total = 0;
            for (std::size_t e = 0; e < t.size(); ++e) {
                t[e] = s.labels[e / columns] == static_cast<std::int64_t>(e % columns) ? 1 : 0;
                w[e] = s.weights[e / columns];
                length[e] = std::abs(sigmoid_of(s.x[e]) - t[e]);
                total += w[e] > 0 ? 1 : 0;
            }
            const auto frozen = model.weights(length, w, total);
            const auto by_hand = [&](const std::vector<real>& v) {
                real sum = 0;
                for (std::size_t e = 0; e < v.size(); ++e) sum += frozen[e] * bce_of(v[e], t[e]);
                return sum / (total + real(0x1p-23)) / 2;
            };
            const std::vector<T> weights(s.weights.begin(), s.weights.end());
            const auto r = c.value_and_gradient(b, reduction::mean{}, matrix(b, s.x, columns), labels_on(b, s.labels),
                                                test::from_host(b, boxgrad::extents<1>{{rows}}, weights), state);
            CHECK(std::abs(static_cast<double>(r.value) - static_cast<double>(by_hand(s.x))) <= tolerance_of<T>);
            CHECK(test::largest_difference(test::to_host<2>(b, r.gradient), test::differences(s.x, by_hand)) <=
                  tolerance_of<T>);
            if (momentum > 0) {
                CHECK(test::largest_difference(state.acc_sum, model.average) <= tolerance_of<T>);
            } else {
                CHECK(state.acc_sum.empty());
            }
        }
    }
    loss::ghmr g;
    g.mu = 0.5;
    loss::ghm_state state;
    ghm_model model{g.bins, 0, std::vector<real>(10)};
    const batch s = random_batch(20, rows, columns, columns);
    const batch o = random_batch(21, rows, columns, columns);
    std::vector<real> length(s.x.size());
    std::vector<double> w(s.x.size(), 1.5);
    w[4] = 0;
    for (std::size_t e = 0; e < w.size(); ++e)
        length[e] = std::abs(s.x[e] - o.x[e]) / std::hypot(s.x[e] - o.x[e], real(g.mu));
    const real total = 1.5L * static_cast<real>(w.size() - 1);
    const auto frozen = model.weights(length, w, total);
    const auto by_hand = [&](const std::vector<real>& v) {
        real sum = 0;
        for (std::size_t e = 0; e < v.size(); ++e)
            sum += frozen[e] * (std::hypot(v[e] - o.x[e], real(g.mu)) - real(g.mu));
        return sum / (total + real(0x1p-23));
    };
    const auto r = g.value_and_gradient(b, reduction::mean{}, matrix(b, s.x, columns), matrix(b, o.x, columns),
                                        matrix(b, std::vector<real>(w.begin(), w.end()), columns), state);
    CHECK(std::abs(static_cast<double>(r.value) - static_cast<double>(by_hand(s.x))) <= tolerance_of<T>);
    CHECK(test::largest_difference(test::to_host<2>(b, r.gradient), test::differences(s.x, by_hand)) <=
          tolerance_of<T>);
}

TEST_CASE("GHM: merged histograms are that of the whole batch", "[loss][ghm]") {
    const boxgrad::memory<double> b;
    constexpr count columns = 4;
    const batch s = random_batch(3, 12, columns, columns);
    loss::ghmc l;
    l.momentum = 0.5;
    loss::ghm_state whole;
    const double value = l.value(b, reduction::mean{}, matrix(b, s.x, columns), s.labels, loss::ones{}, whole);
    std::vector<std::vector<real>> x;
    std::vector<std::vector<std::int64_t>> y;
    for (int r = 0; r < 2; ++r) {
        x.emplace_back(s.x.begin() + 6 * columns * r, s.x.begin() + 6 * columns * (r + 1));
        y.emplace_back(s.labels.begin() + 6 * r, s.labels.begin() + 6 * (r + 1));
    }
    auto h = l.histogram(b, matrix(b, x[0], columns), y[0]);
    h.merge(l.histogram(b, matrix(b, x[1], columns), y[1]));
    CHECK(h.total == 48);
    double sum = 0;
    for (std::size_t r = 0; r < 2; ++r) {
        loss::ghm_state own;
        sum += l.value(b, reduction::mean{}, matrix(b, x[r], columns), y[r], loss::ones{}, own, &h);
        CHECK(own.acc_sum == whole.acc_sum);
    }
    CHECK(test::near(sum, value));
}

TEST_CASE("GHM at its edges, and what it refuses", "[loss][ghm]") {
    const boxgrad::memory<double> b;
    const batch s = random_batch(4, 5, 2, 1);
    const auto x = matrix(b, s.x, 2);
    loss::ghm_state state;
    loss::ghmc l;
    // Nothing valid: 0, and no gradient.
    const auto r = l.value_and_gradient(b, reduction::mean{}, x, s.labels, std::vector<double>(5, 0.0), state);
    CHECK(r.value == 0);
    for (const double g : test::to_host<2>(b, r.gradient)) CHECK(g == 0);
    // A row of weight 0 may hold anything; a NaN that counts is seen.
    auto rows = s.x;
    rows[2] = real(not_a_number);
    std::vector<double> w(5, 1.0);
    CHECK(std::isnan(l.value(b, reduction::mean{}, matrix(b, rows, 2), s.labels, w, state)));
    w[1] = 0;
    CHECK(std::isfinite(l.value(b, reduction::mean{}, matrix(b, rows, 2), s.labels, w, state)));
    // Lengths 0, 1/2 and 1 of saturated logits.
    const auto extreme = l.value_and_gradient(b, reduction::none{}, test::rows(b, 3, {800, -800, 0}),
                                              std::vector<std::int64_t>{0}, loss::ones{}, state);
    CHECK(test::to_host<2>(b, extreme.value)[2] > 0);
    loss::ghmr g;
    CHECK(std::isfinite(g.value(b, reduction::mean{}, test::rows(b, 2, {1e200, 3}), test::rows(b, 2, {-1e200, 3}),
                                loss::ones{}, state)));

    l.momentum = 0.5;
    l.value(b, reduction::mean{}, x, s.labels, loss::ones{}, state);
    const auto before = state.acc_sum;
    auto bad = s.labels;
    bad[3] = 3;
    CHECK(test::refusal<boxgrad::config_error>([&] {
              l.value(b, reduction::mean{}, x, bad, loss::ones{}, state);
          }).find("row 3") != std::string::npos);
    w[4] = -1;
    CHECK(test::refusal<boxgrad::config_error>([&] {
              l.value(b, reduction::mean{}, x, s.labels, w, state);
          }).find("row 4") != std::string::npos);
    const auto h = l.histogram(b, x, s.labels);  // weights are looked at beside a merged histogram, too
    CHECK_THROWS_AS(l.value(b, reduction::mean{}, x, s.labels, w, state, &h), boxgrad::config_error);
    CHECK(state.acc_sum == before);
    l.bins = 0;
    CHECK_THROWS_AS(l.value(b, reduction::mean{}, x, s.labels, loss::ones{}, state), boxgrad::config_error);
    l.bins = 5;
    CHECK_THROWS_AS(l.value(b, reduction::mean{}, x, s.labels, loss::ones{}, state), boxgrad::shape_error);
    l.bins = 10;
    for (const double momentum : {-0.1, 1.0, static_cast<double>(not_a_number)}) {
        l.momentum = momentum;
        CHECK_THROWS_AS(l.value(b, reduction::mean{}, x, s.labels, loss::ones{}, state), boxgrad::config_error);
    }
    g.mu = 0;
    CHECK_THROWS_AS(g.value(b, reduction::mean{}, x, x, loss::ones{}, state), boxgrad::config_error);
    CHECK_THROWS_AS(loss::ghmc{}.value(b, reduction::mean{}, x, std::vector<std::int64_t>{1}, loss::ones{}, state),
                    boxgrad::shape_error);
}
