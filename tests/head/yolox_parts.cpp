// SPDX-License-Identifier: Apache-2.0
//
// The head's loss at its edges: nothing in it, terms that are absent, factors, shapes that do not fit.
#include "catch.hpp"
#include "scene.hpp"

namespace {

namespace recipe = boxgrad::recipe;
namespace loss = boxgrad::loss;
using mm = recipe::mmdetection;
using l1_loss = boxgrad::yolox_loss<mm, mm::box, loss::l1>;
using test::extents;

// What is absent is not carried along.
using bare = boxgrad::yolox_loss<mm, loss::none, loss::none, mm::assigner, loss::none, loss::none>;
static_assert(sizeof(bare) < sizeof(boxgrad::yolox_loss<mm>));
static_assert(sizeof(boxgrad::yolox_loss<mm>) <= sizeof(boxgrad::yolox_loss<mm, mm::box, loss::weighted<loss::l1>>));
static_assert(std::is_empty_v<loss::none>);

template <class B, class F>
std::string refusal(F&& f) {
    try {
        f();
    } catch (const boxgrad::shape_error& e) {
        return e.what();
    }
    return "nothing thrown";
}

/// Memory that counts what is asked for.
struct counting : boxgrad::memory<float> {
    boxgrad::index* bytes = nullptr;

    template <class U, int R>
    auto make(const extents<R>& e) const {
        *bytes += e.size() * static_cast<boxgrad::index>(sizeof(U));
        return boxgrad::memory<float>::make<U, R>(e);
    }
};

template <class Loss>
boxgrad::index bytes_of(const Loss& l, const test::head_values<float>& h, const boxgrad::truth_list<float>& t) {
    boxgrad::index bytes = 0;
    counting b;
    b.bytes = &bytes;
    const test::head_tensors<counting> head(b, h);
    bytes = 0;
    l.value(b, head.look(), t);
    return bytes;
}

}  // namespace

TEST_CASE("absent terms take no memory and no part in any sum", "[head]") {
    const auto h = test::random_head<float>(31, 2, 3);
    const auto t = test::random_truths<float>(31, {4, 3}, 3);
    const auto all = bytes_of(l1_loss{.classes = 3}, h, t);
    CHECK(bytes_of(boxgrad::yolox_loss<mm>{.classes = 3}, h, t) <= all);
    CHECK(bytes_of(bare{.classes = 3}, h, t) < all);
    // With every term absent only the assignment is left.
    const auto r = test::evaluate(boxgrad::memory<float>{}, bare{.classes = 3}, h, t);
    CHECK(r.value.total == 0.0F);
    CHECK(r.value.positives > 0);
    for (const float g : r.gradient) CHECK(g == 0.0F);
    CHECK(r.truth == test::evaluate(boxgrad::memory<float>{}, l1_loss{.classes = 3}, h, t).truth);
    // What an absent term would have seen does not matter.
    auto dead = h;
    for (std::size_t l = 0; l < 3; ++l) {
        for (std::size_t i = 0; i < r.truth.size(); ++i) {
            if (i < dead.objectness(l).size()) dead.objectness(l)[i] = 1e30F;
        }
    }
    using no_objectness = boxgrad::yolox_loss<mm, mm::box, loss::none, mm::assigner, loss::bce, loss::none>;
    CHECK(std::isfinite(test::evaluate(boxgrad::memory<float>{}, no_objectness{.classes = 3}, dead, t).value.total));
}

TEMPLATE_LIST_TEST_CASE("P1 P2 no images, no cells, no positives in some images", "[head][promise]", test::float_backends) {
    const TestType b;
    const l1_loss l{.classes = 3};
    const auto none = test::evaluate(b, l, test::random_head<float>(32, 0, 3), test::random_truths<float>(32, {}, 3));
    CHECK(none.value.total == 0.0F);
    CHECK(none.value.normaliser == 1.0);
    CHECK(none.gradient.empty());

    // 16 pixels high: the third level has no row.
    const auto low = test::evaluate(b, l, test::random_head<float>(33, 2, 3, 16, 96), test::random_truths<float>(33, {2, 0}, 3, 16, 96));
    CHECK(low.truth.size() == 2 * (2 * 12 + 6));
    CHECK(low.value.positives > 0);
    CHECK(std::isfinite(low.value.total));

    // One image out of anyone's reach beside one that is not: the second's assignment is its own.
    const auto h = test::random_head<float>(34, 2, 3);
    auto t = test::random_truths<float>(34, {1, 3}, 3);
    t.boxes[0] = {4000, 4000, 4010, 4010};
    auto without = test::random_truths<float>(34, {1, 3}, 3);
    without.boxes.erase(without.boxes.begin());
    without.labels.erase(without.labels.begin());
    without.offsets = {0, 0, 3};
    const auto r = test::evaluate(b, l, h, t);
    const auto e = test::evaluate(b, l, h, without);
    CHECK(r.positives == e.positives);
    CHECK(r.positives[0] == 0);
    CHECK(r.truth == e.truth);
    CHECK(test::same_bits(r.gradient, e.gradient));
    CHECK(r.truth_positives[0] == 0);
    CHECK(e.positives[1] > 0);
}

