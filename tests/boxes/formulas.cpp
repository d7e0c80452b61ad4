// SPDX-License-Identifier: Apache-2.0
//
// Formulas over boxes on every backend against plain arithmetic in double; layouts, NaN, gradients, errors.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxes/area.hpp>
#include <boxgrad/boxes/clip.hpp>
#include <boxgrad/boxes/convert.hpp>
#include <boxgrad/boxes/corners.hpp>
#include <boxgrad/boxes/flip.hpp>
#include <boxgrad/boxes/rescale.hpp>
#include <boxgrad/prior/anchor_generator.hpp>

#include <cmath>
#include <random>

namespace {

namespace boxes = boxgrad::boxes;
using boxes::box_format;
using boxes::flip_direction;
using boxgrad::box;
using boxgrad::fields;
using boxgrad::image_shape;
using test::extents;
using whole = std::ptrdiff_t;

const image_shape picture{.h = 40.5, .w = 61};
const boxes::homography turned{{{0.9, -0.4, 3}, {0.35, 1.1, -2}, {1e-3, -2e-3, 1.25}}};

/// Sizes from 2^-7 to 64, one in eight inverted, one in eight without an area.
template <class T>
std::vector<T> random_boxes(int n, unsigned seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> place(-20, 80);
    std::uniform_real_distribution<double> log_size(-7, 6);
    std::vector<T> v;
    for (int i = 0; i < n; ++i) {
        const double x = place(random);
        const double y = place(random);
        const auto kind = random() % 8;
        const double w = kind == 0 ? -std::exp2(log_size(random)) : kind == 1 ? 0.0 : std::exp2(log_size(random));
        for (const double c : {x, y, x + w, y + std::exp2(log_size(random))}) v.push_back(static_cast<T>(c));
    }
    return v;
}

/// Where rows of four lie: the first element, and the strides.
struct layout {
    whole first, row, column;
};

/// A result of some columns, row by row.
struct table {
    const char* name;
    std::size_t columns;
    std::vector<double> at;
};

template <class T>
std::vector<double> widened(const std::vector<T>& v) {
    return {v.begin(), v.end()};
}

/// Every function that makes a row of numbers from each box.
template <class B, class X>
std::vector<table> all_results(const B& b, const X& x) {
    using enum box_format;
    const auto rows = [&](const char* name, std::size_t columns, const auto& t) {
        return table{name, columns, widened(test::to_host<2>(b, t))};
    };
    std::vector<table> r;
    r.push_back(rows("xyxy -> xywh", 4, boxes::convert<xyxy, xywh>(b, x)));
    r.push_back(rows("xyxy -> cxcywh", 4, boxes::convert<xyxy, cxcywh>(b, x)));
    r.push_back(rows("xyxy -> cxcyah", 4, boxes::convert<xyxy, cxcyah>(b, x)));
    r.push_back(rows("xywh -> xyxy", 4, boxes::convert<xywh, xyxy>(b, x)));
    r.push_back(rows("cxcywh -> xyxy", 4, boxes::convert<cxcywh, xyxy>(b, x)));
    r.push_back(rows("cxcyah -> xyxy", 4, boxes::convert<cxcyah, xyxy>(b, x)));
    r.push_back({"area", 1, widened(test::to_host<1>(b, boxes::area(b, x)))});
    r.push_back(rows("clip", 4, boxes::clip(b, x, picture)));
    r.push_back(rows("rescale", 4, boxes::rescale(b, x, 1.7)));
    r.push_back(rows("scale", 4, boxes::scale(b, x, {0.3, 1.9})));
    r.push_back(rows("flip horizontal", 4, boxes::flip(b, x, picture)));
    r.push_back(rows("flip vertical", 4, boxes::flip(b, x, picture, flip_direction::vertical)));
    r.push_back(rows("flip diagonal", 4, boxes::flip(b, x, picture, flip_direction::diagonal)));
    r.push_back(rows("corners", 8, boxes::corners(b, x)));
    r.push_back(rows("project", 4, boxes::project(b, x, turned)));
    r.push_back(rows("project and clip", 4, boxes::project(b, x, turned, picture)));
    return r;
}

/// The same of one box, in double and in other words.
std::vector<std::vector<double>> by_hand(const double* p, bool single) {
    const double a = p[0], b = p[1], c = p[2], d = p[3];
    const auto rounded = [&](double x) { return single ? static_cast<double>(static_cast<float>(x)) : x; };
    const auto within = [](double x, double end) { return x < 0 ? 0 : x > end ? end : x; };
    std::vector<std::vector<double>> r;
    r.push_back({a, b, c - a, d - b});
    r.push_back({a + (c - a) / 2, b + (d - b) / 2, c - a, d - b});
    r.push_back({a + (c - a) / 2, b + (d - b) / 2, (c - a) / (d - b), d - b});
    r.push_back({a, b, a + c, b + d});
    r.push_back({a - c / 2, b - d / 2, a + c / 2, b + d / 2});
    r.push_back({a - c * d / 2, b - d / 2, a + c * d / 2, b + d / 2});
    r.push_back({c > a && d > b ? (c - a) * (d - b) : 0.0});
    r.push_back({within(a, 61), within(b, 40.5), within(c, 61), within(d, 40.5)});
    const double f = rounded(1.7);
    r.push_back({a + (c - a) * (1 - f) / 2, b + (d - b) * (1 - f) / 2, a + (c - a) * (1 + f) / 2, b + (d - b) * (1 + f) / 2});
    r.push_back({a * rounded(0.3), b * rounded(1.9), c * rounded(0.3), d * rounded(1.9)});
    r.push_back({61 - c, b, 61 - a, d});
    r.push_back({a, 40.5 - d, c, 40.5 - b});
    r.push_back({61 - c, 40.5 - d, 61 - a, 40.5 - b});
    r.push_back({a, b, c, b, a, d, c, d});
    double low[2] = {boxgrad::infinity<double>, boxgrad::infinity<double>};
    double high[2] = {-low[0], -low[1]};
    for (const double x : {a, c}) {
        for (const double y : {b, d}) {
            double q[3];
            for (int k = 0; k < 3; ++k) q[k] = rounded(turned.at[k][0]) * x + rounded(turned.at[k][1]) * y + rounded(turned.at[k][2]);
            for (int k = 0; k < 2; ++k) {
                low[k] = std::min(low[k], q[k] / q[2]);
                high[k] = std::max(high[k], q[k] / q[2]);
            }
        }
    }
    r.push_back({low[0], low[1], high[0], high[1]});
    r.push_back({within(low[0], 61), within(low[1], 40.5), within(high[0], 61), within(high[1], 40.5)});
    return r;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("functions over boxes are their formulas", "[boxes]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const std::size_t n = 53;
    const auto v = random_boxes<T>(static_cast<int>(n), 1);
    const auto results = all_results(b, test::from_host(b, extents<2>{{whole{53}, 4}}, v));
    for (std::size_t i = 0; i < n; ++i) {
        double p[4];
        for (std::size_t c = 0; c < 4; ++c) p[c] = static_cast<double>(v[4 * i + c]);
        const auto expected = by_hand(p, sizeof(T) == 4);
        REQUIRE(expected.size() == results.size());
        for (std::size_t k = 0; k < results.size(); ++k) {
            const table& r = results[k];
            REQUIRE(r.at.size() == n * r.columns);
            // Sums cancel, so rounding is that of the largest number in the row; 2^7 is the largest coordinate.
            // Six roundings of half an ε at most, and in the projection those of its divisor, at least 1, as well.
            double size = 128;
            for (const double e : expected[k]) size = std::max(size, std::abs(e));
            if (k == 5) size = std::max(size, std::abs(p[2] * p[3]));
            const double bound = 4 * static_cast<double>(std::numeric_limits<T>::epsilon()) * size;
            for (std::size_t c = 0; c < r.columns; ++c) {
                const double got = r.at[i * r.columns + c];
                INFO(r.name << ", box " << i << ", column " << c << ": " << got << ", not " << expected[k][c]);
                CHECK((std::abs(got - expected[k][c]) <= bound || (std::isinf(got) && got == expected[k][c])));
            }
        }
    }
    // The reverse of corners, and rois.
    const auto corners = boxes::corners(b, test::from_host(b, extents<2>{{whole{53}, 4}}, v));
    const auto around = test::to_host<2>(b, boxes::from_corners(b, corners));
    std::vector<T> rois, expected_rois;
    const auto alone = test::to_host<2>(b, boxes::rescale(b, test::from_host(b, extents<2>{{whole{53}, 4}}, v), 1.7));
    for (std::size_t i = 0; i < n; ++i) {
        CHECK(around[4 * i] == std::min(v[4 * i], v[4 * i + 2]));
        CHECK(around[4 * i + 1] == std::min(v[4 * i + 1], v[4 * i + 3]));
        CHECK(around[4 * i + 2] == std::max(v[4 * i], v[4 * i + 2]));
        CHECK(around[4 * i + 3] == std::max(v[4 * i + 1], v[4 * i + 3]));
        rois.push_back(static_cast<T>(i % 3));
        expected_rois.push_back(static_cast<T>(i % 3));
        for (std::size_t c = 0; c < 4; ++c) {
            rois.push_back(v[4 * i + c]);
            expected_rois.push_back(alone[4 * i + c]);
        }
    }
    CHECK(test::to_host<2>(b, boxes::rescale(b, test::from_host(b, extents<2>{{whole{53}, 5}}, rois), 1.7)) == expected_rois);

    // No boxes: results without rows.
    for (const table& r : all_results(b, test::from_host(b, extents<2>{{0, 4}}, std::vector<T>{}))) {
        INFO(r.name);
        CHECK(r.at.empty());
    }
    CHECK(test::to_host<2>(b, boxes::from_corners(b, test::from_host(b, extents<2>{{0, 2}}, std::vector<T>{}))).empty());
}

TEMPLATE_TEST_CASE("P30 boxes: views give the bits of rows without gaps", "[boxes][promise]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    const whole n = 37;
    const auto v = random_boxes<T>(static_cast<int>(n), 2);
    const auto expected = all_results(b, boxgrad::view<const T, 2>(v.data(), {{n, 4}}));
    std::vector<T> wide(static_cast<std::size_t>(n * 11 + 3), boxgrad::not_a_number<T>);
    for (const layout l : {layout{3, 11, 1}, layout{3, 4, 1}, layout{0, 1, n}, layout{n * 11 - 11, -11, 2}, layout{6, 11, -2}}) {
        boxgrad::view<T, 2> x(wide.data() + l.first, {{n, 4}}, {{l.row, l.column}});
        for (whole i = 0; i < n; ++i) {
            for (whole c = 0; c < 4; ++c) x(i, c) = v[static_cast<std::size_t>(4 * i + c)];
        }
        const auto got = all_results(b, x);
        for (std::size_t k = 0; k < got.size(); ++k) {
            INFO(got[k].name << ", strides " << l.row << " " << l.column);
            CHECK(got[k].at == expected[k].at);
        }
    }
}

TEST_CASE("boxes that are computed give the bits of boxes that are stored", "[boxes]") {
    const boxgrad::memory<float> b;
    boxgrad::prior::anchor_generator anchors;
    anchors.strides = {7.3};
    anchors.ratios = {0.5, 1, 2};
    anchors.scales = {1, 3};
    const auto computed = all_results(b, anchors.grid<float>(0, {3, 5}));
    const auto stored = all_results(b, boxgrad::prior::single_level_grid_priors(b, anchors, {3, 5}, 0));
    for (std::size_t k = 0; k < computed.size(); ++k) {
        INFO(computed[k].name);
        CHECK(computed[k].at == stored[k].at);
    }
}

TEMPLATE_TEST_CASE("a NaN reaches its own row only, and there every number that depends on it", "[boxes]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    const whole n = 19;
    const auto clean = random_boxes<T>(static_cast<int>(n), 3);
    const auto before = all_results(b, boxgrad::view<const T, 2>(clean.data(), {{n, 4}}));
    for (std::size_t hit : {std::size_t{0}, std::size_t{7}, std::size_t{18}}) {
        for (std::size_t c = 0; c < 4; ++c) {
            auto v = clean;
            v[4 * hit + c] = boxgrad::not_a_number<T>;
            const auto after = all_results(b, boxgrad::view<const T, 2>(v.data(), {{n, 4}}));
            for (std::size_t k = 0; k < after.size(); ++k) {
                double p[4] = {3, 5, 11, 23};
                const auto other = by_hand(p, false)[k];
                p[c] += 1;
                const auto moved = by_hand(p, false)[k];
                for (std::size_t i = 0; i < after[k].at.size(); ++i) {
                    const std::size_t column = i % after[k].columns;
                    INFO(after[k].name << ", NaN at " << c << ", row " << i / after[k].columns << ", column " << column);
                    // What changes with the coordinate, but for the area of an empty box and the smallest box
                    // around projected corners, which depend on all of it.
                    const std::string name = after[k].name;
                    const bool depends = name == "area" || name.starts_with("project") || moved[column] != other[column];
                    if (i / after[k].columns == hit && depends) {
                        CHECK(std::isnan(after[k].at[i]));
                    } else {
                        CHECK((after[k].at[i] == before[k].at[i] || std::isnan(before[k].at[i])));
                    }
                }
            }
        }
    }
    for (std::size_t c = 0; c < 8; ++c) {
        std::vector<T> corners{1, 2, 5, 2, 1, 9, 5, 9};
        corners[c] = boxgrad::not_a_number<T>;
        const auto r = boxes::from_corners(b, boxgrad::view<const T, 2>(corners.data(), {{4, 2}}));
        const bool x = c % 2 == 0;
        CHECK(std::isnan(r(0, 0)) == x);
        CHECK(std::isnan(r(0, 1)) != x);
        CHECK(std::isnan(r(0, 2)) == x);
        CHECK(std::isnan(r(0, 3)) != x);
    }
}

TEST_CASE("numbers that the formulas name, worked by hand", "[boxes]") {
    using enum box_format;
    const box<double> x{1, 2, 5, 10};
    const auto is = [](const fields<double, 4>& f, std::array<double, 4> e) {
        return f[0] == e[0] && f[1] == e[1] && f[2] == e[2] && f[3] == e[3];
    };
    const auto equal = [&](const box<double>& a, std::array<double, 4> e) { return is(boxgrad::fields_of(a), e); };
    CHECK(is(boxes::from_box<xyxy>(x), {1, 2, 5, 10}));
    CHECK(is(boxes::from_box<xywh>(x), {1, 2, 4, 8}));
    CHECK(is(boxes::from_box<cxcywh>(x), {3, 6, 4, 8}));
    CHECK(is(boxes::from_box<cxcyah>(x), {3, 6, 0.5, 8}));
    CHECK(is(boxes::convert<cxcyah, xywh>(fields<double, 4>{{3, 6, 0.5, 8}}), {1, 2, 4, 8}));
    // To the same format: bits, also of what is no box.
    CHECK(is(boxes::convert<cxcywh, cxcywh>(fields<double, 4>{{1e300, 2, -7e300, 0.1}}), {1e300, 2, -7e300, 0.1}));
    CHECK(boxes::area(x) == 32);
    CHECK(boxes::area(box<double>{5, 2, 1, 10}) == 0);
    CHECK(boxes::area(box<double>{5, 10, 1, 2}) == 0);  // two negative sides are no area either
    CHECK(equal(boxes::rescale(x, 0.5), {2, 4, 4, 8}));
    CHECK(equal(boxes::scale(x, 2), {2, 4, 10, 20}));
    CHECK(equal(boxes::scale(x, {2, 0.5}), {2, 1, 10, 5}));
    CHECK(equal(boxes::flip(x, {.h = 12, .w = 6}, flip_direction::horizontal), {1, 2, 5, 10}));
    CHECK(equal(boxes::flip(x, {.h = 12, .w = 7}, flip_direction::horizontal), {2, 2, 6, 10}));
    CHECK(equal(boxes::flip(x, {.h = 11, .w = 7}, flip_direction::vertical), {1, 1, 5, 9}));
    CHECK(equal(boxes::flip(x, {.h = 11, .w = 7}, flip_direction::diagonal), {2, 1, 6, 9}));
    // A quarter turn, then half the size by the last row.
    CHECK(equal(boxes::project(x, {{{0, -1, 0}, {1, 0, 0}, {0, 0, 2}}}), {-5, 0.5, -1, 2.5}));
    CHECK(equal(boxes::project(x, boxes::homography{}), {1, 2, 5, 10}));
    static_assert(boxes::area(box<double>{1, 2, 5, 10}) == 32);
    static_assert(boxes::from_box<cxcywh>(box<float>{1, 2, 5, 10})[0] == 3);
}

TEST_CASE("on duals the formulas give their derivatives", "[boxes]") {
    using D = boxgrad::dual<double, 4>;
    const auto same = [](const D& d, double value, std::array<double, 4> g) {
        bool r = test::near(d.value, value, 4);
        for (int i = 0; i < 4; ++i) r = r && test::near(d.partial[i], g[static_cast<std::size_t>(i)], 4);
        return r;
    };
    const box<double> p{1, 2, 5, 10};
    const box<D> x = boxgrad::as_variables(p);
    CHECK(same(boxes::area(x), 32, {-8, -4, 8, 4}));
    CHECK(same(boxes::area(boxgrad::as_variables(box<double>{5, 2, 1, 10})), 0, {0, 0, 0, 0}));
    CHECK(same(boxes::area(boxgrad::as_variables(box<double>{1, 2, 1, 10})), 0, {-8, 0, 8, 0}));  // at the bound it passes
    const auto f = boxes::from_box<box_format::cxcyah>(x);
    CHECK(same(f[0], 3, {0.5, 0, 0.5, 0}));
    CHECK(same(f[2], 0.5, {-1.0 / 8, 4.0 / 64, 1.0 / 8, -4.0 / 64}));
    CHECK(same(f[3], 8, {0, -1, 0, 1}));
    const auto c = boxes::to_box<box_format::cxcyah>(fields<D, 4>{{D::variable(3, 0), D::variable(6, 1), D::variable(0.5, 2), D::variable(8, 3)}});
    CHECK(same(c.x1, 1, {1, 0, -4, -0.25}));
    CHECK(same(c.y2, 10, {0, 1, 0, 0.5}));
    const auto r = boxes::rescale(x, 3);
    CHECK(same(r.x1, -3, {2, 0, -1, 0}));
    CHECK(same(r.y2, 18, {0, -1, 0, 2}));
    CHECK(same(boxes::scale(x, {3, 4}).y1, 8, {0, 4, 0, 0}));
    CHECK(same(boxes::flip(x, {.h = 9, .w = 7}, flip_direction::diagonal).y1, -1, {0, 0, 0, -1}));
    // Two corners share each side, and its gradient.
    const auto around = boxes::from_corners(boxes::corners(x));
    CHECK(same(around.x1, 1, {1, 0, 0, 0}));
    CHECK(same(around.y1, 2, {0, 1, 0, 0}));
    CHECK(same(around.x2, 5, {0, 0, 1, 0}));
    CHECK(same(around.y2, 10, {0, 0, 0, 1}));
    // (x, y) -> (x + y/4, y) / (1 + x/8): the left side of the result is that of (x1, y1), the right of (x2, y2).
    const boxes::homography h{{{1, 0.25, 0}, {0, 1, 0}, {0.125, 0, 1}}};
    const auto q = boxes::project(x, h);
    const double z1 = 1 + 1.0 / 8, z2 = 1 + 5.0 / 8;
    CHECK(same(q.x1, 1.5 / z1, {(z1 - 1.5 / 8) / (z1 * z1), 0.25 / z1, 0, 0}));
    CHECK(same(q.x2, 7.5 / z2, {0, 0, (z2 - 7.5 / 8) / (z2 * z2), 0.25 / z2}));
}

TEST_CASE("P26 boxes: other shapes and parameters are refused, with the operation's name", "[boxes][promise]") {
    const boxgrad::memory<float> b;
    const auto x = test::rows(b, 4, {1, 2, 3, 4});
    const auto rois = test::rows(b, 5, {0, 1, 2, 3, 4});
    const auto three = test::rows(b, 3, {1, 2, 3});
    const auto refused = [](const auto& call, const std::string& name) {
        try {
            call();
        } catch (const boxgrad::shape_error& e) {
            return std::string(e.what()).starts_with("boxes::" + name + ": ") ? std::string("shape") : std::string(e.what());
        } catch (const boxgrad::config_error& e) {
            return std::string(e.what()).starts_with("boxes::" + name + ": ") ? std::string("config") : std::string(e.what());
        }
        return std::string("nothing");
    };
    const double nan = boxgrad::not_a_number<double>;
    const double inf = boxgrad::infinity<double>;
    const boxes::homography same;
    for (const auto* t : {&rois, &three}) {
        CHECK(refused([&] { boxes::convert<box_format::xyxy, box_format::xywh>(b, *t); }, "convert") == "shape");
        CHECK(refused([&] { boxes::area(b, *t); }, "area") == "shape");
        CHECK(refused([&] { boxes::clip(b, *t, picture); }, "clip") == "shape");
        CHECK(refused([&] { boxes::scale(b, *t, 2); }, "scale") == "shape");
        CHECK(refused([&] { boxes::flip(b, *t, picture); }, "flip") == "shape");
        CHECK(refused([&] { boxes::corners(b, *t); }, "corners") == "shape");
        CHECK(refused([&] { boxes::from_corners(b, *t); }, "from_corners") == "shape");
        CHECK(refused([&] { boxes::project(b, *t, same); }, "project") == "shape");
    }
    CHECK(refused([&] { boxes::rescale(b, three, 2); }, "rescale") == "shape");
    for (const auto& t : {test::rows(b, 2, {1, 2}), test::rows(b, 2, {1, 2, 3, 4}), test::rows(b, 2, {1, 2, 3, 4, 5, 6})}) {
        CHECK(refused([&] { boxes::from_corners(b, t); }, "from_corners") == "shape");
    }
    // 1e-60 and 1e60 are no floats.
    for (const double f : {0.0, -1.0, nan, inf, 1e60, 1e-60}) {
        INFO("factor " << f);
        CHECK(refused([&] { boxes::rescale(b, x, f); }, "rescale") == "config");
        CHECK(refused([&] { boxes::rescale(b, rois, f); }, "rescale") == "config");
        CHECK(refused([&] { boxes::scale(b, x, {f, 1}); }, "scale") == "config");
        CHECK(refused([&] { boxes::scale(b, x, {1, f}); }, "scale") == "config");
    }
    for (const double side : {-1.0, nan}) {
        for (const image_shape image : {image_shape{.h = side, .w = 9}, image_shape{.h = 9, .w = side}}) {
            CHECK(refused([&] { boxes::clip(b, x, image); }, "clip") == "config");
            CHECK(refused([&] { boxes::flip(b, x, image); }, "flip") == "config");
            CHECK(refused([&] { boxes::project(b, x, same, image); }, "project") == "config");
        }
    }
    CHECK(refused([&] { boxes::flip(b, x, {}); }, "flip") == "config");
    CHECK(refused([&] { boxes::flip(b, x, {.h = inf, .w = 9}, flip_direction::vertical); }, "flip") == "config");
    CHECK(refused([&] { boxes::flip(b, x, {.h = inf, .w = 9}, flip_direction::diagonal); }, "flip") == "config");
    CHECK(boxes::flip(b, x, {.h = inf, .w = 9}).data[0] == 6);
    CHECK(boxes::flip(b, x, {.h = 9, .w = inf}, flip_direction::vertical).data[1] == 5);
    for (int k = 0; k < 9; ++k) {
        for (const double bad : {nan, inf, -inf, 1e60}) {
            boxes::homography h;
            h.at[k / 3][k % 3] = bad;
            CHECK(refused([&] { boxes::project(b, x, h); }, "project") == "config");
        }
    }
    // A side without a bound leaves large coordinates alone; none at all leaves every one.
    CHECK(boxes::clip(b, test::rows(b, 4, {-1, -1, 1e30, 1e30}), {.h = inf, .w = 1e60}).data[2] == 1e30F);
    CHECK(boxes::project(b, test::rows(b, 4, {-1, -1, 7, 7}), same).data[0] == -1);
    CHECK(boxes::project(b, test::rows(b, 4, {-1, -1, 7, 7}), same, {.h = 5}).data[0] == 0);
}
