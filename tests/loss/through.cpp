// SPDX-License-Identifier: Apache-2.0
//
// Losses taken through a coder: what `through` gives in one pass is what decoding, the loss of the boxes and the
// gradient of decoding give in three.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/coder/delta_xywh.hpp>
#include <boxgrad/coder/distance_point.hpp>
#include <boxgrad/coder/linear_distance.hpp>
#include <boxgrad/coder/pseudo.hpp>
#include <boxgrad/coder/tblr.hpp>
#include <boxgrad/coder/yolo.hpp>
#include <boxgrad/coder/yolov5.hpp>
#include <boxgrad/coder/yolox.hpp>
#include <boxgrad/loss/bounded_iou.hpp>
#include <boxgrad/loss/ciou.hpp>
#include <boxgrad/loss/giou.hpp>
#include <boxgrad/loss/iou.hpp>
#include <boxgrad/loss/through.hpp>
#include <boxgrad/prior/mlvl_point_generator.hpp>
#include <boxgrad/prior/yolo_anchor_generator.hpp>

#include <cmath>
#include <cstring>
#include <random>
#include <string>

namespace {

namespace coder = boxgrad::coder;
namespace loss = boxgrad::loss;
namespace prior = boxgrad::prior;
namespace red = boxgrad::reduction;
using boxgrad::box;
using boxgrad::image_shape;
using boxgrad::view;
using position = boxgrad::index;
using test::extents;
using memory = boxgrad::memory<double>;

/// Several terms as one, so that each coder is compiled with one.
struct any_term {
    int which = 0;

    template <boxgrad::number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& p, const box<V>& t) const {
        switch (which) {
            case 0:
                return loss::iou<loss::iou_mode::log>{}(p, t);
            case 1:
                return loss::iou<loss::iou_mode::square>{}(p, t);
            case 2:
                return loss::giou{}(p, t);
            default:
                return loss::ciou{}(p, t);
        }
    }
};
constexpr int terms = 4;

template <class C>
inline constexpr bool takes_points = std::same_as<typename C::template prior_of<float>, prior::point<float>>;

/// Calls f(name, coder, low, high) with every coder and a range of codes.
template <class F>
void for_each_coder(F&& f) {
    f("delta", coder::delta_xywh{.target_means = {0.1, -0.2, 0.05, 0}, .target_stds = {0.1, 0.1, 0.2, 0.3}}, -4.0, 4.0);
    f("delta, bounded", coder::delta_xywh{.clamp = coder::delta_clamp::center, .ctr_clamp = 20, .wh_ratio_clip = 0.3},
      -2.0, 2.0);
    f("legacy delta", coder::legacy_delta_xywh{.target_stds = {0.5, 1, 2, 1}}, -1.0, 1.0);
    f("glip delta", coder::glip_delta_xywh{}, -1.0, 1.0);
    f("yolox", coder::yolox{}, -1.0, 2.0);
    f("yolo", coder::yolo{.stride = 8}, 0.05, 0.95);
    f("yolov5", coder::yolov5{.stride = 8}, -2.0, 2.0);
    f("tblr", coder::tblr{.normalizer = {4, 3, 2, 1}}, -0.1, 0.5);
    f("distance", coder::distance_point{}, -5.0, 40.0);
    f("linear", coder::linear_distance{.sign = coder::distance_sign::any}, -0.2, 1.0);
    f("linear, positive", coder::linear_distance{.normalize_by_size = false}, -5.0, 50.0);
    f("pseudo", coder::pseudo{}, 0.0, 400.0);
}

template <class T>
std::vector<T> uniform(unsigned seed, std::size_t n, double low, double high) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> u(low, high);
    std::vector<T> v(n);
    for (T& x : v) x = static_cast<T>(u(random));
    return v;
}
/// Prior boxes in a picture of 400; points with strides.
template <class C, class T = double>
std::vector<T> priors_of(unsigned seed, std::size_t n) {
    auto v = uniform<T>(seed, 4 * n, 0, 360);
    const auto s = uniform<T>(seed + 1, 2 * n, 4, 120);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t c = 0; c < 2; ++c) {
            v[4 * i + 2 + c] = takes_points<C> ? T(4) * static_cast<T>(1 + (i + c) % 8) : v[4 * i + c] + s[2 * i + c];
        }
    }
    return v;
}
template <class T>
view<const T, 2> rows_of(const std::vector<T>& v, position columns = 4) {
    return {v.data(), {{static_cast<position>(v.size()) / columns, columns}}};
}
template <class X>
view<const double, 2> rows_of(const X& x) {
    return {x.data.data(), x.shape};
}
/// Boxes near those that are given: most overlap them, some are apart.
template <class X>
std::vector<double> targets_near(const X& boxes, unsigned seed) {
    std::vector<double> t(boxes.data.begin(), boxes.data.end());
    const auto shift = uniform<double>(seed, t.size(), -0.4, 0.4);
    for (std::size_t i = 0; i < t.size(); i += 4) {
        const double w = std::max(t[i + 2] - t[i], 2.0);
        const double h = std::max(t[i + 3] - t[i + 1], 2.0);
        const double away = i % 28 == 0 ? 1.5 : 0;
        t[i] += w * (shift[i] + away);
        t[i + 1] += h * shift[i + 1];
        t[i + 2] = t[i] + w * (1 + shift[i + 2]);
        t[i + 3] = t[i + 1] + h * (1 + shift[i + 3]);
    }
    return t;
}

