// SPDX-License-Identifier: Apache-2.0
//
// Losses of embeddings and similarities against models by loops.
#include "backends.hpp"
#include "catch.hpp"
#include "differences.hpp"

#include <boxgrad/loss/associative_embedding.hpp>
#include <boxgrad/loss/margin_l2.hpp>
#include <boxgrad/loss/triplet.hpp>

#include <algorithm>
#include <random>

namespace {

using count = boxgrad::index;
namespace loss = boxgrad::loss;
namespace reduction = boxgrad::reduction;
using real = long double;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Numbers that float holds.
std::vector<real> random_numbers(unsigned seed, std::size_t n, float scale) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> u(-scale, scale);
    std::vector<real> v(n);
    for (real& x : v) x = real(u(random));
    return v;
}

template <int R, class B>
auto tensor(const B& b, const boxgrad::extents<R>& e, const std::vector<real>& v) {
    const std::vector<typename B::scalar> t(v.begin(), v.end());
    return boxgrad::from_host<typename B::scalar>(b, e, t.data());
}

template <class T>
constexpr double tolerance_of = std::is_same_v<T, float> ? 1e-5 : 1e-9;

constexpr boxgrad::extents<4> map_shape{{3, 1, 4, 5}};
/// Two objects of the second image share a corner; the third image has one object.
const std::vector<std::vector<loss::corner_match>> matches{
    {{0, 0, 3, 4}, {1, 1, 2, 2}, {2, 0, 3, 3}}, {{0, 1, 1, 2}, {0, 1, 3, 3}}, {{3, 0, 3, 4}}};

real embedding_by_hand(const std::vector<real>& both, real pull_weight, real push_weight) {
    real pull = 0;
    real push = 0;
    for (std::size_t image = 0; image < matches.size(); ++image) {
        std::vector<real> mean;
        const auto at = [&](count y, count x) { return image * 20 + static_cast<std::size_t>(y * 5 + x); };
        const auto n = static_cast<real>(matches[image].size());
        for (const auto& m : matches[image]) {
            const real a = both[at(m.tl_y, m.tl_x)];
            const real c = both[60 + at(m.br_y, m.br_x)];
            mean.push_back((a + c) / 2);
            pull += ((a - mean.back()) * (a - mean.back()) + (c - mean.back()) * (c - mean.back())) / n;
        }
        for (std::size_t i = 0; i < mean.size(); ++i) {
            for (std::size_t j = 0; j < mean.size(); ++j) {
                if (i != j) push += std::max(real(0), 1 - std::abs(mean[i] - mean[j])) / (n * (n - 1));
            }
        }
    }
    return pull_weight * pull + push_weight * push;
}

real triplet_by_hand(const std::vector<real>& x, std::size_t columns, const std::vector<std::int64_t>& y, real margin) {
    real sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
        real far = real(1e-6);
        real near = std::numeric_limits<real>::infinity();
        for (std::size_t j = 0; j < y.size(); ++j) {
            real d = 0;
            for (std::size_t c = 0; c < columns; ++c) d = std::hypot(d, x[i * columns + c] - x[j * columns + c]);
            (y[i] == y[j] ? far : near) = y[i] == y[j] ? std::max(far, d) : std::min(near, d);
        }
        sum += std::max(real(0), far - near + margin);
    }
    return sum / static_cast<real>(y.size());
}

