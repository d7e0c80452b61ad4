// SPDX-License-Identifier: Apache-2.0
//
// Promises about what comes in: truths, predictions, labels, shapes. Each on every backend.
#include "catch.hpp"
#include "scene.hpp"

namespace {

using l1_loss = boxgrad::yolox_loss<boxgrad::recipe::mmdetection, boxgrad::recipe::mmdetection::box, boxgrad::loss::l1>;

template <class T>
bool all_finite(const std::vector<T>& v) {
    for (const T x : v) {
        if (!std::isfinite(x)) return false;
    }
    return true;
}

/// A loss over the scene's three classes.
const l1_loss three{.classes = 3};

}  // namespace

TEMPLATE_LIST_TEST_CASE("P1 no truths: all background, only objectness counts", "[promise]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const auto h = test::random_head<T>(1, 2, 3);
    const auto r = test::evaluate(b, three, h, test::random_truths<T>(1, {0, 0}, 3));
    CHECK(r.value.classes == T(0));
    CHECK(r.value.boxes == T(0));
    CHECK(r.value.l1 == T(0));
    CHECK(r.value.objectness > T(0));
    CHECK(r.value.positives == 0);
    for (const auto t : r.truth) CHECK(t == boxgrad::assigner::background);
    for (const T o : r.overlap) CHECK(o == T(0));
    const std::size_t objectness = 2 * (96 + 24 + 6);
    REQUIRE(r.gradient.size() == objectness * 8);
    for (std::size_t i = 0; i + objectness < r.gradient.size(); ++i) CHECK(r.gradient[i] == T(0));
    for (std::size_t i = r.gradient.size() - objectness; i < r.gradient.size(); ++i) CHECK(r.gradient[i] > T(0));

    // One image without truths beside one with: the first as alone, the second not touched.
    const auto mixed = test::evaluate(b, three, h, test::random_truths<T>(2, {0, 3}, 3));
    CHECK(mixed.positives[0] == 0);
    CHECK(mixed.positives[1] > 0);
}

TEMPLATE_LIST_TEST_CASE("P3 no prior within reach: as without truths, and the truth is reported", "[promise]",
                        test::backends) {
    using T = typename TestType::scalar;
    boxgrad::truth_list<T> t;
    t.add_image({{T(500), T(500), T(510), T(510)}}, {1});
    const auto r = test::evaluate(TestType{}, three, test::random_head<T>(2, 1, 3), t);
    CHECK(r.value.positives == 0);
    CHECK(r.truth_positives == std::vector<boxgrad::index>{0});
    CHECK(r.value.boxes == T(0));
    CHECK(all_finite(r.gradient));
}

TEMPLATE_LIST_TEST_CASE("P4 a truth that is no box: refused with image and row, or dropped and counted", "[promise]",
                        test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const auto h = test::random_head<T>(3, 2, 3);
    const T nan = std::numeric_limits<T>::quiet_NaN();
    const T inf = std::numeric_limits<T>::infinity();
    const std::array<T, 4> good{T(10), T(10), T(40), T(40)};
    const std::array<T, 4> bad[] = {{T(10), T(10), T(10), T(40)}, {T(10), T(40), T(40), T(10)}, {nan, T(1), T(2), T(3)},
                                    {T(0), T(0), inf, T(3)},      {T(40), T(40), T(10), T(10)}};
    for (const auto& row : bad) {
        boxgrad::truth_list<T> t;
        t.add_image({good}, {0});
        t.add_image({good, row}, {1, 2});
        const test::head_tensors<TestType> head(b, h);
        auto g = three.make_gradient(b, head.look());
        const boxgrad::yolox_head gradient(g.classes, g.boxes, g.objectness);
        three.value_and_gradient_into(b, head.look(), test::random_truths<T>(3, {1, 1}, 3), gradient);
        const auto before = test::gradient_to_host(b, g);
        bool thrown = false;
        try {
            three.value_and_gradient_into(b, head.look(), t, gradient);
        } catch (const boxgrad::gt_error& e) {
            thrown = true;
            CHECK(e.image == 1);
            CHECK(e.row == 1);
        }
        CHECK(thrown);
        CHECK(test::same_bits(before, test::gradient_to_host(b, g)));  // nothing was written

        l1_loss dropping = three;
        dropping.truths = boxgrad::bad_truth::drop;
        const auto dropped = test::evaluate(b, dropping, h, t);
        boxgrad::truth_list<T> without;
        without.add_image({good}, {0});
        without.add_image({good}, {1});
        const auto absent = test::evaluate(b, dropping, h, without);
        CHECK(dropped.dropped == 1);
        CHECK(dropped.truth_positives.size() == 3);
        CHECK(dropped.truth_positives[2] == 0);
        CHECK(dropped.truth == absent.truth);
        CHECK(test::same_bits(dropped.gradient, absent.gradient));
    }
}