template <class Term>
loss::weighted<Term> weigh(double weight, const Term& term) {
    return {weight, term};
}

bool close(const auto& a, const auto& b) {
    if (a.data.size() != b.data.size()) return false;
    for (std::size_t i = 0; i < a.data.size(); ++i) {
        if (!(std::abs(a.data[i] - b.data[i]) <= 1e-12 * std::max(1.0, std::abs(b.data[i])))) return false;
    }
    return true;
}
/// Relative to what each number is a sum of: the largest slope of a row's corners, and that of its codes.
bool close_rows(const auto& a, const auto& b, const auto& corners) {
    if (a.data.size() != b.data.size()) return false;
    for (std::size_t i = 0; i < a.data.size(); i += 4) {
        double size = 0;
        for (std::size_t k = i; k < i + 4; ++k) size = std::max({size, std::abs(b.data[k]), std::abs(corners.data[k])});
        for (std::size_t k = i; k < i + 4; ++k) {
            if (!(std::abs(a.data[k] - b.data[k]) <= 1e-12 * size)) return false;
        }
    }
    return true;
}
bool same(const auto& a, const auto& b) {
    return a.data.size() == b.data.size() &&
           std::memcmp(a.data.data(), b.data.data(), a.data.size() * sizeof(double)) == 0;
}

}  // namespace

TEST_CASE("through a coder: value and gradient are those of three steps", "[loss][through]") {
    const memory b;
    for_each_coder([&](const char* name, const auto& c, double low, double high) {
        using C = std::remove_cvref_t<decltype(c)>;
        const std::size_t n = 301;
        const auto priors = priors_of<C>(1, n);
        const auto p = rows_of(priors);
        const auto codes = uniform<double>(3, 4 * n, low, high);
        const auto x = rows_of(codes);
        const auto weight = uniform<double>(4, n, 0, 2);
        const auto weight4 = uniform<double>(5, 4 * n, 0, 2);
        const auto upstream = uniform<double>(6, n, -1, 1);
        const auto upstream4 = uniform<double>(7, 4 * n, -1, 1);
        for (const image_shape border : {image_shape{}, image_shape{.h = 300, .w = 350}}) {
            const auto boxes = coder::decode(b, c, p, x, border);
            const auto targets = targets_near(boxes, 8);
            const auto t = rows_of(targets);
            for (int k = 0; k < terms; ++k) {
                INFO(name << ", term " << k << (border.h > 0 ? ", border" : ""));
                const loss::weighted<any_term> term{0.7, any_term{k}};  // inside
                const auto whole = loss::through(c, term, p, border);
                const auto of_boxes = loss::value_and_gradient(b, term, red::none{}, boxes, t, weight, upstream);
                const auto got = loss::value_and_gradient(b, whole, red::none{}, x, t, weight, upstream);
                CHECK(close(got.value, of_boxes.value));
                CHECK(close_rows(got.gradient, coder::decode_gradient(b, c, p, x, of_boxes.gradient, border),
                                 of_boxes.gradient));

                const auto over =
                    loss::value_and_gradient(b, term, red::mean_over{7.5}, boxes, t, rows_of(weight4), 2.0);
                const auto got_over =
                    loss::value_and_gradient(b, whole, red::mean_over{7.5}, x, t, rows_of(weight4), 2.0);
                CHECK(got_over.value == Approx(over.value).epsilon(1e-12));
                CHECK(close_rows(got_over.gradient, coder::decode_gradient(b, c, p, x, over.gradient, border),
                                 over.gradient));
                CHECK(loss::value(b, whole, red::mean_over{7.5}, x, t, rows_of(weight4)) ==
                      Approx(over.value).epsilon(1e-12));
            }
            INFO(name << ", bounded");
            const loss::weighted<loss::bounded_iou> term{1.3};
            const auto whole = weigh(1.3, loss::through(c, loss::bounded_iou{}, p, border));  // outside
            const auto of_boxes =
                loss::value_and_gradient(b, term, red::none{}, boxes, t, rows_of(weight4), rows_of(upstream4));
            const auto got =
                loss::value_and_gradient(b, whole, red::none{}, x, t, rows_of(weight4), rows_of(upstream4));
            CHECK(close(got.value, of_boxes.value));
            CHECK(close_rows(got.gradient, coder::decode_gradient(b, c, p, x, of_boxes.gradient, border),
                             of_boxes.gradient));
            const auto mean = loss::value_and_gradient(b, term, red::mean{}, boxes, t, weight);
            const auto got_mean = loss::value_and_gradient(b, whole, red::mean{}, x, t, weight);
            CHECK(got_mean.value == Approx(mean.value).epsilon(1e-12));
            CHECK(close_rows(got_mean.gradient, coder::decode_gradient(b, c, p, x, mean.gradient, border),
                             mean.gradient));
        }
    });
}

