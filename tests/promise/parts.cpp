// SPDX-License-Identifier: Apache-2.0
//
// Promises of the parts when they are called alone: assigner, terms, coder, overlaps.
#include "backends.hpp"
#include "catch.hpp"
#include "naive_sim_ota.hpp"

#include <boxgrad/boxgrad.hpp>

#include <cstring>
#include <thread>

namespace {

namespace assigner = boxgrad::assigner;
using test::extents;

template <class T>
std::vector<T> flat(const std::vector<std::array<T, 4>>& rows) {
    std::vector<T> v;
    for (const auto& r : rows) v.insert(v.end(), r.begin(), r.end());
    return v;
}

/// A scene's lists as tensors of b.
template <class B>
struct scene_tensors {
    using T = typename B::scalar;
    boxgrad::tensor_t<B, T, 2> priors, boxes, scores;
    boxgrad::truth_list<T> truths;

    scene_tensors(const B& b, const test::scene_lists<T>& s)
        : priors(test::from_host(b, rows(s), flat(s.priors))),
          boxes(test::from_host(b, rows(s), flat(s.boxes))),
          scores(test::from_host(b, extents<2>{{rows(s)[0], static_cast<std::ptrdiff_t>(s.classes)}}, s.scores)) {
        truths.add_image(s.truths, s.labels);
    }
    static extents<2> rows(const test::scene_lists<T>& s) { return {{static_cast<std::ptrdiff_t>(s.size()), 4}}; }
    auto assign(const B& b, const assigner::sim_ota<>& a = {}) const { return a.assign(b, priors, boxes, scores, truths); }
};

template <class B>
struct report {
    std::vector<std::int32_t> truth;
    std::vector<typename B::scalar> overlap;
    std::vector<std::ptrdiff_t> positives, truth_positives;
    friend bool operator==(const report&, const report&) = default;
};
template <class B>
report<B> to_host(const B& b, const assigner::result<B>& r) {
    return {test::to_host<2>(b, r.truth), test::to_host<2>(b, r.overlap), r.positives, r.truth_positives};
}

/// b.look takes an X.
template <class B, class X>
concept looks_at = requires(const B& b, X x) { b.look(std::forward<X>(x)); };

template <class E, class F>
std::string message(F&& f) {
    try {
        f();
    } catch (const E& e) {
        return e.what();
    }
    return "nothing thrown";
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("P1 P3 the assigner alone: no truths, no reach, no priors", "[promise]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    auto s = test::random_scene<T>(1, 20, 0, 3, false);
    const auto none = scene_tensors<TestType>(b, s).assign(b);
    CHECK(test::to_host<2>(b, none.truth) == std::vector<std::int32_t>(20, assigner::background));
    CHECK(test::to_host<2>(b, none.overlap) == std::vector<T>(20, T(0)));
    CHECK(none.positives == std::vector<std::ptrdiff_t>{0});
    CHECK(none.truth_positives.empty());
    CHECK(none.total_positives() == 0);

    s.truths = {{T(5000), T(5000), T(5010), T(5020)}};
    s.labels = {2};
    const auto far = scene_tensors<TestType>(b, s).assign(b);
    CHECK(test::to_host<2>(b, far.truth) == std::vector<std::int32_t>(20, assigner::background));
    CHECK(far.truth_positives == std::vector<std::ptrdiff_t>{0});
    CHECK(far.unmatched_truths() == 1);

    const auto nobody = scene_tensors<TestType>(b, test::random_scene<T>(1, 0, 3, 3, false)).assign(b);
    CHECK(test::to_host<2>(b, nobody.truth).empty());
    CHECK(nobody.truth_positives == std::vector<std::ptrdiff_t>{0, 0, 0});
}

TEMPLATE_LIST_TEST_CASE("P4 P21 the assigner alone: rows keep their place, dropped ones count for nobody", "[promise]", test::float_backends) {
    const TestType b;
    auto s = test::random_scene<float>(2, 60, 3, 3, false);
    const auto whole = scene_tensors<TestType>(b, s).assign(b);
    const float inf = std::numeric_limits<float>::infinity();
    for (const std::array<float, 4>& bad : {std::array<float, 4>{0, 0, 0, 5}, {9, 9, 8, 10}, {0, 0, inf, 9}, {-inf, 0, 1, 1}, {0, 0, 0x1p61F, 1}}) {
        for (std::size_t at = 0; at <= 3; ++at) {
            auto t = s;
            t.truths.insert(t.truths.begin() + static_cast<std::ptrdiff_t>(at), bad);
            t.labels.insert(t.labels.begin() + static_cast<std::ptrdiff_t>(at), 1);
            const scene_tensors<TestType> x(b, t);
            try {
                x.assign(b);
                CHECK(false);
            } catch (const boxgrad::gt_error& e) {
                CHECK(e.image == 0);
                CHECK(e.row == static_cast<std::ptrdiff_t>(at));
                CHECK(std::string(e.what()).find("row " + std::to_string(at)) != std::string::npos);
            }
            const auto r = assigner::sim_ota<>{}.assign(b, x.priors, x.boxes, x.scores, x.truths, boxgrad::bad_truth::drop);
            CHECK(r.dropped_truths == 1);
            auto truth = test::to_host<2>(b, whole.truth);
            for (auto& g : truth) g += g >= static_cast<std::int32_t>(at) ? 1 : 0;
            CHECK(test::to_host<2>(b, r.truth) == truth);
            auto counts = whole.truth_positives;
            counts.insert(counts.begin() + static_cast<std::ptrdiff_t>(at), 0);
            CHECK(r.truth_positives == counts);
            CHECK(r.unmatched_truths() == whole.unmatched_truths() + 1);
        }
    }
    // The label of a dropped row must be one all the same.
    s.labels[1] = 3;
    const scene_tensors<TestType> x(b, s);
    CHECK_THROWS_AS(assigner::sim_ota<>{}.assign(b, x.priors, x.boxes, x.scores, x.truths, boxgrad::bad_truth::drop), boxgrad::gt_error);
}

TEMPLATE_LIST_TEST_CASE("P18 P21 crafted ties on every backend", "[promise]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    // Priors on a 6 x 6 grid, all predicting the same box with the same scores: only the order can decide. The
    // sum of the ten best overlaps is 10 · 1, so each truth takes ten.
    test::scene_lists<T> s;
    s.classes = 2;
    for (int i = 0; i < 36; ++i) {
        s.priors.push_back({static_cast<T>(4 + 8 * (i % 6)), static_cast<T>(4 + 8 * (i / 6)), T(8), T(8)});
        s.boxes.push_back({T(0), T(0), T(48), T(48)});
        s.scores.insert(s.scores.end(), {T(0.5), T(0.25)});
    }
    s.truths = {{T(0), T(0), T(48), T(48)}};
    s.labels = {0};
    assigner::sim_ota<> wide;
    wide.center_radius = 100;  // all are free
    std::vector<std::int32_t> expected(36, assigner::background);
    std::fill_n(expected.begin(), 10, 0);
    CHECK(test::to_host<2>(b, scene_tensors<TestType>(b, s).assign(b, wide).truth) == expected);
    // A cheaper one that comes later drives out the last of the equal ones, not the first.
    auto one_better = s;
    one_better.scores[2 * 20] = T(0.6);
    auto with_it = expected;
    with_it[9] = assigner::background;
    with_it[20] = 0;
    CHECK(test::to_host<2>(b, scene_tensors<TestType>(b, one_better).assign(b, wide).truth) == with_it);
    // The same truth thrice: the first keeps all that each of them picks.
    s.truths.assign(3, s.truths[0]);
    s.labels = {0, 0, 0};
    const auto thrice = scene_tensors<TestType>(b, s).assign(b, wide);
    CHECK(test::to_host<2>(b, thrice.truth) == expected);
    CHECK(thrice.truth_positives == std::vector<std::ptrdiff_t>{10, 0, 0});
    CHECK(thrice.unmatched_truths() == 2);
    // With the standard radius 16 of 36 lie in the centre square; those are first, then nobody else is needed.
    s.truths.resize(1);
    s.labels = {0};
    const auto narrow = test::to_host<2>(b, scene_tensors<TestType>(b, s).assign(b).truth);
    std::vector<std::int32_t> centre(36, assigner::background);
    for (int i = 0, n = 0; i < 36 && n < 10; ++i) {
        if (i % 6 >= 1 && i % 6 <= 4 && i / 6 >= 1 && i / 6 <= 4) {
            centre[static_cast<std::size_t>(i)] = 0;
            ++n;
        }
    }
    CHECK(narrow == centre);
}

TEMPLATE_LIST_TEST_CASE("P20 fewer candidates than asked for: k is cut", "[promise]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    test::scene_lists<T> s;
    s.classes = 1;
    for (const int x : {4, 12, 500}) {
        s.priors.push_back({static_cast<T>(x), T(4), T(8), T(8)});
        s.boxes.push_back({T(0), T(0), T(16), T(8)});
        s.scores.push_back(T(0.5));
    }
    s.truths = {{T(0), T(0), T(16), T(8)}};
    s.labels = {0};
    assigner::sim_ota<> a;
    for (const int topk : {1, 2, 3, 10, 1000}) {
        a.candidate_topk = topk;
        const std::int32_t second = topk == 1 ? -1 : 0;
        CHECK(test::to_host<2>(b, scene_tensors<TestType>(b, s).assign(b, a).truth) == std::vector<std::int32_t>{0, second, -1});
    }
}

TEMPLATE_TEST_CASE("P12 any finite logit: finite and not negative, as exact as its type in the tails", "[promise]", float, double) {
    using T = TestType;
    using D = boxgrad::dual<T, 1>;
    const boxgrad::loss::bce term;
    const long double eps = static_cast<long double>(std::numeric_limits<T>::epsilon());
    long double worst = 0;
    long double worst_slope = 0;
    std::mt19937_64 random(3);
    std::uniform_real_distribution<double> exponent(-30, 9);
    for (int i = 0; i < 200000; ++i) {
        const T x = static_cast<T>(std::exp2(exponent(random)) * (random() % 2 == 0 ? 1 : -1));
        const T t = i % 3 == 0 ? T(0) : i % 3 == 1 ? T(1) : static_cast<T>(static_cast<double>(random() % 1000) / 1000);
        const D l = term(D::variable(x, 0), t);
        if (!(std::isfinite(l.value) && l.value >= 0 && std::isfinite(l.partial[0]))) {
            CHECK(l.value == T(-1));
            continue;
        }
        const auto a = static_cast<long double>(x);
        const auto y = static_cast<long double>(t);
        const long double exact = (1 - y) * std::max(a, 0.0L) + y * std::max(-a, 0.0L) + std::log1p(std::exp(-std::abs(a)));
        // Below the normal numbers a result is exact to a denormal.
        const long double least = static_cast<long double>(std::numeric_limits<T>::min());
        worst = std::max(worst, std::abs(static_cast<long double>(l.value) - exact) / std::max(exact, least));
        if (t == T(0) || t == T(1)) {
            const long double slope = t == T(0) ? 1 / (1 + std::exp(-a)) : -1 / (1 + std::exp(a));
            worst_slope = std::max(worst_slope, std::abs(static_cast<long double>(l.partial[0]) - slope) / std::max(std::abs(slope), least));
        }
    }
    INFO("value " << static_cast<double>(worst / eps) << " ε, slope " << static_cast<double>(worst_slope / eps) << " ε");
    CHECK(worst <= 4 * eps);
    CHECK(worst_slope <= 8 * eps);  // 1e-6 in float
    for (const T huge : {std::numeric_limits<T>::max(), -std::numeric_limits<T>::max()}) {
        for (const T t : {T(0), T(0.5), T(1)}) {
            const D l = term(D::variable(huge, 0), t);
            CHECK((std::isfinite(l.value) && l.value >= 0 && std::abs(l.partial[0]) <= 1));
        }
    }
}

TEMPLATE_LIST_TEST_CASE("P25 P31 parts read their inputs only, and one object serves eight threads", "[promise]", test::float_backends) {
    const TestType b;
    const auto s = test::random_scene<float>(4, 130, 6, 3, true);
    const scene_tensors<TestType> x(b, s);
    const assigner::sim_ota<> a;
    const boxgrad::loss::giou term;
    const auto once = [&] {
        const auto r = boxgrad::loss::value_and_gradient(b, term, boxgrad::reduction::sum{}, x.boxes, x.priors);
        return std::tuple(to_host(b, x.assign(b, a)), test::to_host<2>(b, boxgrad::overlap::pairwise(b, boxgrad::overlap::giou{}, x.boxes, x.priors)),
                          r.value, test::to_host<2>(b, r.gradient), test::to_host<2>(b, boxgrad::coder::decode(b, boxgrad::coder::yolox{}, x.priors, x.priors)));
    };
    const auto first = once();
    CHECK(std::get<0>(first).positives[0] > 0);
    std::vector<int> same(8, 0);
    std::vector<std::thread> threads;
    for (int& ok : same) threads.emplace_back([&once, &first, &ok] { ok = once() == first ? 1 : 0; });
    for (auto& t : threads) t.join();
    CHECK(same == std::vector<int>(8, 1));
    CHECK(test::to_host<2>(b, x.priors) == flat(s.priors));
    CHECK(test::to_host<2>(b, x.boxes) == flat(s.boxes));
    CHECK(test::to_host<2>(b, x.scores) == s.scores);
}

#if defined(_OPENMP)
TEMPLATE_LIST_TEST_CASE("P34 the number of threads changes no bit of any part", "[promise]", test::backends) {
    using T = typename TestType::scalar;
    TestType b;
    if constexpr (requires { b.threads; }) {
        const auto s = test::random_scene<T>(5, 3001, 40, 5, true);
        const scene_tensors<TestType> x(b, s);
        const auto once = [&] {
            const auto r = boxgrad::loss::value_and_gradient(b, boxgrad::loss::giou{}, boxgrad::reduction::mean{}, x.boxes, x.priors);
            const auto decoded = boxgrad::coder::decode(b, boxgrad::coder::yolox{}, x.priors, x.boxes);
            return std::tuple(to_host(b, x.assign(b)), r.value, test::to_host<2>(b, r.gradient), test::to_host<2>(b, decoded));
        };
        const auto one = once();
        for (const int n : {2, 3, 8}) {
            b.threads = n;
            const auto many = once();
            CHECK(std::get<0>(many) == std::get<0>(one));
            CHECK(std::get<1>(many) == std::get<1>(one));
            CHECK(std::get<2>(many) == std::get<2>(one));
            CHECK(std::get<3>(many) == std::get<3>(one));
        }
    } else {
        SUCCEED("no threads to choose");
    }
}
#endif

TEST_CASE("P30 the assigner alone: layouts of its lists change no bit", "[promise]") {
    const boxgrad::memory<float> b;
    const auto s = test::random_scene<float>(6, 131, 9, 4, true);
    boxgrad::truth_list<float> truths;
    truths.add_image(s.truths, s.labels);
    const auto priors = flat(s.priors);
    const auto boxes = flat(s.boxes);
    using in = boxgrad::view<const float, 2>;
    const extents<2> e{{131, 4}};
    const assigner::sim_ota<> a;
    const auto expected = to_host(b, a.assign(b, in(priors.data(), e), in(boxes.data(), e), in(s.scores.data(), e), truths));
    REQUIRE(expected.positives[0] > 5);
    struct layout {
        std::ptrdiff_t first;
        extents<2> stride;
    };
    for (const layout& l : {layout{0, {{1, 131}}}, {130 * 4 + 3, {{-4, -1}}}, {5, {{9, 2}}}, {0, {{1, 150}}}, {130, {{-1, 131}}}}) {
        const auto arrange = [&](const std::vector<float>& v) {
            std::vector<float> memory(1300, -1.0F);
            for (std::ptrdiff_t i = 0; i < 131; ++i) {
                for (std::ptrdiff_t c = 0; c < 4; ++c) memory[static_cast<std::size_t>(l.first + i * l.stride[0] + c * l.stride[1])] = v[static_cast<std::size_t>(4 * i + c)];
            }
            return memory;
        };
        const auto mp = arrange(priors);
        const auto mb = arrange(boxes);
        const auto ms = arrange(s.scores);
        const auto r = to_host(b, a.assign(b, in(mp.data() + l.first, e, l.stride), in(mb.data() + l.first, e, l.stride), in(ms.data() + l.first, e, l.stride), truths));
        CHECK(r == expected);
    }
}

TEMPLATE_LIST_TEST_CASE("P26 the assigner and truths: errors name operation, argument, expected and actual", "[promise]", test::float_backends) {
    const TestType b;
    const scene_tensors<TestType> x(b, test::random_scene<float>(7, 5, 2, 3, false));
    const assigner::sim_ota<> a;
    using boxgrad::shape_error;
    const auto four = test::rows(b, 4, {0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1});
    const auto wide = test::rows(b, 5, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    CHECK(message<shape_error>([&] { a.assign(b, wide, x.boxes, x.scores, x.truths); }) == "sim_ota::assign: priors must be [*, 4], got [5, 5]");
    CHECK(message<shape_error>([&] { a.assign(b, x.priors, four, x.scores, x.truths); }) == "sim_ota::assign: boxes must be [5, 4], got [4, 4]");
    CHECK(message<shape_error>([&] { a.assign(b, x.priors, x.boxes, four, x.truths); }) == "sim_ota::assign: scores must be [5, *], got [4, 4]");
    auto two = x.truths;
    two.add_image({{0, 0, 1, 1}}, {0});
    CHECK(message<shape_error>([&] { a.assign(b, x.priors, x.boxes, x.scores, two); }) == "sim_ota::assign: truths must be 1 images, got 2");
    auto broken = x.truths;
    broken.labels.pop_back();
    CHECK_THROWS_AS(a.assign(b, x.priors, x.boxes, x.scores, broken), shape_error);
    broken = x.truths;
    broken.offsets = {0, 1};
    CHECK_THROWS_AS(a.assign(b, x.priors, x.boxes, x.scores, broken), shape_error);
    broken.offsets = {1, 2};
    CHECK_THROWS_AS(a.assign(b, x.priors, x.boxes, x.scores, broken), shape_error);
    CHECK(message<shape_error>([&] { broken.add_image({{0, 0, 1, 1}}, {0, 1}); }) == "truth_list: labels must be [1], got [2]");
    CHECK(message<boxgrad::config_error>([&] { assigner::sim_ota<>{.candidate_topk = 0}.assign(b, x.priors, x.boxes, x.scores, x.truths); }) ==
          "sim_ota::assign: candidate_topk must be positive, got 0");
}

TEMPLATE_LIST_TEST_CASE("P27 results own their elements, and no view of a temporary is taken", "[promise]", test::backends) {
    using T = typename TestType::scalar;
    using tensor = boxgrad::tensor_t<TestType, T, 2>;
    STATIC_REQUIRE(!boxgrad::is_view<tensor>::value);
    STATIC_REQUIRE(std::is_same_v<decltype(std::declval<assigner::result<TestType>>().overlap), tensor>);
    STATIC_REQUIRE(looks_at<TestType, tensor&>);
    STATIC_REQUIRE(looks_at<TestType, const tensor&>);
    STATIC_REQUIRE(!looks_at<TestType, tensor&&>);
    STATIC_REQUIRE(!looks_at<TestType, const tensor&&>);

    // What comes out is not changed when what went in is.
    const TestType b;
    auto boxes = test::rows(b, 4, {0, 0, 4, 4, 1, 1, 3, 3});
    const auto r = boxgrad::overlap::aligned(b, boxgrad::overlap::iou{}, boxes, boxes);
    boxes = test::rows(b, 4, {9, 9, 9, 9, 9, 9, 9, 9});
    CHECK(test::to_host<1>(b, r) == std::vector<T>{1, 1});
}