TEMPLATE_LIST_TEST_CASE("P5 boxes without a size: overlap 0, GIoU in [-1, 1], finite loss and gradient", "[promise]",
                        test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const auto p = test::rows(b, 4, {5, 5, 5, 5, 20, 20, 10, 10, 0, 0, 10, 0, 3, 3, 3, 9, 30, 0, -30, 10});
    const auto t = test::rows(b, 4, {5, 5, 5, 5, 5, 5, 25, 25, 0, 0, 10, 10, 0, 0, 8, 8, -40, 0, 40, 20});
    for (const T v : test::to_host<1>(b, boxgrad::overlap::aligned(b, boxgrad::overlap::iou{}, p, t))) CHECK(v == T(0));
    for (const T v : test::to_host<1>(b, boxgrad::overlap::aligned(b, boxgrad::overlap::giou{}, p, t))) {
        CHECK(v >= T(-1));
        CHECK(v <= T(1));
    }
    namespace loss = boxgrad::loss;
    const auto check = [&](const auto& term) {
        const auto r = loss::value_and_gradient(b, term, boxgrad::reduction::none{}, p, t);
        CHECK(all_finite(test::to_host<1>(b, r.value)));
        CHECK(all_finite(test::to_host<2>(b, r.gradient)));
    };
    check(loss::iou<>{});
    check(loss::iou<loss::iou_mode::square>{});
    check(loss::giou{});
}

TEMPLATE_LIST_TEST_CASE("P7 P8 huge predictions: finite loss and gradient, saturated size", "[promise]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const double far = sizeof(T) == 4 ? 0x1p59 : 0x1p499;
    const auto p = test::rows(b, 4, {-far, -far, far, far, far / 2, 0, far, far, 0, 0, far, 1});
    const auto t = test::rows(b, 4, {0, 0, 10, 10, -far, -far, -far / 2, -far / 4, 0, 0, 1, far});
    namespace loss = boxgrad::loss;
    const auto r = loss::value_and_gradient(b, loss::giou{}, boxgrad::reduction::none{}, p, t);
    CHECK(all_finite(test::to_host<1>(b, r.value)));
    CHECK(all_finite(test::to_host<2>(b, r.gradient)));

    const boxgrad::coder::yolox coder;
    const T largest = boxgrad::coder::yolox::largest_log_size<T>;
    const auto priors = test::rows(b, 4, {0, 0, 8, 8, 0, 0, 8, 8});
    const auto codes = test::rows(b, 4, {0, 0, static_cast<double>(largest), 0, 0, 0, static_cast<double>(largest) * 2, 0});
    const auto boxes = test::to_host<2>(b, boxgrad::coder::decode(b, coder, priors, codes));
    CHECK(boxes[2] == boxes[6]);                                                            // beyond: saturated
    CHECK(boxes[2] == Approx(4 * std::exp(static_cast<double>(largest))).epsilon(1e-5));  // at the bound: e^t
    using D = boxgrad::dual<T, 4>;
    const boxgrad::prior::point<T> prior{T(0), T(0), T(8), T(8)};
    const auto at = [&](T w) {
        return coder.decode(prior, boxgrad::coder::xywh<D>{D(T(0)), D(T(0)), D::variable(w, 2), D(T(0))});
    };
    CHECK(at(largest).x2.partial[2] > T(0));
    CHECK(at(largest * T(1.01)).x2.partial[2] == T(0));
}

TEMPLATE_LIST_TEST_CASE("P10 a label outside of the classes: refused with its row", "[promise]", test::backends) {
    using T = typename TestType::scalar;
    for (const int label : {-1, 3, 100}) {
        boxgrad::truth_list<T> t;
        t.add_image({{T(1), T(1), T(20), T(20)}, {T(5), T(5), T(30), T(30)}}, {0, label});
        try {
            test::evaluate(TestType{}, three, test::random_head<T>(4, 1, 3), t);
            CHECK(false);
        } catch (const boxgrad::gt_error& e) {
            CHECK(e.row == 1);
            CHECK(std::string(e.what()).find("label " + std::to_string(label)) != std::string::npos);
        }
    }
}

