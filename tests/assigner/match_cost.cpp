// SPDX-License-Identifier: Apache-2.0
//
// Every match cost against its formula in long double.
#include "catch.hpp"
#include "naive_costs.hpp"

#include <boxgrad/assigner/match_cost.hpp>

namespace {

using namespace boxgrad::assigner;
using test::query_scene;
using test::wide;

constexpr std::size_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 65};

template <class T>
query_scene<T> scene_number(unsigned i) {
    return test::random_queries<T>(i, 1 + i % 3, sizes[i % std::size(sizes)], i % 7, i % 4 == 3);
}

/// Costs [G, Q] of a batch; expected: f(image, query, truth).
template <class B, class Cost, class F>
void compare(const B& b, const query_scene<typename B::scalar>& s, const Cost& cost, const F& f) {
    using T = typename B::scalar;
    const auto got =
        test::to_host<2>(b, match_costs(b, cost, s.box_tensor(b), s.score_tensor(b), s.truth_list(), s.shapes));
    std::vector<T> want;
    for (std::size_t i = 0; i < s.images(); ++i) {
        for (std::size_t g = 0; g < s.truths[i].size(); ++g) {
            for (std::size_t q = 0; q < s.queries; ++q) want.push_back(static_cast<T>(f(i, q, g)));
        }
    }
    REQUIRE(got.size() == want.size());
    CHECK(test::near(got, want, 64));
}

/// A user's own: how far the boxes' right sides are apart.
struct right_side_cost {
    double weight = 1;

    template <boxgrad::plain_number V>
    BOXGRAD_FN V operator()(const query<V>& q, const target<V>& g) const {
        return V(static_cast<boxgrad::scalar_t<V>>(weight)) * abs(q.bounds.x2 - g.bounds.x2);
    }
};
static_assert(match_cost<right_side_cost>);

}  // namespace

TEMPLATE_LIST_TEST_CASE("match costs are their formulas on every backend", "[assigner]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const cost_sum every{classification_cost{.weight = 1.5},
                         focal_loss_cost{.weight = 2, .alpha = 0.4, .gamma = 1.5},
                         bbox_l1_cost{.weight = 5},
                         bbox_l1_cost{.weight = 0.5, .box_format = box_format::xywh},
                         iou_cost<>{.weight = 2},
                         iou_cost<boxgrad::overlap::iou>{.weight = 3}};
    const boxgrad::memory<T> plain;
    for (unsigned i = 0; i < 24; ++i) {
        INFO("scene " << i);
        const auto s = scene_number<T>(i);
        compare(b, s, every, [&](std::size_t k, std::size_t q, std::size_t g) {
            return 1.5L * test::naive_class_cost(s, k, q, g) + 2 * test::naive_focal_cost(s, k, q, g, 0.4L, 1.5L) +
                   5 * test::naive_l1_cost(s, k, q, g, false) + 0.5L * test::naive_l1_cost(s, k, q, g, true) +
                   2 * test::naive_iou_cost(s, k, q, g, true) + 3 * test::naive_iou_cost(s, k, q, g, false);
        });
        CHECK(
            test::to_host<2>(b, match_costs(b, every, s.box_tensor(b), s.score_tensor(b), s.truth_list(), s.shapes)) ==
            test::to_host<2>(plain, match_costs(plain, every, s.box_tensor(plain), s.score_tensor(plain),
                                                s.truth_list(), s.shapes)));
    }
}

TEMPLATE_TEST_CASE("each match cost alone", "[assigner]", boxgrad::memory<float>, boxgrad::memory<double>) {
    using T = typename TestType::scalar;
    const TestType b;
    for (unsigned i = 100; i < 160; ++i) {
        const auto s = scene_number<T>(i);
        const auto each = [&](const auto& cost, auto f) {
            compare(b, s, cost, [&](std::size_t k, std::size_t q, std::size_t g) { return f(s, k, q, g); });
        };
        each(classification_cost{}, [](auto&... a) { return test::naive_class_cost(a...); });
        each(focal_loss_cost{}, [](auto&... a) { return test::naive_focal_cost(a...); });
        each(focal_loss_cost{.gamma = 0}, [](auto&... a) { return test::naive_focal_cost(a..., 0.25L, 0); });
        each(bbox_l1_cost{}, [](auto&... a) { return test::naive_l1_cost(a..., false); });
        each(bbox_l1_cost{.box_format = box_format::xywh}, [](auto&... a) { return test::naive_l1_cost(a..., true); });
        each(iou_cost<>{.weight = -1}, [](auto&... a) { return -test::naive_iou_cost(a..., true); });
        each(iou_cost<boxgrad::overlap::iou>{}, [](auto&... a) { return test::naive_iou_cost(a..., false); });
        each(right_side_cost{.weight = 2}, [](auto& scene, auto k, auto q, auto g) {
            return 2 * std::abs(static_cast<wide>(scene.boxes[k][q][2]) - static_cast<wide>(scene.truths[k][g][2]));
        });
    }
}

