// SPDX-License-Identifier: Apache-2.0
//
// The auxiliary loss of DDQ against a model by loops.
#include "backends.hpp"
#include "catch.hpp"
#include "differences.hpp"

#include <boxgrad/loss/ddq_aux.hpp>

#include <algorithm>
#include <random>

namespace {

using count = boxgrad::index;
namespace loss = boxgrad::loss;
using real = long double;

constexpr count images = 3, queries = 9, classes = 3;
const std::vector<boxgrad::image_shape> shapes(3, boxgrad::image_shape{60, 64});

template <class T>
boxgrad::truth_list<T> truths() {
    boxgrad::truth_list<T> t;
    t.add_image({{{10, 10, 30, 34}}, {{20, 6, 52, 40}}}, {2, 0});
    t.add_image({}, {});
    t.add_image({{{4, 4, 24, 24}}}, {1});
    return t;
}

struct scene {
    std::vector<real> logits, boxes;

    scene() {
        std::mt19937 random(11);
        std::uniform_real_distribution<float> u(-1, 1);
        for (count i = 0; i < images * queries * classes; ++i) logits.push_back(2 * real(u(random)));
        for (count i = 0; i < images * queries; ++i) {
            for (const int c : {12, 10, 34, 36}) boxes.push_back(c + 6 * real(u(random)));
        }
    }
};

real giou_of(const real* a, const std::array<double, 4>& t) {
    const real b[4]{real(t[0]), real(t[1]), real(t[2]), real(t[3])};
    const real w = std::max(real(0), std::min(a[2], b[2]) - std::max(a[0], b[0]));
    const real h = std::max(real(0), std::min(a[3], b[3]) - std::max(a[1], b[1]));
    const real joint = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h;
    const real hull = (std::max(a[2], b[2]) - std::min(a[0], b[0])) * (std::max(a[3], b[3]) - std::min(a[1], b[1]));
    return w * h / joint - (hull - joint) / hull;
}

/// What is constant of the loss, from the assignment alone.
struct constants {
    std::vector<int> row;
    std::vector<real> quality;
    real normaliser = 1;
};

constants constants_of(const std::vector<std::int32_t>& truth, const std::vector<real>& metric,
                       const std::vector<real>& overlap) {
    constants c{{truth.begin(), truth.end()}, std::vector<real>(truth.size()), 0};
    for (std::size_t e = 0; e < truth.size(); ++e) {
        if (truth[e] < 0) continue;
        real most = 0;
        real best = 0;
        for (std::size_t o = e / queries * queries; o < (e / queries + 1) * queries; ++o) {
            if (truth[o] != truth[e]) continue;
            most = std::max(most, metric[o]);
            best = std::max(best, overlap[o]);
        }
        c.quality[e] = metric[e] / (most + real(1e-7)) * best;
        c.normaliser += c.quality[e];
    }
    c.normaliser = std::max(c.normaliser, real(1));
    return c;
}

/// Both losses of an image.
std::pair<real, real> by_hand(const scene& s, const constants& c, std::size_t image,
                              const boxgrad::truth_list<double>& t) {
    real classes_loss = 0;
    real boxes_loss = 0;
    const std::size_t first = static_cast<std::size_t>(t.offsets[image]);
    if (t.offsets[image] == t.offsets[image + 1]) return {0, 0};
    for (std::size_t e = image * queries; e < (image + 1) * queries; ++e) {
        const std::size_t g = first + static_cast<std::size_t>(std::max(c.row[e], 0));
        for (std::size_t k = 0; k < classes; ++k) {
            const real x = s.logits[e * classes + k];
            const real p = 1 / (1 + std::exp(-x));
            const real q = c.row[e] >= 0 && t.labels[g] == static_cast<std::int64_t>(k) ? c.quality[e] : 0;
            classes_loss += (p - q) * (p - q) * (std::log1p(std::exp(x)) - q * x);
        }
        if (c.row[e] >= 0) boxes_loss += 2 * c.quality[e] * (1 - giou_of(&s.boxes[4 * e], t.boxes[g]));
    }
    const real n = (1 + real(0x1p-23)) * c.normaliser;
    return {classes_loss / n, boxes_loss / n};
}

template <class B>
auto tensor(const B& b, count columns, const std::vector<real>& v) {
    const std::vector<typename B::scalar> t(v.begin(), v.end());
    return boxgrad::from_host<typename B::scalar>(b, boxgrad::extents<3>{{images, queries, columns}}, t.data());
}
template <class T>
std::vector<real> wide(const std::vector<T>& v) {
    return {v.begin(), v.end()};
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("DDQ's auxiliary loss on every backend", "[loss][ddq]", test::backends) {
    const TestType b{};
    using T = typename TestType::scalar;
    const double tolerance = std::is_same_v<T, float> ? 2e-5 : 1e-8;
    scene s;
    const auto t = truths<double>();
    loss::ddq_aux<> l;
    l.assigner.topk = 3;
    const auto x = tensor(b, classes, s.logits);
    const auto p = tensor(b, 4, s.boxes);
    const auto targets = l.prepare(b, x, p, truths<T>(), shapes);
    const auto c = constants_of(test::to_host<2>(b, targets.assignment.truth),
                                wide(test::to_host<2>(b, targets.assignment.metric)),
                                wide(test::to_host<2>(b, targets.assignment.overlap)));
    CHECK(std::count_if(c.row.begin(), c.row.end(), [](int r) { return r >= 0; }) == 9);
    CHECK(std::abs(targets.normaliser() - static_cast<double>(c.normaliser)) <= tolerance);
    const auto r = l.value_and_gradient(b, x, p, truths<T>(), shapes, {{1, 2, 3}, {}});
    const auto value = l.value(b, x, p, truths<T>(), shapes);
    for (std::size_t i = 0; i < images; ++i) {
        const auto e = by_hand(s, c, i, t);
        CHECK(std::abs(static_cast<double>(r.value.classes[i]) - static_cast<double>(e.first)) <= tolerance);
        CHECK(std::abs(static_cast<double>(r.value.boxes[i]) - static_cast<double>(e.second)) <= tolerance);
        CHECK((value.classes[i] == r.value.classes[i] && value.boxes[i] == r.value.boxes[i]));
    }
    const auto of_logits = test::differences(s.logits, [&](const auto& v) {
        scene moved = s;
        moved.logits = v;
        real sum = 0;
        for (std::size_t i = 0; i < images; ++i) sum += static_cast<real>(i + 1) * by_hand(moved, c, i, t).first;
        return sum;
    });
    const auto of_boxes = test::differences(s.boxes, [&](const auto& v) {
        scene moved = s;
        moved.boxes = v;
        real sum = 0;
        for (std::size_t i = 0; i < images; ++i) sum += by_hand(moved, c, i, t).second;
        return sum;
    });
    CHECK(test::largest_difference(test::to_host<3>(b, r.classes), of_logits) <= tolerance);
    CHECK(test::largest_difference(test::to_host<3>(b, r.boxes), of_boxes) <= tolerance);
}

TEST_CASE("DDQ's auxiliary loss of probabilities is that of their logits", "[loss][ddq]") {
    const boxgrad::memory<double> b;
    const scene s;
    auto probabilities = s.logits;
    for (real& x : probabilities) x = 1 / (1 + std::exp(-x));
    const auto boxes = tensor(b, 4, s.boxes);
    const auto r =
        loss::ddq_aux<>{}.value_and_gradient(b, tensor(b, classes, s.logits), boxes, truths<double>(), shapes);
    const auto q = loss::ddq_aux<loss::probability_quality_focal>{}.value_and_gradient(
        b, tensor(b, classes, probabilities), boxes, truths<double>(), shapes);
    CHECK(test::near(r.value.classes, q.value.classes, 64));
    CHECK(test::near(r.value.boxes, q.value.boxes, 64));
    auto chained = test::to_host<3>(b, q.classes);
    for (std::size_t e = 0; e < chained.size(); ++e)
        chained[e] *= static_cast<double>(probabilities[e] * (1 - probabilities[e]));
    CHECK(test::near(test::to_host<3>(b, r.classes), chained, 64));

    const loss::ddq_aux<> l{};
    const auto x = tensor(b, classes, s.logits);
    const auto targets = l.prepare(b, x, boxes, truths<double>(), shapes);
    CHECK(l.value(b, x, boxes, targets, 2 * targets.normaliser()).classes[0] == r.value.classes[0] / 2);
    CHECK_THROWS_AS(l.value(b, x, boxes, targets, 0.0), boxgrad::config_error);
    CHECK_THROWS_AS(l.value_and_gradient(b, x, boxes, targets, 1.0, {{1}, {}}), boxgrad::shape_error);
    auto bad = truths<double>();
    bad.labels[1] = classes;
    CHECK(test::refusal<boxgrad::gt_error>([&] { l.value(b, x, boxes, bad, shapes); }).find("row 1") !=
          std::string::npos);
}