TEMPLATE_LIST_TEST_CASE("P2 P11 P16 nothing, or nothing that counts: 0, whatever the rows hold", "[promise]", test::backends) {
    using T = typename TestType::scalar;
    namespace red = boxgrad::reduction;
    namespace loss = boxgrad::loss;
    const TestType b;
    const auto none = test::rows(b, 4, {});
    CHECK(loss::value(b, loss::giou{}, red::mean{}, none, none) == T(0));
    CHECK(loss::value(b, loss::l1{}, red::mean{}, none, none) == T(0));
    CHECK(test::to_host<1>(b, loss::value(b, loss::giou{}, red::none{}, none, none)).empty());

    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double inf = std::numeric_limits<double>::infinity();
    const auto p = test::rows(b, 4, {nan, 0, inf, 4, 0, 0, 4, 4});
    const auto t = test::rows(b, 4, {0, 0, 4, 4, 0, 0, 4, 5});
    const auto zero = loss::value_and_gradient(b, loss::giou{}, red::mean{}, p, t, test::column(b, {0, 0}));
    CHECK(zero.value == T(0));
    for (const T g : test::to_host<2>(b, zero.gradient)) CHECK(g == T(0));
    const auto one = loss::value_and_gradient(b, loss::giou{}, red::sum{}, p, t, test::column(b, {0, 1}));
    CHECK(one.value == Approx(0.2).epsilon(1e-6));
    const auto g = test::to_host<2>(b, one.gradient);
    for (std::size_t i = 0; i < 4; ++i) CHECK(g[i] == T(0));
}

TEMPLATE_LIST_TEST_CASE("P13 P33 weights and average factors that mean nothing are refused", "[promise]", test::backends) {
    namespace red = boxgrad::reduction;
    namespace loss = boxgrad::loss;
    const TestType b;
    const auto p = test::rows(b, 4, {0, 0, 4, 4, 1, 1, 5, 5});
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(loss::value(b, loss::giou{}, red::sum{}, p, p, test::column(b, {1, -1})), boxgrad::config_error);
    CHECK_THROWS_AS(loss::value(b, loss::giou{}, red::sum{}, p, p, test::column(b, {nan, 1})), boxgrad::config_error);
    CHECK_THROWS_AS(loss::value(b, loss::giou{}, red::sum{}, p, p, test::column(b, {1, 1, 1})), boxgrad::shape_error);
    CHECK_THROWS_AS(loss::value(b, loss::giou{}, red::mean_over{-1}, p, p), boxgrad::config_error);
    CHECK_THROWS_AS(loss::value(b, loss::giou{}, red::mean_over{nan}, p, p), boxgrad::config_error);
    CHECK_NOTHROW(loss::value(b, loss::giou{}, red::mean_over{0}, p, p));
    CHECK_THROWS_AS(red::parse("sum", 3.0), boxgrad::config_error);
    CHECK_THROWS_AS(red::parse("median"), boxgrad::config_error);
    CHECK(std::holds_alternative<red::none>(red::parse("none", 3.0)));
}

TEMPLATE_LIST_TEST_CASE("P15 parameters outside of their range are refused", "[promise]", test::float_backends) {
    const auto h = test::random_head<float>(5, 1, 3);
    const auto t = test::random_truths<float>(5, {2}, 3);
    const auto refused = [&](const l1_loss& loss) {
        CHECK_THROWS_AS(test::evaluate(TestType{}, loss, h, t), boxgrad::config_error);
    };
    l1_loss loss = three;
    loss.assigner.candidate_topk = 0;
    refused(loss);
    loss = three;
    loss.assigner.center_radius = 0;
    refused(loss);
    loss = three;
    loss.assigner.iou_weight = -1;
    refused(loss);
    loss = three;
    loss.weights.boxes = std::numeric_limits<double>::quiet_NaN();
    refused(loss);
    loss = three;
    loss.strides = {8, 16, 0};
    refused(loss);
}