TEMPLATE_TEST_CASE("gradients are linear in upstream factors and weights, each term in its own", "[head][gradient]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    const auto h = test::random_head<T>(35, 2, 3);
    const auto t = test::random_truths<T>(35, {4, 3}, 3);
    const l1_loss l{.classes = 3};
    const auto classes = test::evaluate(b, l, h, t, {1, 0, 0, 0});
    const auto boxes = test::evaluate(b, l, h, t, {0, 1, 0, 0});
    const auto objectness = test::evaluate(b, l, h, t, {0, 0, 1, 0});
    const auto ell = test::evaluate(b, l, h, t, {0, 0, 0, 1});
    const auto mixed = test::evaluate(b, l, h, t, {2, -0.5, 4, 0.25});
    bool all_seen[4] = {false, false, false, false};
    for (std::size_t i = 0; i < mixed.gradient.size(); ++i) {
        const T parts[4] = {classes.gradient[i], boxes.gradient[i], objectness.gradient[i], ell.gradient[i]};
        CHECK(test::near(mixed.gradient[i], T(2) * parts[0] - T(0.5) * parts[1] + T(4) * parts[2] + T(0.25) * parts[3], 4));
        for (int k = 0; k < 4; ++k) all_seen[k] = all_seen[k] || parts[k] != T(0);
    }
    for (const bool seen : all_seen) CHECK(seen);
    CHECK(mixed.value.total == classes.value.total);  // upstream factors change no value

    l1_loss weighed = l;
    weighed.weights = {.classes = 2, .boxes = 2.5, .objectness = 4, .l1 = 0.25};  // twice, half, 4 times, a quarter
    const auto w = test::evaluate(b, weighed, h, t);
    const auto plain = test::evaluate(b, l, h, t);
    const auto factors = test::evaluate(b, l, h, t, {2, 0.5, 4, 0.25});
    CHECK(test::near(w.value.classes, 2 * plain.value.classes));
    CHECK(test::near(w.value.boxes, plain.value.boxes / 2));
    CHECK(test::near(w.value.objectness, 4 * plain.value.objectness));
    CHECK(test::near(w.value.l1, plain.value.l1 / 4));
    CHECK(test::near(w.gradient, factors.gradient));
}

TEMPLATE_LIST_TEST_CASE("P26 a head that does not fit is refused, by name and before anything is written", "[head][promise]", test::float_backends) {
    const TestType b;
    using tensors = test::head_tensors<TestType>;
    const auto h = test::random_head<float>(36, 2, 3);
    const auto t = test::random_truths<float>(36, {2, 2}, 3);
    const boxgrad::yolox_loss<> l{.classes = 3};
    const tensors head(b, h);
    auto gradient = l.make_gradient(b, head.look());
    const boxgrad::yolox_head into(gradient.classes, gradient.boxes, gradient.objectness);
    l.value_and_gradient_into(b, head.look(), t, into);
    const auto before = test::gradient_to_host(b, gradient);
    // `part` of level `level` gets another shape.
    const auto refused = [&](std::size_t part, std::size_t level, const extents<4>& e) {
        auto other = h;
        other.shape[part][level] = e;
        other.value[part][level].assign(static_cast<std::size_t>(e.size()), 0.0F);
        const tensors x(b, other);
        return refusal<TestType>([&] { l.value_and_gradient_into(b, x.look(), t, into); });
    };
    CHECK(refused(0, 1, {{2, 4, 4, 6}}) == "yolox_loss: classes.1 must be [2, 3, 4, 6], got [2, 4, 4, 6]");
    CHECK(refused(1, 0, {{2, 5, 8, 12}}) == "yolox_loss: boxes.0 must be [2, 4, 8, 12], got [2, 5, 8, 12]");
    CHECK(refused(1, 0, {{2, 4, 12, 8}}) == "yolox_loss: boxes.0 must be [2, 4, 8, 12], got [2, 4, 12, 8]");
    CHECK(refused(2, 2, {{2, 2, 2, 3}}) == "yolox_loss: objectness.2 must be [2, 1, *, *], got [2, 2, 2, 3]");
    CHECK(refused(2, 1, {{1, 1, 4, 6}}) == "yolox_loss: objectness.1 must be [2, 1, *, *], got [1, 1, 4, 6]");

    auto two = h;
    for (std::size_t k = 0; k < 3; ++k) {
        two.shape[k].pop_back();
        two.value[k].pop_back();
    }
    const tensors fewer(b, two);
    CHECK(refusal<TestType>([&] { l.value(b, fewer.look(), t); }) == "yolox_loss: classes must be 3 levels, got 2");
    CHECK(refusal<TestType>([&] { l.value(b, head.look(), test::random_truths<float>(36, {2}, 3)); }) == "yolox_loss: truths must be 2 images, got 1");

    auto smaller = test::random_head<float>(36, 2, 3, 64, 64);
    const tensors of_other_size(b, smaller);
    auto wrong = l.make_gradient(b, of_other_size.look());
    CHECK(refusal<TestType>([&] { l.value_and_gradient_into(b, head.look(), t, boxgrad::yolox_head(wrong.classes, wrong.boxes, wrong.objectness)); }) ==
          "yolox_loss: gradient.objectness.0 must be [2, 1, 8, 12], got [2, 1, 8, 8]");
    const auto counted = l.count(b, of_other_size.look(), t);
    CHECK(refusal<TestType>([&] { l.finish_into(b, head.look(), counted, 1, into); }) == "yolox_loss: assignment must be [2, 126], got [2, 84]");
    const auto own = l.count(b, head.look(), t);
    for (const double bad : {0.0, -1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
        CHECK_THROWS_AS(l.finish_into(b, head.look(), own, bad, into), boxgrad::config_error);
    }
    boxgrad::yolox_loss<> no_class = l;
    no_class.classes = 0;
    CHECK_THROWS_AS(no_class.value(b, head.look(), t), boxgrad::error);
    CHECK(test::same_bits(before, test::gradient_to_host(b, gradient)));
}
