// SPDX-License-Identifier: Apache-2.0
//
// What holds between functions over boxes: there and back again, and what stays the same.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxes/area.hpp>
#include <boxgrad/boxes/clip.hpp>
#include <boxgrad/boxes/convert.hpp>
#include <boxgrad/boxes/corners.hpp>
#include <boxgrad/boxes/filter.hpp>
#include <boxgrad/boxes/flip.hpp>
#include <boxgrad/boxes/rescale.hpp>

#include <cmath>
#include <random>

namespace {

namespace boxes = boxgrad::boxes;
using boxes::box_format;
using boxes::flip_direction;
using boxgrad::box;
using boxgrad::image_shape;

/// Sides from 1 to 512 pixels, within 1024.
template <class T>
box<T> any_box(std::mt19937_64& random) {
    std::uniform_real_distribution<double> place(-512, 512);
    std::uniform_real_distribution<double> side(1, 512);
    const double x = place(random);
    const double y = place(random);
    return {static_cast<T>(x), static_cast<T>(y), static_cast<T>(x + side(random)), static_cast<T>(y + side(random))};
}
/// Corners in eighths of a pixel: sums and products with powers of two are exact.
template <class T>
box<T> grid_box(std::mt19937_64& random) {
    const auto at = [&] { return static_cast<T>(static_cast<int>(random() % 8192) - 4096) / T(8); };
    return {at(), at(), at(), at()};
}

/// The furthest two boxes are apart in a coordinate, in ε of 1024, the largest coordinate.
template <class T>
double apart(const box<T>& a, const box<T>& b) {
    const T d = std::max({std::abs(a.x1 - b.x1), std::abs(a.y1 - b.y1), std::abs(a.x2 - b.x2), std::abs(a.y2 - b.y2)});
    return static_cast<double>(d) / (1024 * static_cast<double>(std::numeric_limits<T>::epsilon()));
}
template <class T>
bool same(const box<T>& a, const box<T>& b) {
    return a.x1 == b.x1 && a.y1 == b.y1 && a.x2 == b.x2 && a.y2 == b.y2;
}

template <box_format F, class T>
box<T> there_and_back(const box<T>& b) {
    return boxes::to_box<F>(boxes::from_box<F>(b));
}

}  // namespace

TEMPLATE_TEST_CASE("there and back again: formats, flips, scales, corners", "[boxes][property]", float, double) {
    using T = TestType;
    using enum box_format;
    std::mt19937_64 random(1);
    double format = 0, ratio = 0, flip = 0, rescale = 0, scale = 0;
    for (int i = 0; i < 100000; ++i) {
        const box<T> b = any_box<T>(random);
        const double f = std::exp2(std::uniform_real_distribution<double>(-3, 3)(random));
        const image_shape image{.h = std::uniform_real_distribution<double>(0, 1024)(random), .w = 640.3};
        CHECK(same(there_and_back<xyxy>(b), b));
        format = std::max({format, apart(there_and_back<xywh>(b), b), apart(there_and_back<cxcywh>(b), b)});
        ratio = std::max(ratio, apart(there_and_back<cxcyah>(b), b));
        for (const auto d : {flip_direction::horizontal, flip_direction::vertical, flip_direction::diagonal}) {
            flip = std::max(flip, apart(boxes::flip(boxes::flip(b, image, d), image, d), b));
        }
        // Both factors are rounded to the scalar, so that one is not quite the inverse of the other.
        rescale = std::max(rescale, apart(boxes::rescale(boxes::rescale(b, f), 1 / f), b));
        scale = std::max(scale, apart(boxes::scale(boxes::scale(b, f), 1 / f), b));
        CHECK(same(boxes::from_corners(boxes::corners(b)), b));
    }
    // In ε of 1024 a rounding is half of one at most below 1024, a quarter below 512, and one above 2048.
    CAPTURE(format, ratio, flip, rescale, scale);
    CHECK(format <= 1);   // the side or the centre, and the sum
    CHECK(ratio <= 1.5);  // the ratio and its product as well
    CHECK(flip <= 1);     // two differences
    CHECK(rescale <= 3);  // both corners on the way lie up to 2560 from 0: one each, then the centre and the sum
    CHECK(scale <= 2);    // two factors and two products
    CHECK(std::min({format, ratio, flip, rescale, scale}) > 0);
}