TEMPLATE_LIST_TEST_CASE("P17 a prediction that is not finite is as if it were not there, counted, not hidden", "[promise]",
                        test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const boxgrad::assigner::sim_ota<> assigner;
    const auto points = [] {
        std::vector<T> p;
        for (int i = 0; i < 96; ++i) {
            for (const int v : {4 + 8 * (i % 12), 4 + 8 * (i / 12), 8, 8}) p.push_back(static_cast<T>(v));
        }
        return p;
    }();
    const boxgrad::index n = 96;
    std::mt19937_64 random(7);
    std::uniform_real_distribution<double> u;
    std::vector<T> boxes;
    std::vector<T> scores;
    for (std::size_t i = 0; i < 96; ++i) {
        const double x = static_cast<double>(points[4 * i]) + 8 * (u(random) - 0.5);
        const double y = static_cast<double>(points[4 * i + 1]) + 8 * (u(random) - 0.5);
        const double s = 8 + 10 * u(random);
        for (const double v : {x - s, y - s, x + s, y + s}) boxes.push_back(static_cast<T>(v));
        for (int c = 0; c < 3; ++c) scores.push_back(static_cast<T>(0.05 + 0.9 * u(random)));
    }
    const auto truths = test::random_truths<T>(7, {4}, 3);
    const auto assign = [&](const std::vector<T>& p, const std::vector<T>& x, const std::vector<T>& s, boxgrad::index rows) {
        return assigner.assign(b, test::from_host(b, test::extents<2>{{rows, 4}}, p), test::from_host(b, test::extents<2>{{rows, 4}}, x),
                               test::from_host(b, test::extents<2>{{rows, 3}}, s), truths);
    };
    const auto clean = test::to_host<2>(b, assign(points, boxes, scores, n).truth);
    int positives_hit = 0;
    for (const T bad : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()}) {
        for (std::size_t k = 0; k < 96; k += 5) {
            positives_hit += clean[k] >= 0 ? 1 : 0;
            const auto cut = [&](std::vector<T> v, std::size_t width) {
                v.erase(v.begin() + static_cast<std::ptrdiff_t>(width * k), v.begin() + static_cast<std::ptrdiff_t>(width * (k + 1)));
                return v;
            };
            auto absent = test::to_host<2>(b, assign(cut(points, 4), cut(boxes, 4), cut(scores, 3), n - 1).truth);
            absent.insert(absent.begin() + static_cast<std::ptrdiff_t>(k), boxgrad::assigner::background);
            auto x = boxes;
            x[4 * k + k % 4] = bad;
            CHECK(test::to_host<2>(b, assign(points, x, scores, n).truth) == absent);
            auto s = scores;
            s[3 * k + k % 3] = bad;
            const auto r = assign(points, boxes, s, n);
            CHECK(test::to_host<2>(b, r.truth) == absent);
        }
    }
    CHECK(positives_hit > 0);

    auto h = test::random_head<T>(8, 1, 3);
    h.objectness(0)[20] = std::numeric_limits<T>::quiet_NaN();
    h.boxes(1)[3] = std::numeric_limits<T>::infinity();
    const auto r = test::evaluate(b, three, h, truths);
    CHECK(r.nonfinite == 2);
    CHECK(std::isnan(r.value.objectness));
    CHECK(r.truth[20] == boxgrad::assigner::background);
    CHECK(std::isfinite(r.value.boxes));
    CHECK(std::isfinite(r.value.classes));
}

TEMPLATE_LIST_TEST_CASE("P18 ties go to the lower prior, then to the lower truth", "[promise]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    // Four priors about the centre of one truth, all with the same prediction: cost and overlap are equal.
    const auto priors = test::rows(b, 4, {12, 12, 8, 8, 20, 12, 8, 8, 12, 20, 8, 8, 20, 20, 8, 8});
    const auto boxes = test::rows(b, 4, {0, 0, 16, 16, 0, 0, 16, 16, 0, 0, 16, 16, 0, 0, 16, 16});
    const auto scores = test::rows(b, 2, {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5});
    const boxgrad::assigner::sim_ota<> assigner;
    boxgrad::truth_list<T> one;
    one.add_image({{T(8), T(8), T(24), T(24)}}, {0});
    CHECK(test::to_host<2>(b, assigner.assign(b, priors, boxes, scores, one).truth) == std::vector<std::int32_t>{0, -1, -1, -1});
    boxgrad::truth_list<T> two;  // the same truth twice: both pick prior 0, the lower one keeps it
    two.add_image({{T(8), T(8), T(24), T(24)}, {T(8), T(8), T(24), T(24)}}, {0, 0});
    const auto r = assigner.assign(b, priors, boxes, scores, two);
    CHECK(test::to_host<2>(b, r.truth) == std::vector<std::int32_t>{0, -1, -1, -1});
    CHECK(r.truth_positives == std::vector<boxgrad::index>{1, 0});  // P21: the other starves, and it is reported
    CHECK(r.unmatched_truths() == 1);
}