TEST_CASE("through a coder: priors of a grid, and strides in a column", "[loss][through]") {
    const memory b;
    const prior::yolo_anchor_generator anchors{{7.5}, {{{10, 13}, {16, 30}, {33, 23}}}};
    const prior::with_strides points{prior::mlvl_point_generator{{{7.5, 12}}, 0.5}};
    const boxgrad::featmap_size size{4, 5};
    const auto compare = [&](const auto& c, const auto& grid, const auto& stored) {
        const auto n = static_cast<std::size_t>(grid.size());
        const auto codes = uniform<double>(10, 4 * n, 0.1, 0.9);
        const auto targets = targets_near(coder::decode(b, c, grid, rows_of(codes)), 11);
        const any_term term{3};
        const auto computed =
            loss::value_and_gradient(b, loss::through(c, term, grid), red::none{}, rows_of(codes), rows_of(targets));
        const auto read =
            loss::value_and_gradient(b, loss::through(c, term, stored), red::none{}, rows_of(codes), rows_of(targets));
        CHECK(same(computed.value, read.value));
        CHECK(same(computed.gradient, read.gradient));
        CHECK(std::abs(computed.gradient.data[5]) > 0);
    };
    const auto boxes = anchors.grid<double>(0, size);
    const auto centres = points.grid<double>(0, size);
    const auto stored_boxes = prior::single_level_grid_priors(b, anchors, size, 0);
    const auto stored_centres = prior::single_level_grid_priors(b, points, size, 0);
    compare(coder::delta_xywh{}, boxes, stored_boxes);
    compare(coder::yolo{.stride = 8}, boxes, stored_boxes);
    compare(coder::yolox{}, centres, stored_centres);
    compare(coder::distance_point{}, centres, stored_centres);

    // The stride of YOLOv3 in a fifth column.
    std::vector<double> five;
    for (std::size_t i = 0; i < stored_boxes.data.size(); i += 4) {
        for (std::size_t k = i; k < i + 4; ++k) five.push_back(stored_boxes.data[k]);
        five.push_back(8);
    }
    compare(coder::yolo{.stride = 8}, boxes, rows_of(five, 5));
}

TEST_CASE("through a coder: what does not fit is refused before anything is written", "[loss][through]") {
    const memory b;
    const std::vector<double> priors{0, 0, 10, 10, 5, 5, 30, 20};
    const std::vector<double> codes(8, 0.1);
    const std::vector<double> targets{1, 1, 12, 9, 4, 6, 28, 22};
    std::vector<double> gradient(8, -7.0);
    view<double, 2> g{gradient.data(), {{2, 4}}};
    const auto message = [&](const auto& term, const auto& x, const auto& t) -> std::string {
        try {
            loss::value_and_gradient_into(b, term, red::sum{}, x, t, g);
        } catch (const boxgrad::error& e) {
            return e.what();
        }
        return "";
    };
    const auto p = rows_of(priors);
    const auto one = view<const double, 2>(priors.data(), {{1, 4}});
    const coder::delta_xywh delta;
    CHECK(message(loss::through(delta, loss::giou{}, p), rows_of(codes), rows_of(targets)).empty());
    std::fill(gradient.begin(), gradient.end(), -7.0);

    const auto number = message(loss::through(delta, loss::giou{}, one), rows_of(codes), rows_of(targets));
    CHECK(number.find("loss::value_and_gradient") != std::string::npos);
    CHECK(number.find("priors") != std::string::npos);
    const auto pairs = rows_of(priors, 2);
    const auto columns = message(loss::through(delta, loss::giou{}, pairs), rows_of(codes), rows_of(targets));
    CHECK(columns.find("priors") != std::string::npos);
    CHECK(message(loss::through(delta, loss::giou{}, p), rows_of(codes, 8), rows_of(targets)).find("prediction") !=
          std::string::npos);
    const auto few = view<const double, 2>(targets.data(), {{1, 4}});
    CHECK(message(loss::through(delta, loss::giou{}, p), rows_of(codes), few).find("target") != std::string::npos);
    const coder::delta_xywh bad{.target_stds = {1, 0, 1, 1}};
    CHECK(message(loss::through(bad, loss::giou{}, p), rows_of(codes), rows_of(targets)).find("target_stds") !=
          std::string::npos);
    const coder::yolo no_stride{.stride = 0};
    CHECK(message(loss::through(no_stride, loss::giou{}, p), rows_of(codes), rows_of(targets)).find("stride") !=
          std::string::npos);
    const loss::bounded_iou negative{.beta = -1};
    CHECK(message(loss::through(delta, negative, p), rows_of(codes), rows_of(targets)).find("beta") !=
          std::string::npos);
    CHECK(message(weigh(2.0, loss::through(delta, negative, p)), rows_of(codes), rows_of(targets)).find("beta") !=
          std::string::npos);
    for (const double x : gradient) CHECK(x == -7.0);

    // The gradient may not overlie the priors.
    const view<const double, 2> inside{gradient.data(), {{2, 4}}};
    CHECK(message(loss::through(delta, loss::giou{}, inside), rows_of(codes), rows_of(targets)).find("priors") !=
          std::string::npos);
}

