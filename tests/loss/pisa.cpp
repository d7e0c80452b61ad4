// SPDX-License-Identifier: Apache-2.0
//
// Prime sample attention against models by loops.
#include "backends.hpp"
#include "catch.hpp"
#include "differences.hpp"

#include <boxgrad/loss/cross_entropy.hpp>
#include <boxgrad/loss/giou.hpp>
#include <boxgrad/loss/pisa.hpp>
#include <boxgrad/loss/sigmoid_focal.hpp>
#include <boxgrad/loss/smooth_l1.hpp>

#include <cmath>
#include <map>
#include <random>

namespace {

using boxgrad::index;
namespace loss = boxgrad::loss;
using real = long double;

constexpr index N = 14, C = 3;

/// 14 samples of 3 classes and 5 truths; label 3 is background, a negative one ignored.
struct scene {
    std::vector<std::int64_t> labels{0, 0, 0, 0, 1, 1, 1, 2, 3, 3, -1, 0, 1, 3};
    std::vector<std::int64_t> truths{7, 7, 7, 2, 4, 4, 9, 5, -1, -1, 0, 2, 9, -1};
    std::vector<double> weights{1, 1, 0.5, 1, 2, 1, 1, 1, 1, 1, 1, 0, 1, 0.25};
    std::vector<double> logits, boxes, targets;