TEMPLATE_LIST_TEST_CASE("P26 shapes: nothing is broadcast, and the message says what was expected", "[promise]", test::float_backends) {
    const TestType b;
    namespace loss = boxgrad::loss;
    const auto rows = test::rows(b, 4, {0, 0, 1, 1, 0, 0, 2, 2});
    const auto column = test::rows(b, 1, {1, 1});
    const auto wide = test::rows(b, 5, {0, 0, 1, 1, 0, 0, 0, 2, 2, 0});
    const auto flat = test::column(b, {1, 1});
    CHECK_THROWS_AS(loss::value(b, loss::giou{}, boxgrad::reduction::sum{}, wide, wide), boxgrad::shape_error);
    CHECK_THROWS_AS(loss::value(b, loss::giou{}, boxgrad::reduction::sum{}, rows, column), boxgrad::shape_error);
    CHECK_THROWS_AS(loss::value(b, loss::l1{}, boxgrad::reduction::sum{}, column, rows), boxgrad::shape_error);
    CHECK_THROWS_AS(loss::value(b, loss::giou{}, boxgrad::reduction::sum{}, rows, rows, column), boxgrad::shape_error);
    CHECK_NOTHROW(loss::value(b, loss::giou{}, boxgrad::reduction::sum{}, rows, rows, flat));
    try {
        loss::value(b, loss::giou{}, boxgrad::reduction::sum{}, rows, column);
    } catch (const boxgrad::shape_error& e) {
        CHECK(std::string(e.what()) == "loss::value: target must be [2, 4], got [2, 1]");
    }
    const auto h = test::random_head<float>(9, 2, 3);
    const auto t = test::random_truths<float>(9, {1, 1}, 3);
    l1_loss four = three;
    four.classes = 4;
    CHECK_THROWS_AS(test::evaluate(b, four, h, t), boxgrad::shape_error);
    l1_loss two_levels = three;
    two_levels.strides = {8, 16};
    CHECK_THROWS_AS(test::evaluate(b, two_levels, h, t), boxgrad::shape_error);
    CHECK_THROWS_AS(test::evaluate(b, three, h, test::random_truths<float>(9, {1}, 3)), boxgrad::shape_error);
}

TEST_CASE("P6 without a floor the overlap is invariant under scale", "[promise]") {
    std::mt19937_64 random(10);
    std::uniform_real_distribution<float> u(0.1F, 1);
    const boxgrad::overlap::iou exact{.eps = 0};
    for (int i = 0; i < 20000; ++i) {
        const float x = u(random);
        const float y = u(random);
        const boxgrad::box<float> a{x, y, x + u(random), y + u(random)};
        const boxgrad::box<float> b{u(random), u(random), 1 + u(random), 1 + u(random)};
        const auto scaled = [](const boxgrad::box<float>& r, float s) { return boxgrad::box<float>{r.x1 * s, r.y1 * s, r.x2 * s, r.y2 * s}; };
        const float o = exact(a, b);
        CHECK(exact(scaled(a, 0x1p-50F), scaled(b, 0x1p-50F)) == o);
        CHECK(exact(scaled(a, 0x1p50F), scaled(b, 0x1p50F)) == o);
    }
    const boxgrad::box<float> tiny{0, 0, 0x1p-60F, 0x1p-60F};
    CHECK(exact(tiny, tiny) == 1);
    const boxgrad::box<float> small{0, 0, 1e-4F, 1e-4F};
    CHECK(boxgrad::overlap::iou{}(small, small) == Approx(0.01));  // the reference's floor
}

TEST_CASE("P23 products that do not fit an index are refused", "[promise]") {
    CHECK(boxgrad::checked_product("test", 1LL << 31, 1LL << 31) == boxgrad::index{1} << 62);
    CHECK_THROWS_AS(boxgrad::checked_product("test", boxgrad::index{1} << 40, boxgrad::index{1} << 40), boxgrad::size_error);
    const float one = 1;
    const boxgrad::view<const float, 2> huge(&one, {{boxgrad::index{1} << 40, 4}}, {{0, 0}});
    CHECK_THROWS_AS(boxgrad::overlap::pairwise(boxgrad::memory<float>{}, boxgrad::overlap::iou{}, huge, huge), boxgrad::size_error);
}