TEMPLATE_TEST_CASE("on a grid of eighths of a pixel they are exact, inverted boxes included", "[boxes][property]", float, double) {
    using T = TestType;
    std::mt19937_64 random(2);
    const image_shape image{.h = 480, .w = 640};
    for (int i = 0; i < 100000; ++i) {
        const box<T> b = grid_box<T>(random);
        CHECK(same(there_and_back<box_format::xywh>(b), b));
        CHECK(same(there_and_back<box_format::cxcywh>(b), b));
        for (const auto d : {flip_direction::horizontal, flip_direction::vertical, flip_direction::diagonal}) {
            const box<T> f = boxes::flip(b, image, d);
            CHECK(same(boxes::flip(f, image, d), b));
            CHECK(boxes::area(f) == boxes::area(b));
            CHECK(f.width() == b.width());
        }
        CHECK(same(boxes::flip(b, image, flip_direction::diagonal),
                   boxes::flip(boxes::flip(b, image, flip_direction::vertical), image, flip_direction::horizontal)));
        const double f = std::exp2(static_cast<double>(random() % 9) - 4);
        CHECK(same(boxes::rescale(boxes::rescale(b, f), 1 / f), b));
        CHECK(boxes::rescale(b, f).width() == b.width() * static_cast<T>(f));
        CHECK(same(boxes::scale(boxes::scale(b, f), 1 / f), b));
        CHECK(boxes::area(boxes::scale(b, {f, 2})) == boxes::area(b) * static_cast<T>(2 * f));
        CHECK(boxes::area(b) >= 0);
        CHECK(same(boxes::project(b, boxes::homography{{{f, 0, 0}, {0, f, 0}, {0, 0, 1}}}),
                   boxes::from_corners(boxes::corners(boxes::scale(b, f)))));
    }
}

TEMPLATE_TEST_CASE("clipped boxes lie within the picture, those inside keep an area, those outside have none", "[boxes][property]", float, double) {
    using T = TestType;
    std::mt19937_64 random(3);
    int in = 0;
    for (int i = 0; i < 100000; ++i) {
        const box<T> b = i % 2 == 0 ? any_box<T>(random) : grid_box<T>(random).upright();
        const image_shape image{.h = static_cast<double>(random() % 300), .w = static_cast<double>(random() % 300)};
        const box<T> c = boxgrad::clip(b, image);
        CHECK((c.x1 >= 0 && c.y1 >= 0 && c.x2 <= static_cast<T>(image.w) && c.y2 <= static_cast<T>(image.h)));
        CHECK(same(boxgrad::clip(c, image), c));
        CHECK(boxes::area(c) <= boxes::area(b));
        const bool inside = boxes::inside(b, image);
        in += inside;
        if (b.width() > 0 && b.height() > 0 && image.w > 0 && image.h > 0) CHECK(inside == (c.width() > 0 && c.height() > 0));
        if (!inside) CHECK(boxes::area(c) == 0);
    }
    CHECK((in > 1000 && in < 99000));
}

TEMPLATE_TEST_CASE("the box around projected corners holds the projection of every point of the box", "[boxes][property]", float, double) {
    using T = TestType;
    std::mt19937_64 random(4);
    std::uniform_real_distribution<double> u(-1, 1);
    std::uniform_real_distribution<double> part(0, 1);
    for (int i = 0; i < 20000; ++i) {
        const box<T> b = any_box<T>(random);
        // In front of the horizon: the last row is above 0 wherever coordinates are below 1024.
        const boxes::homography h{{{u(random), u(random), 100 * u(random)}, {u(random), u(random), 100 * u(random)}, {u(random) / 2560, u(random) / 2560, 1}}};
        const box<T> r = boxes::project(b, h);
        const T x = static_cast<T>(part(random));
        const T y = static_cast<T>(part(random));
        const auto p = boxes::project(boxes::corner<T>{b.x1 + x * b.width(), b.y1 + y * b.height()}, h);
        // Coordinates are up to 2200, their divisor is at least 0.2 and its own rounding counts as much again.
        const T room = 16 * T(2200) / T(0.2) * std::numeric_limits<T>::epsilon();
        CHECK((p.x >= r.x1 - room && p.x <= r.x2 + room && p.y >= r.y1 - room && p.y <= r.y2 + room));
        CHECK((r.x1 <= r.x2 && r.y1 <= r.y2));
    }
}