    explicit scene(index columns) {
        std::mt19937 random(7);
        std::uniform_real_distribution<double> u(-2, 2);
        for (index i = 0; i < N * columns; ++i) logits.push_back(u(random));
        for (index i = 0; i < N; ++i) {
            for (const double c : {10.0, 20.0, 50.0, 60.0}) {
                targets.push_back(c);
                boxes.push_back(c + 4 * u(random));
            }
        }
    }
    bool positive(std::size_t i) const { return labels[i] >= 0 && labels[i] < C; }
};

real iou_of(const double* a, const double* b) {
    const auto w = real(std::max(0.0, std::min(a[2], b[2]) - std::max(a[0], b[0])));
    const auto h = real(std::max(0.0, std::min(a[3], b[3]) - std::max(a[1], b[1])));
    const real area = real(a[2] - a[0]) * real(a[3] - a[1]) + real(b[2] - b[0]) * real(b[3] - b[1]);
    return w * h / (area - w * h);
}

real cross_entropy_of(const double* x, index columns, std::int64_t label) {
    real sum = 0;
    for (index c = 0; c < columns; ++c) sum += std::exp(real(x[c]));
    return std::log(sum) - real(x[label]);
}

/// mmdetection's way: ranks by counting who is better.
std::vector<real> isr_p_by_hand(const scene& s, const std::vector<real>& row_loss, real k, real bias) {
    std::vector<real> score(N);
    std::map<std::int64_t, int> count;
    for (std::size_t i = 0; i < N; ++i) {
        if (s.positive(i)) ++count[s.labels[i]];
    }
    int most = 0;
    for (const auto& c : count) most = std::max(most, c.second);
    const auto overlap = [&](std::size_t i) { return iou_of(&s.boxes[4 * i], &s.targets[4 * i]); };
    for (std::size_t i = 0; i < N; ++i) {
        if (!s.positive(i)) continue;
        int better = 0;
        for (std::size_t j = 0; j < N; ++j) {
            better +=
                s.positive(j) && s.labels[j] == s.labels[i] && s.truths[j] == s.truths[i] && overlap(j) > overlap(i);
        }
        score[i] = overlap(i) + most - better;
    }
    std::vector<real> w(s.weights.begin(), s.weights.end());
    real before = 0;
    real after = 0;
    for (std::size_t i = 0; i < N; ++i) {
        if (!s.positive(i) || s.weights[i] == 0) continue;
        int better = 0;
        for (std::size_t j = 0; j < N; ++j)
            better += s.positive(j) && s.labels[j] == s.labels[i] && score[j] > score[i];
        w[i] = std::pow(bias + (1 - bias) * real(s.weights[i]) * real(most - better) / most, k);
        before += real(s.weights[i]) * row_loss[i];
        after += w[i] * row_loss[i];
    }
    for (std::size_t i = 0; i < N; ++i) {
        if (s.positive(i)) w[i] *= before / after;
    }
    return w;
}

real smooth_l1_of(real d) { return std::abs(d) < 1 ? d * d / 2 : std::abs(d) - real(0.5); }

real carl_by_hand(const scene& s, const std::vector<real>& logits, const std::vector<real>& boxes, index columns,
                  bool sigmoid, real k, real bias, real avg_factor) {
    real weights = 0;
    real sum = 0;
    int positives = 0;
    for (std::size_t i = 0; i < N; ++i) {
        if (!s.positive(i)) continue;
        const auto at = i * static_cast<std::size_t>(columns);
        const real x = logits[at + static_cast<std::size_t>(s.labels[i])];
        real all = 0;
        for (index c = 0; c < columns; ++c) all += std::exp(logits[at + static_cast<std::size_t>(c)]);
        const real p = sigmoid ? 1 / (1 + std::exp(-x)) : std::exp(x) / all;
        const real w = std::pow(bias + (1 - bias) * p, k);
        real l = 0;
        for (std::size_t c = 0; c < 4; ++c) l += smooth_l1_of(boxes[4 * i + c] - real(s.targets[4 * i + c]));
        weights += w;
        sum += w * l;
        ++positives;
    }
    return sum * positives / weights / avg_factor;
}

template <class B>
auto numbers(const B& b, const std::vector<double>& v, index columns) {
    using T = typename B::scalar;
    const std::vector<T> t(v.begin(), v.end());
    return boxgrad::from_host<T>(b, boxgrad::extents<2>{{static_cast<index>(v.size()) / columns, columns}}, t.data());
}
template <class B>
auto one_a_row(const B& b, const std::vector<double>& v) {
    using T = typename B::scalar;
    const std::vector<T> t(v.begin(), v.end());
    return boxgrad::from_host<T>(b, boxgrad::extents<1>{{static_cast<index>(v.size())}}, t.data());
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("PISA on every backend", "[loss][pisa]", test::backends) {
    const TestType b{};
    using T = typename TestType::scalar;
    const double tolerance = std::is_same_v<T, float> ? 2e-5 : 1e-12;
    const scene s(C + 1);
    const auto labels = test::from_host(b, boxgrad::extents<1>{{N}}, s.labels);
    const auto truths = test::from_host(b, boxgrad::extents<1>{{N}}, s.truths);
    const auto logits = numbers(b, s.logits, C + 1);
    const auto boxes = numbers(b, s.boxes, 4);
    const auto targets = numbers(b, s.targets, 4);
    std::vector<real> row_loss(N);
    for (std::size_t i = 0; i < N; ++i) {
        if (s.positive(i)) row_loss[i] = cross_entropy_of(&s.logits[i * (C + 1)], C + 1, s.labels[i]);
    }
    const auto w = loss::isr_p{2, 0.1, C}.weights(b, loss::cross_entropy{}, logits, labels, boxes, targets, truths,
                                                  one_a_row(b, s.weights));
    const auto expected = isr_p_by_hand(s, row_loss, 2, real(0.1));
    const auto got = test::to_host<1>(b, w);
    for (std::size_t i = 0; i < N; ++i) {
        INFO(i);
        CHECK(std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i])) <= tolerance);
    }
    const auto r =
        loss::carl{1, 0.2, false, C}.value_and_gradient(b, loss::smooth_l1{}, logits, labels, boxes, targets);
    const std::vector<real> x(s.logits.begin(), s.logits.end());
    const std::vector<real> p(s.boxes.begin(), s.boxes.end());
    CHECK(std::abs(static_cast<double>(
              r.value - static_cast<T>(carl_by_hand(s, x, p, C + 1, false, 1, real(0.2), N)))) <= 4 * tolerance);
    const auto of_logits = test::to_host<2>(b, r.logits);
    const auto of_boxes = test::to_host<2>(b, r.boxes);
    const auto slopes =
        test::differences(x, [&](const auto& v) { return carl_by_hand(s, v, p, C + 1, false, 1, real(0.2), N); });
    const auto slopes_of_boxes =
        test::differences(p, [&](const auto& v) { return carl_by_hand(s, x, v, C + 1, false, 1, real(0.2), N); });
    CHECK(test::largest_difference(of_logits, slopes) <= std::max(tolerance, 1e-9));
    CHECK(test::largest_difference(of_boxes, slopes_of_boxes) <= std::max(tolerance, 1e-9));
}