/// Which elements weigh how much, and the mean over them.
real l2_by_hand(const std::vector<real>& x, const std::vector<real>& t, const std::vector<real>& w, const loss::l2& l) {
    real sum = 0;
    real n = 0;
    for (std::size_t e = 0; e < x.size(); ++e) {
        const auto margin = real(t[e] == 1   ? std::max(l.pos_margin, 0.0)
                                 : t[e] == 0 ? std::max(l.neg_margin, 0.0)
                                             : 0.0);
        const real d = std::clamp(x[e] - margin, real(0), real(1)) - t[e];
        sum += w[e] * d * d;
        n += w[e] > 0 ? 1 : 0;
    }
    return real(l.loss_weight) * sum / (n + real(0x1p-23));
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("Associative embedding on every backend", "[loss][embedding]", test::backends) {
    const TestType b{};
    using T = typename TestType::scalar;
    const auto both = random_numbers(1, 120, 0.6f);
    const auto tl = tensor(b, map_shape, {both.begin(), both.begin() + 60});
    const auto br = tensor(b, map_shape, {both.begin() + 60, both.end()});
    const loss::associative_embedding l{0.3, 0.2};
    const auto r = l.value_and_gradient(b, tl, br, matches, {2, 3});
    CHECK(std::abs(static_cast<double>(r.value.pull) - static_cast<double>(embedding_by_hand(both, real(0.3), 0))) <=
          tolerance_of<T>);
    CHECK(std::abs(static_cast<double>(r.value.push) - static_cast<double>(embedding_by_hand(both, 0, real(0.2)))) <=
          tolerance_of<T>);
    CHECK(l.value(b, tl, br, matches).push == r.value.push);
    const auto slopes =
        test::differences(both, [](const auto& v) { return embedding_by_hand(v, real(0.6), real(0.6)); });
    CHECK(test::largest_difference(test::to_host<4>(b, r.tl), {slopes.begin(), slopes.begin() + 60}) <=
          tolerance_of<T>);
    CHECK(test::largest_difference(test::to_host<4>(b, r.br), {slopes.begin() + 60, slopes.end()}) <= tolerance_of<T>);
}

TEST_CASE("Associative embedding at its edges, and what it refuses", "[loss][embedding]") {
    const boxgrad::memory<double> b;
    const auto map =
        boxgrad::from_host<double>(b, boxgrad::extents<4>{{1, 1, 1, 4}}, std::vector<double>{0, 0, 1, 1}.data());
    // Equal tags: no pull, the push's subgradient is 0; at a distance of 1 there is none left.
    for (const count other : {1, 2}) {
        const std::vector<std::vector<loss::corner_match>> m{{{0, 0, 0, 0}, {0, other, 0, other}}};
        const auto r = loss::associative_embedding{}.value_and_gradient(b, map, map, m);
        CHECK(r.value.pull == 0);
        CHECK(r.value.push == (other == 1 ? 0.25 : 0));
        for (const double g : test::to_host<4>(b, r.tl)) CHECK(g == 0);
    }
    const std::vector<std::vector<loss::corner_match>> nothing(1);
    CHECK(loss::associative_embedding{}.value(b, map, map, nothing).pull == 0);
    const std::vector<std::vector<loss::corner_match>> outside{{{0, 0, 0, 0}, {0, 1, 1, 1}}};
    CHECK(test::refusal<boxgrad::config_error>([&] {
              loss::associative_embedding{}.value(b, map, map, outside);
          }).find("image 0, match 1") != std::string::npos);
    CHECK_THROWS_AS(loss::associative_embedding{}.value(b, map, map, matches), boxgrad::shape_error);
    CHECK_THROWS_AS((loss::associative_embedding{infinity, 1}.value(b, map, map, nothing)), boxgrad::config_error);
}

TEMPLATE_LIST_TEST_CASE("Triplet loss on every backend", "[loss][triplet]", test::backends) {
    const TestType b{};
    using T = typename TestType::scalar;
    const std::vector<std::int64_t> y{4, 4, -1, 4, 9, -1, 9, 9, 12};
    const auto x = random_numbers(2, y.size() * 3, 1);
    const auto rows = static_cast<count>(y.size());
    const auto at = tensor(b, boxgrad::extents<2>{{rows, 3}}, x);
    const auto labels = test::from_host(b, boxgrad::extents<1>{{rows}}, y);
    for (const double margin : {0.3, 2.0}) {
        const auto r = loss::triplet{margin, 2}.value_and_gradient(b, at, labels, 0.5);
        CHECK(std::abs(static_cast<double>(r.value) -
                       static_cast<double>(2 * triplet_by_hand(x, 3, y, real(margin)))) <= tolerance_of<T>);
        CHECK(loss::triplet{margin, 2}.value(b, at, labels) == r.value);
        const auto slopes = test::differences(
            x, [&](const auto& v) { return triplet_by_hand(v, 3, y, real(margin)); }, 1e-4L);
        CHECK(test::largest_difference(test::to_host<2>(b, r.gradient), slopes) <= tolerance_of<T>);
    }
}

TEST_CASE("Triplet loss at its edges, and what it refuses", "[loss][triplet]") {
    const boxgrad::memory<float> b;
    // Rows 1e-3 apart at 1000: the expanded square has no digit left, the difference all.
    const auto near = boxgrad::from_host<float>(b, boxgrad::extents<2>{{3, 1}},
                                                std::vector<float>{1000, 1000.0009765625f, 1001}.data());
    const auto r = loss::triplet{1, 1}.value(b, near, std::vector<std::int64_t>{0, 0, 1});
    const double d = 0.0009765625;
    CHECK(test::near(r, static_cast<float>((d + (d + d) + (1e-6 - (1 - d) + 1)) / 3), 64));
    // Equal rows have no direction.
    const auto equal = test::rows(b, 2, {1, 1, 1, 1, 1, 1});
    for (const float g :
         test::to_host<2>(b, loss::triplet{}.value_and_gradient(b, equal, std::vector<std::int64_t>{0, 0, 1}).gradient))
        CHECK(g == 0);
    // Equal distances: the first row counts.
    const auto tied = test::rows(b, 1, {0, 1, -1});
    const auto g = test::to_host<2>(
        b, loss::triplet{3, 3}.value_and_gradient(b, tied, std::vector<std::int64_t>{0, 1, 1}).gradient);
    CHECK(g == std::vector<float>{1, 0, -1});
    CHECK(test::refusal<boxgrad::config_error>([&] {
              loss::triplet{}.value(b, equal, std::vector<std::int64_t>{5, 5, 5});
          }).find("row 0") != std::string::npos);
    CHECK_THROWS_AS(loss::triplet{}.value(b, equal, std::vector<std::int64_t>{5, 5}), boxgrad::shape_error);
    CHECK_THROWS_AS(loss::triplet{infinity}.value(b, equal, std::vector<std::int64_t>{5, 5, 1}), boxgrad::config_error);
    const auto none = boxgrad::from_host<float>(b, boxgrad::extents<2>{{0, 2}}, static_cast<const float*>(nullptr));
    CHECK(loss::triplet{}.value(b, none, std::vector<std::int64_t>{}) == 0);
}

TEMPLATE_LIST_TEST_CASE("L2 loss on every backend", "[loss][l2]", test::backends) {
    const TestType b{};
    using T = typename TestType::scalar;
    constexpr boxgrad::extents<2> shape{{6, 5}};
    const auto x = random_numbers(3, 30, 1.5f);
    std::vector<real> t(30), w(30, 1);
    for (std::size_t e = 0; e < 30; ++e) {
        t[e] = e % 5 == 0 ? 1 : 0;
        if (e % 7 == 3) w[e] = 0;
        if (e % 7 == 4) w[e] = real(0.5);
    }
    const loss::l2 l{2, 0.125, 0.25, true, 0.5};
    // What mining leaves: the twice as many worst negatives.
    auto mined = w;
    std::vector<std::pair<real, std::size_t>> costs;
    std::size_t positives = 0;
    for (std::size_t e = 0; e < 30; ++e) {
        if (w[e] > 0 && t[e] == 1) ++positives;
        if (w[e] > 0 && t[e] == 0) costs.emplace_back(-std::clamp(x[e] - real(0.25), real(0), real(1)), e);
    }
    std::sort(costs.begin(), costs.end());
    REQUIRE(costs.size() > 2 * positives);
    for (std::size_t i = 2 * positives; i < costs.size(); ++i) mined[costs[i].second] = 0;
    const auto p = tensor(b, shape, x);
    const auto q = tensor(b, shape, t);
    const auto weight = tensor(b, shape, w);
    const auto r = l.value_and_gradient(b, reduction::mean{}, p, q, weight);
    CHECK(std::abs(static_cast<double>(r.value) - static_cast<double>(l2_by_hand(x, t, mined, l))) <= tolerance_of<T>);
    const auto slopes = test::differences(
        x, [&](const auto& v) { return l2_by_hand(v, t, mined, l); }, 1e-4L);
    CHECK(test::largest_difference(test::to_host<2>(b, r.gradient), slopes) <= tolerance_of<T>);
    CHECK(test::to_host<2>(b, p) == std::vector<T>(x.begin(), x.end()));  // inputs are only read
    CHECK(test::to_host<2>(b, weight) == std::vector<T>(w.begin(), w.end()));
}

TEST_CASE("L2 loss draws its negatives by a seed", "[loss][l2]") {
    const boxgrad::memory<double> b;
    constexpr boxgrad::extents<2> shape{{4, 25}};
    std::vector<real> t(100);
    for (std::size_t e = 0; e < 100; e += 10) t[e] = 1;
    const auto p = tensor(b, shape, std::vector<real>(100, real(0.5)));
    const auto q = tensor(b, shape, t);
    const loss::l2 l{.neg_pos_ub = 3};
    const auto kept = [&](boxgrad::sampler::seed seed) {
        return test::to_host<2>(b, l.value(b, reduction::none{}, p, q, loss::ones{}, seed));
    };
    std::vector<int> times(100);
    for (std::uint64_t s = 0; s < 300; ++s) {
        const auto v = kept({s});
        int negatives = 0;
        for (std::size_t e = 0; e < 100; ++e) {
            if (t[e] == 1) CHECK(v[e] == 0.25);
            if (t[e] == 0 && v[e] > 0) {
                ++negatives;
                ++times[e];
            }
        }
        CHECK(negatives == 30);
    }
    CHECK(kept({7}) == kept({7}));
    CHECK(kept({7}) != kept({8}));
    for (std::size_t e = 0; e < 100; ++e) {
        if (t[e] == 0) CHECK((times[e] > 60 && times[e] < 140));  // 100 +- 5 standard deviations
    }
    // A fraction of a negative is none; without positives no negative stays.
    CHECK(loss::l2{.neg_pos_ub = 0.05}.value(b, reduction::mean{}, p, q) == Approx(0.25));
    CHECK(l.value(b, reduction::mean{}, p, tensor(b, shape, std::vector<real>(100))) == 0);
}

TEST_CASE("L2 loss at its edges, and what it refuses", "[loss][l2]") {
    const boxgrad::memory<double> b;
    const auto nan = std::numeric_limits<double>::quiet_NaN();
    // The clamp passes at its bounds; an element of weight 0 may hold anything.
    const auto x = test::rows(b, 4, {0, 1, nan, 2});
    const auto r = loss::l2{}.value_and_gradient(b, reduction::none{}, x, test::rows(b, 4, {0.5, 0, nan, 0}),
                                                 test::rows(b, 4, {1, 1, 0, 1}));
    CHECK(test::to_host<2>(b, r.value) == std::vector<double>{0.25, 1, 0, 1});
    CHECK(test::to_host<2>(b, r.gradient) == std::vector<double>{-1, 2, 0, 0});
    const auto worst = loss::l2{.neg_pos_ub = 1, .hard_mining = true}.value(
        b, reduction::none{}, test::rows(b, 4, {1, 0.5, nan, 0.9}), test::rows(b, 4, {1, 0, 0, 0}));
    CHECK(std::isnan(test::to_host<2>(b, worst)[2]));  // a NaN that counts is seen
    CHECK(test::refusal<boxgrad::config_error>([&] {
              loss::l2{}.value(b, reduction::mean{}, test::rows(b, 1, {0, 0, 0}), test::rows(b, 1, {0, 0, 0}),
                               test::column(b, {1, 1, -1}));
          }).find("row 2") != std::string::npos);
    CHECK_THROWS_AS((loss::l2{.pos_margin = nan}.value(b, reduction::mean{}, x, x)), boxgrad::config_error);
    CHECK_THROWS_AS(loss::l2{}.value(b, reduction::mean{}, x, test::rows(b, 1, {0})), boxgrad::shape_error);
}