TEST_CASE("through a coder: no rows, rows of weight 0, codes that are not finite", "[loss][through]") {
    const memory b;
    const std::vector<double> none;
    const view<const double, 2> no_rows{none.data(), {{0, 4}}};
    const auto empty = loss::value_and_gradient(b, loss::through(coder::delta_xywh{}, loss::giou{}, no_rows),
                                                red::mean{}, no_rows, no_rows);
    CHECK(empty.value == 0);
    CHECK(empty.gradient.data.empty());

    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> priors{0, 0, 10, 10, nan, 5, 30, 20};
    const std::vector<double> codes{0.1, 0.1, 0.1, 0.1, nan, std::numeric_limits<double>::infinity(), 1e300, 0};
    const std::vector<double> targets{1, 1, 12, 9, 4, 6, 28, 22};
    const std::vector<double> weight{1, 0};
    const auto p = rows_of(priors);
    const auto r = loss::value_and_gradient(b, loss::through(coder::delta_xywh{}, loss::giou{}, p), red::sum{},
                                            rows_of(codes), rows_of(targets), weight);
    CHECK(std::isfinite(r.value));
    CHECK(r.value > 0);
    for (std::size_t i = 4; i < 8; ++i) CHECK(r.gradient.data[i] == 0);
}

TEMPLATE_LIST_TEST_CASE("through a coder on every backend", "[loss][through]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const position n = 37;
    const auto priors = priors_of<coder::yolox, T>(20, static_cast<std::size_t>(n));
    const auto codes = uniform<T>(21, static_cast<std::size_t>(4 * n), -1, 2);
    const auto targets = priors_of<coder::pseudo, T>(22, static_cast<std::size_t>(n));
    const image_shape border{.h = 380, .w = 380};
    const extents<2> e{{n, 4}};
    const auto p = test::from_host(b, e, priors);
    const auto term = loss::through(coder::yolox{}, loss::giou{}, p, border);
    const auto r =
        loss::value_and_gradient(b, term, red::none{}, test::from_host(b, e, codes), test::from_host(b, e, targets));
    const auto value = test::to_host<1>(b, r.value);
    const auto gradient = test::to_host<2>(b, r.gradient);
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
        using D = boxgrad::dual<double, 4>;
        const auto at = [&](const std::vector<T>& v, std::size_t k) { return static_cast<double>(v[4 * i + k]); };
        const prior::point<double> point{at(priors, 0), at(priors, 1), at(priors, 2), at(priors, 3)};
        const coder::xywh<D> code{D::variable(at(codes, 0), 0), D::variable(at(codes, 1), 1),
                                  D::variable(at(codes, 2), 2), D::variable(at(codes, 3), 3)};
        const box<double> t{at(targets, 0), at(targets, 1), at(targets, 2), at(targets, 3)};
        const D l =
            loss::giou{}(boxgrad::clip(coder::yolox{}.decode(point, code), border), boxgrad::as_constants<D>(t));
        CHECK(test::near(value[i], static_cast<T>(l.value), 64));
        for (std::size_t k = 0; k < 4; ++k) CHECK(test::near(gradient[4 * i + k], static_cast<T>(l.partial[k]), 64));
    }
}