TEST_CASE("PISA with sigmoid scores, powers and an average factor", "[loss][pisa]") {
    const boxgrad::memory<double> b;
    const scene s(C);
    const auto logits = numbers(b, s.logits, C);
    const auto boxes = numbers(b, s.boxes, 4);
    const auto targets = numbers(b, s.targets, 4);
    const std::vector<real> x(s.logits.begin(), s.logits.end());
    const std::vector<real> p(s.boxes.begin(), s.boxes.end());
    for (const double k : {0.0, 0.5, 2.0}) {
        for (const double bias : {0.0, 0.3, 1.0}) {
            const auto by_hand = [&](const auto& v, const auto& q) {
                return carl_by_hand(s, v, q, C, true, real(k), real(bias), real(2.5));
            };
            const auto r = loss::carl{k, bias, true, C}.value_and_gradient(b, loss::smooth_l1{}, logits, s.labels,
                                                                           boxes, targets, 2.5, 0.5);
            CHECK(std::abs(r.value - static_cast<double>(by_hand(x, p))) <= 1e-12);
            const auto halved = [](std::vector<real> v) {
                for (real& y : v) y /= 2;
                return v;
            };
            CHECK(test::largest_difference(test::to_host<2>(b, r.logits), halved(test::differences(x, [&](const auto& v) {
                                               return by_hand(v, p);
                                           }))) <= 1e-9);
            CHECK(test::largest_difference(test::to_host<2>(b, r.boxes), halved(test::differences(p, [&](const auto& v) {
                                               return by_hand(x, v);
                                           }))) <= 1e-9);
        }
    }
    // Sums of losses stay, by an elementwise term.
    const loss::sigmoid_focal focal{};
    const loss::isr_p isr{2, 0, C};
    const auto w = isr.weights(b, focal, logits, s.labels, boxes, targets, s.truths);
    const auto sum = [&](const auto& weight) {
        std::vector<double> of_positives(N);
        for (std::size_t i = 0; i < N; ++i) of_positives[i] = s.positive(i) ? weight[i] : 0.0;
        return loss::value(b, focal, boxgrad::reduction::sum{}, logits, loss::targets(s.labels).ignore_negatives(),
                           of_positives);
    };
    CHECK(test::near(sum(test::to_host<1>(b, w)), sum(std::vector<double>(N, 1.0)), 64));
    // A box term has one loss a row.
    const auto r = loss::carl{1, 0.2, true, C}.value_and_gradient(b, loss::giou{}, logits, s.labels, boxes, targets);
    CHECK((std::isfinite(r.value) && r.value > 0));
}

TEST_CASE("PISA without positives, and what it refuses", "[loss][pisa]") {
    const boxgrad::memory<double> b;
    const scene s(C);
    const auto logits = numbers(b, s.logits, C);
    const auto boxes = numbers(b, s.boxes, 4);
    const auto targets = numbers(b, s.targets, 4);
    std::vector<std::int64_t> labels(N, C);
    const auto r =
        loss::carl{1, 0.2, false, C}.value_and_gradient(b, loss::smooth_l1{}, logits, labels, boxes, targets);
    CHECK(r.value == 0);
    for (const double g : test::to_host<2>(b, r.logits)) CHECK(g == 0);
    for (const double g : test::to_host<2>(b, r.boxes)) CHECK(g == 0);
    CHECK(test::to_host<1>(b, loss::isr_p{2, 0, C}.weights(b, loss::bce{}, logits, labels, boxes, targets, s.truths)) ==
          std::vector<double>(N, 1.0));

    labels[5] = C + 1;
    CHECK(test::refusal<boxgrad::config_error>([&] {
              loss::carl{1, 0.2, false, C}.value(b, loss::smooth_l1{}, logits, labels, boxes, targets);
          }).find("row 5") != std::string::npos);
    CHECK(test::refusal<boxgrad::config_error>([&] {
              loss::isr_p{2, 0, C}.weights(b, loss::bce{}, logits, labels, boxes, targets, s.truths);
          }).find("row 5") != std::string::npos);
    CHECK_THROWS_AS((loss::carl{-1, 0.2, false, C}.value(b, loss::smooth_l1{}, logits, s.labels, boxes, targets)),
                    boxgrad::config_error);
    CHECK_THROWS_AS((loss::carl{1, 1.5, false, C}.value(b, loss::smooth_l1{}, logits, s.labels, boxes, targets)),
                    boxgrad::config_error);
    CHECK_THROWS_AS((loss::carl{1, 0.2, false, C}.value(b, loss::smooth_l1{}, logits, s.labels, boxes, targets, 0.0)),
                    boxgrad::config_error);
    CHECK_THROWS_AS((loss::isr_p{2, 0, C + 1}.weights(b, loss::bce{}, logits, s.labels, boxes, targets, s.truths)),
                    boxgrad::shape_error);
    const auto negative = [&] {
        loss::isr_p{2, 0, C}.weights(b, loss::bce{}, logits, s.labels, boxes, targets, s.truths,
                                     std::vector<double>(N, -1.0));
    };
    CHECK(test::refusal<boxgrad::config_error>(negative).find("row 0") != std::string::npos);
}
