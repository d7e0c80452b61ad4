// SPDX-License-Identifier: Apache-2.0
#include "catch.hpp"
#include "scene.hpp"

namespace {

namespace recipe = boxgrad::recipe;
namespace loss = boxgrad::loss;
template <class Recipe, class L1>
using loss_of = boxgrad::yolox_loss<Recipe, typename Recipe::box, L1>;
using losses = std::tuple<loss_of<recipe::mmdetection, loss::none>, loss_of<recipe::mmdetection, loss::l1>,
                          loss_of<recipe::megvii, loss::l1>, loss_of<recipe::cjm, loss::l1>>;

/// A user's own term: five lines.
struct huber {
    template <boxgrad::number V>
    BOXGRAD_FN V operator()(V x, boxgrad::base_t<V> t) const {
        const V d = boxgrad::abs(x - V(t));
        return boxgrad::select(boxgrad::detach(d) < boxgrad::base_t<V>(1), V(0.5F) * d * d, d - V(0.5F));
    }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("the whole gradient is the limit of differences, assignment frozen", "[head][gradient]", losses) {
    const boxgrad::memory<double> b;
    auto h = test::random_head<double>(21, 2, 3, 32, 64, {8, 16});
    const auto t = test::random_truths<double>(21, {3, 2}, 3, 32, 64);
    TestType loss{.classes = 3, .strides = {8, 16}};
    const boxgrad::yolox_terms upstream{.classes = 0.7, .boxes = 1.3, .objectness = 0.4, .l1 = 2};
    test::head_tensors<boxgrad::memory<double>> head(b, h);
    const auto counted = loss.count(b, head.look(), t);
    REQUIRE(counted.positives > 3);
    auto g = loss.make_gradient(b, head.look());
    loss.finish_into(b, head.look(), counted, 5, boxgrad::yolox_head(g.classes, g.boxes, g.objectness), upstream);
    const auto f = [&] {
        const auto v = loss.finish(b, head.look(), counted, 5);
        return upstream.classes * v.classes + upstream.boxes * v.boxes + upstream.objectness * v.objectness + upstream.l1 * v.l1;
    };
    double largest = 0;
    int kinks = 0;
    int all = 0;
    const auto check = [&](auto& inputs, const auto& gradient) {
        for (std::size_t l = 0; l < inputs.size(); ++l) {
            for (std::size_t i = 0; i < inputs[l].data.size(); ++i) {
                double& x = inputs[l].data[i];
                const double x0 = x;
                const auto at = [&](double s) {
                    x = x0 + s;
                    const double v = f();
                    x = x0;
                    return v;
                };
                const auto difference = [&](double s) { return (at(-2 * s) - 8 * at(-s) + 8 * at(s) - at(2 * s)) / (12 * s); };
                const double d = difference(1e-4);
                ++all;
                if (std::abs(d - difference(2e-4)) > 1e-7 * std::max(1.0, std::abs(d))) {
                    ++kinks;  // the two steps disagree: a kink lies between
                    continue;
                }
                largest = std::max(largest, std::abs(d));
                CHECK(std::abs(d - gradient[l].data[i]) <= 1e-8 * std::max(1.0, std::abs(d)));
            }
        }
    };
    check(head.classes, g.classes);
    check(head.boxes, g.boxes);
    check(head.objectness, g.objectness);
    CHECK(largest > 0.1);
    CHECK(kinks < all / 50);
}

TEMPLATE_LIST_TEST_CASE("two phases are one, and steps agree with the loss", "[head]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const auto h = test::random_head<T>(22, 2, 3);
    const auto t = test::random_truths<T>(22, {4, 3}, 3);
    const loss_of<recipe::mmdetection, loss::l1> loss{.classes = 3};
    const test::head_tensors<TestType> head(b, h);
    const auto whole = loss.value(b, head.look(), t);
    const auto counted = loss.count(b, head.look(), t);
    CHECK(counted.positives == whole.value.positives);
    const auto halves = loss.finish(b, head.look(), counted, counted.normaliser());
    CHECK(halves.total == whole.value.total);
    CHECK(loss.finish(b, head.look(), counted, 2 * counted.normaliser()).boxes == Approx(whole.value.boxes / 2));
    CHECK_THROWS_AS(loss.finish(b, head.look(), counted, 0), boxgrad::config_error);

    // The terms, put together from the steps.
    double boxes = 0;
    double classes = 0;
    double l1 = 0;
    double objectness = 0;
    const auto decoded = test::to_host<3>(b, boxgrad::yolox::decode(b, head.look(), loss.strides));
    const auto scores = test::to_host<3>(b, boxgrad::yolox::flatten_levels(b, head.classes));
    const auto raw = test::to_host<3>(b, boxgrad::yolox::flatten_levels(b, head.boxes));
    const auto logits = test::to_host<3>(b, boxgrad::yolox::flatten_levels(b, head.objectness));
    const std::size_t n = decoded.size() / 8;
    for (std::size_t i = 0; i < 2; ++i) {
        const auto targets = boxgrad::yolox::targets_of(b, loss, head.look(), counted, static_cast<boxgrad::index>(i));
        const auto mask = test::to_host<1>(b, targets.foreground_mask);
        const auto wanted_boxes = test::to_host<2>(b, targets.boxes);
        const auto wanted_classes = test::to_host<2>(b, targets.classes);
        const auto wanted_l1 = test::to_host<2>(b, targets.l1);
        const auto wanted_objectness = test::to_host<1>(b, targets.objectness);
        std::size_t p = 0;
        for (std::size_t k = 0; k < n; ++k) {
            const std::size_t at = i * n + k;
            objectness += static_cast<double>(loss.objectness_term(logits[at], wanted_objectness[k]));
            if (mask[k] == 0) continue;
            const auto corner = [](const std::vector<T>& v, std::size_t row) {
                return boxgrad::box<T>{v[4 * row], v[4 * row + 1], v[4 * row + 2], v[4 * row + 3]};
            };
            boxes += static_cast<double>(loss.box(corner(decoded, at), corner(wanted_boxes, p)));
            for (std::size_t c = 0; c < 3; ++c) {
                classes += static_cast<double>(loss.class_term(scores[3 * at + c], wanted_classes[3 * p + c]));
            }
            for (std::size_t c = 0; c < 4; ++c) l1 += static_cast<double>(loss.l1(raw[4 * at + c], wanted_l1[4 * p + c]));
            ++p;
        }
        CHECK(p == static_cast<std::size_t>(targets.num_pos));
    }
    const double s = counted.normaliser();
    CHECK(whole.value.boxes == Approx(5 * boxes / s).epsilon(1e-5));
    CHECK(whole.value.classes == Approx(classes / s).epsilon(1e-5));
    CHECK(whole.value.objectness == Approx(objectness / s).epsilon(1e-5));
    CHECK(whole.value.l1 == Approx(l1 / s).epsilon(1e-5));
}

TEMPLATE_LIST_TEST_CASE("terms, assigner and overlap are replaced at compile time; absent ones are 0", "[head]", test::float_backends) {
    const TestType b;
    const auto h = test::random_head<float>(23, 2, 3);
    const auto t = test::random_truths<float>(23, {4, 3}, 3);
    using mm = recipe::mmdetection;
    const auto full = test::evaluate(b, boxgrad::yolox_loss<mm>{.classes = 3}, h, t);
    const auto no_boxes = test::evaluate(b, boxgrad::yolox_loss<mm, loss::none>{.classes = 3}, h, t);
    CHECK(no_boxes.value.boxes == 0.0F);
    CHECK(no_boxes.value.classes == full.value.classes);
    const auto no_classes = test::evaluate(b, boxgrad::yolox_loss<mm, mm::box, loss::none, mm::assigner, loss::none>{.classes = 3}, h, t);
    CHECK(no_classes.value.classes == 0.0F);
    CHECK(no_classes.value.boxes == full.value.boxes);
    const auto no_objectness =
        test::evaluate(b, boxgrad::yolox_loss<mm, mm::box, loss::none, mm::assigner, loss::bce, loss::none>{.classes = 3}, h, t);
    CHECK(no_objectness.value.objectness == 0.0F);
    for (std::size_t i = no_objectness.gradient.size() - 2 * 126; i < no_objectness.gradient.size(); ++i) {
        CHECK(no_objectness.gradient[i] == 0.0F);
    }
    const auto giou = test::evaluate(b, boxgrad::yolox_loss<mm, loss::giou>{.classes = 3}, h, t);
    CHECK(giou.truth == full.truth);
    CHECK(giou.value.boxes != full.value.boxes);
    using by_giou = boxgrad::assigner::sim_ota<boxgrad::assigner::mmdetection_rules, boxgrad::overlap::giou>;
    const auto other = test::evaluate(b, boxgrad::yolox_loss<mm, mm::box, loss::none, by_giou>{.classes = 3}, h, t);
    CHECK(other.value.positives > 0);
    const auto own = test::evaluate(b, boxgrad::yolox_loss<mm, mm::box, huber>{.classes = 3}, h, t);
    CHECK(own.value.l1 > 0.0F);

    // Upstream factors scale each term's gradient and no value.
    const auto twice = test::evaluate(b, boxgrad::yolox_loss<mm>{.classes = 3}, h, t, {2, 2, 2, 2});
    CHECK(twice.value.total == full.value.total);
    for (std::size_t i = 0; i < full.gradient.size(); ++i) CHECK(twice.gradient[i] == 2 * full.gradient[i]);
}

TEST_CASE("levels: one to eight", "[head]") {
    const boxgrad::memory<float> b;
    const auto t = test::random_truths<float>(24, {3}, 2, 256, 256);
    const auto one = test::random_head<float>(24, 1, 2, 256, 256, {16});
    CHECK(test::evaluate(b, boxgrad::yolox_loss<>{.classes = 2, .strides = {16}}, one, t).value.positives > 0);
    const auto eight = test::random_head<float>(25, 1, 2, 256, 256, {2, 4, 8, 16, 32, 64, 128, 256});
    CHECK(test::evaluate(b, boxgrad::yolox_loss<>{.classes = 2, .strides = {2, 4, 8, 16, 32, 64, 128, 256}}, eight, t).value.positives > 0);
    CHECK_THROWS_AS((boxgrad::per_level<boxgrad::stride>{1, 2, 3, 4, 5, 6, 7, 8, 9}), boxgrad::config_error);
}
