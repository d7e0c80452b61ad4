// SPDX-License-Identifier: Apache-2.0
//
// P17 for what is not a prediction: priors, regions, lists of truths; and parameters without bounds.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/assigner/atss.hpp>
#include <boxgrad/assigner/dynamic_soft_label.hpp>
#include <boxgrad/assigner/point.hpp>
#include <boxgrad/assigner/sim_ota.hpp>
#include <boxgrad/assigner/task_aligned.hpp>

#include <limits>

namespace {

namespace assigner = boxgrad::assigner;
using test::extents;

constexpr test::index points = 4, classes = 3;

/// Four points in a truth, each predicting the truth.
template <class B>
struct scene {
    using T = typename B::scalar;
    std::vector<T> priors, boxes, scores;
    boxgrad::truth_list<T> truths;

    scene() : scores(static_cast<std::size_t>(points * classes), T(0.5)) {
        for (int i = 0; i < points; ++i) {
            for (const int x : {8 + 4 * i, 16, 8, 8}) priors.push_back(static_cast<T>(x));
            for (const int x : {0, 0, 32, 32}) boxes.push_back(static_cast<T>(x));
        }
        truths.add_image({{0, 0, 32, 32}}, {1});
    }
    template <class A>
    auto assign(const B& b, const A& a) const {
        return a.assign(b, test::from_host(b, extents<2>{{points, 4}}, priors),
                        test::from_host(b, extents<2>{{points, 4}}, boxes),
                        test::from_host(b, extents<2>{{points, classes}}, scores), truths);
    }
};

template <class B, class A>
void check_priors(const B& b, const A& a) {
    using T = typename B::scalar;
    const T nan = std::numeric_limits<T>::quiet_NaN();
    const T inf = std::numeric_limits<T>::infinity();
    for (const T bad : {nan, inf, -inf}) {
        for (std::size_t column = 0; column < 4; ++column) {
            scene<B> s;
            s.priors[4 + column] = bad;
            const auto r = s.assign(b, a);
            CHECK(test::to_host<2>(b, r.truth)[1] == assigner::background);
            CHECK(r.nonfinite_priors == 1);
            CHECK(r.truth_positives[0] > 0);
        }
    }
    scene<B> s;
    s.boxes[4 * 2] = nan;
    s.truths = {};
    s.truths.add_image({{0, 0, 32, 32}}, {1}, {{15, 15, 17, 17}});
    const auto r = s.assign(b, a);
    CHECK(test::to_host<2>(b, r.truth)[2] < 0);
    CHECK(r.nonfinite_priors == 1);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("P17 a prior that is no number is nobody's, in a region too", "[assigner][promise]",
                        test::backends) {
    const TestType b{};
    check_priors(b, assigner::sim_ota<>{});
    check_priors(b, assigner::dynamic_soft_label<>{});
    check_priors(b, assigner::task_aligned<>{});
    check_priors(b, assigner::task_aligned<assigner::yolov8_rules>{});
}

TEMPLATE_LIST_TEST_CASE("P20 a topk without bounds takes what there is, and no memory for more", "[assigner][promise]",
                        test::backends) {
    const TestType b{};
    constexpr int all = std::numeric_limits<int>::max();
    const scene<TestType> s;
    CHECK(s.assign(b, assigner::task_aligned<>{.topk = all, .topk2 = all}).total_positives() == points);
    CHECK(s.assign(b, assigner::sim_ota<>{.candidate_topk = all}).total_positives() == points);
    CHECK(s.assign(b, assigner::dynamic_soft_label<>{.topk = all}).total_positives() == points);
    const auto p = test::from_host(b, extents<2>{{points, 4}}, s.priors);
    CHECK(assigner::point{.pos_num = all}.assign(b, p, s.truths).total_positives() == points);
}

TEST_CASE("labels reads no truth of another list", "[assigner][promise]") {
    using B = boxgrad::memory<float>;
    const B b;
    const scene<B> s;
    auto r = s.assign(b, assigner::task_aligned<>{});
    boxgrad::truth_list<float> other;
    other.add_image({}, {});
    CHECK_THROWS_AS(assigner::labels(b, r, other), boxgrad::shape_error);
    for (const std::int32_t l : test::to_host<2>(b, assigner::labels(b, r, s.truths))) CHECK(l == 1);
    r.truth(0, 0) = 7;
    CHECK(test::to_host<2>(b, assigner::labels(b, r, s.truths))[0] == assigner::background);
}

TEST_CASE("boxes with a fifth column are refused", "[assigner][promise]") {
    const boxgrad::memory<float> b;
    scene<boxgrad::memory<float>> s;
    const boxgrad::shaped<float, 2> five(extents<2>{{points, 5}});
    CHECK_THROWS_AS(assigner::atss<>{}.assign(b, five, {points}, s.truths), boxgrad::shape_error);
}