TEMPLATE_TEST_CASE("focal_loss_cost keeps its digits where a probability is all but 0 or 1", "[assigner]", float,
                   double) {
    using T = TestType;
    for (const double x : {0.0, 1e-8, 0.5, 5.0, 12.0, 20.0, 27.0, 40.0, 80.0, 88.7, 100.0, 700.0, 1e4, 1e30}) {
        for (const T y : {static_cast<T>(x), static_cast<T>(-x)}) {
            for (const double gamma : {0.0, 1.0, 1.5, 2.0, 3.0}) {
                const auto got = detail::focal_terms(y, 0.25, gamma, 1e-12);
                const T bound = sizeof(T) == 4 ? static_cast<T>(2e-5) : static_cast<T>(1e-12);
                for (const bool set : {true, false}) {
                    const wide want = test::naive_focal(static_cast<wide>(y), set, 0.25L, static_cast<wide>(gamma),
                                                        static_cast<wide>(static_cast<T>(1e-12)));
                    INFO(y << ", gamma " << gamma << ", " << set);
                    CHECK(std::abs(static_cast<wide>(set ? got.set : got.clear) - want) <=
                          static_cast<wide>(bound) * std::max(std::abs(want), 1e-6L));
                }
            }
        }
    }
}

TEST_CASE("match costs refuse what they cannot use", "[assigner][errors]") {
    const boxgrad::memory<double> b;
    const auto s = test::random_queries<double>(1, 2, 5, 3);
    const auto boxes = s.box_tensor(b);
    const auto scores = s.score_tensor(b);
    const auto refuse = [&](const auto& cost, const std::string& text) {
        CHECK_THROWS_WITH(match_costs(b, cost, boxes, scores, s.truth_list(), s.shapes), text);
    };
    refuse(bbox_l1_cost{.weight = boxgrad::infinity<double>}, "match_costs: weight must be finite, got inf");
    refuse(focal_loss_cost{.gamma = -1}, "match_costs: gamma must be finite and not negative, got -1.000000");
    refuse(focal_loss_cost{.eps = 0}, "match_costs: eps must be finite and positive, got 0.000000");
    refuse(cost_sum{iou_cost<>{}, bbox_l1_cost{}, focal_loss_cost{.eps = -1}},
           "match_costs: eps must be finite and positive, got -1.000000");
    const std::vector<boxgrad::image_shape> one{{60, 80}};
    CHECK_THROWS_WITH(match_costs(b, iou_cost<>{}, boxes, scores, s.truth_list(), one),
                      "match_costs: image_shapes must be 2 images, got 1");
    const std::vector<boxgrad::image_shape> none{{60, 80}, {0, 80}};
    CHECK_THROWS_AS(match_costs(b, iou_cost<>{}, boxes, scores, s.truth_list(), none), boxgrad::config_error);
    const std::vector<boxgrad::image_shape> unbounded(2);
    CHECK_THROWS_AS(match_costs(b, iou_cost<>{}, boxes, scores, s.truth_list(), unbounded), boxgrad::config_error);
    CHECK_THROWS_AS(match_costs(b, iou_cost<>{}, boxes, s.image(0).score_tensor(b), s.truth_list(), s.shapes),
                    boxgrad::shape_error);
    const auto other = test::random_queries<double>(1, 2, 6, 3);
    CHECK_THROWS_WITH(match_costs(b, iou_cost<>{}, other.box_tensor(b), scores, s.truth_list(), s.shapes),
                      "match_costs: boxes must be [5, 4], got [6, 4]");
}
