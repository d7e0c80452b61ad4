// SPDX-License-Identifier: Apache-2.0
//
// Filters, rois of a batch, boxes around masks.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxes/filter.hpp>
#include <boxgrad/boxes/masks.hpp>
#include <boxgrad/boxes/roi.hpp>
#include <boxgrad/prior/anchor_generator.hpp>

#include <random>

namespace {

namespace boxes = boxgrad::boxes;
using boxes::box_end;
using test::extents;
using whole = std::ptrdiff_t;
using flags = std::vector<std::uint8_t>;

/// How many masks and how large.
struct size {
    whole n, h, w;
};
/// Where masks lie: the first element, and the strides.
struct layout {
    whole first, image, row, column;
};

/// The box around set pixels, by looking at each.
template <class F>
std::array<whole, 4> around(whole h, whole w, const F& set) {
    std::array<whole, 4> r{w, h, 0, 0};
    bool none = true;
    for (whole y = 0; y < h; ++y) {
        for (whole x = 0; x < w; ++x) {
            if (!set(y, x)) continue;
            none = false;
            r = {std::min(r[0], x), std::min(r[1], y), std::max(r[2], x + 1), std::max(r[3], y + 1)};
        }
    }
    return none ? std::array<whole, 4>{0, 0, 0, 0} : r;
}

/// The same of masks without gaps, as both conventions.
template <class T>
std::vector<T> around_all(const flags& masks, whole n, whole h, whole w, box_end end) {
    std::vector<T> r;
    for (whole i = 0; i < n; ++i) {
        auto b = around(h, w, [&](whole y, whole x) { return masks[static_cast<std::size_t>((i * h + y) * w + x)] != 0; });
        if (end == box_end::inclusive && b[2] > 0) {
            --b[2];
            --b[3];
        }
        for (const whole c : b) r.push_back(static_cast<T>(c));
    }
    return r;
}

/// Empty, full, one pixel, a few, a rectangle, a line.
flags random_masks(whole n, whole h, whole w, std::mt19937_64& random) {
    flags v;
    const auto below = [&](whole k) { return static_cast<whole>(random() % static_cast<std::uint64_t>(k)); };
    for (whole i = 0; i < n; ++i) {
        const auto kind = i % 6;
        const whole px = below(w), py = below(h), qx = px + below(w - px), qy = py + below(h - py);
        for (whole y = 0; y < h; ++y) {
            for (whole x = 0; x < w; ++x) {
                const bool set = kind == 1 || (kind == 2 && x == px && y == py) || (kind == 3 && random() % 97 == 0) ||
                                 (kind == 4 && x >= px && x <= qx && y >= py && y <= qy) || (kind == 5 && (i % 4 < 2 ? x == px : y == py));
                v.push_back(set ? static_cast<std::uint8_t>(1 + random() % 255) : std::uint8_t{0});
            }
        }
    }
    return v;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("flags of boxes inside, and boxes that are large enough, are the rules", "[boxes]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    std::mt19937_64 random(1);
    std::vector<T> v;
    // Whole numbers around the borders, so that many lie on them, and sides around the limit.
    const auto at = [&](int low, int high) { return static_cast<T>(low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1))); };
    const std::size_t n = 133;
    for (std::size_t i = 0; i < n; ++i) v.insert(v.end(), {at(-6, 34), at(-6, 22), at(-3, 38), at(-3, 28)});
    v[4 * 3] = boxgrad::not_a_number<T>;
    v[4 * 5 + 3] = boxgrad::not_a_number<T>;
    v[4 * 7 + 2] = boxgrad::infinity<T>;
    const auto x = test::from_host(b, extents<2>{{133, 4}}, v);
    flags inside;
    std::vector<whole> large, upright, all;
    for (std::size_t i = 0; i < n; ++i) {
        const T* p = v.data() + 4 * i;
        inside.push_back(p[0] < T(32) && p[1] < T(20) && p[2] > 0 && p[3] > 0 ? 1 : 0);
        if (p[2] - p[0] >= T(7) && p[3] - p[1] >= T(7)) large.push_back(static_cast<whole>(i));
        if (p[2] - p[0] >= 0 && p[3] - p[1] >= 0) upright.push_back(static_cast<whole>(i));
    }
    CHECK(test::to_host<1>(b, boxes::inside(b, x, {.h = 20, .w = 32})) == inside);
    CHECK(test::to_host<1>(b, boxes::remove_small(b, x, 7)) == large);
    CHECK(test::to_host<1>(b, boxes::remove_small(b, x, 0)) == upright);
    CHECK(std::count(inside.begin(), inside.end(), 1) > 20);
    CHECK(std::count(inside.begin(), inside.end(), 0) > 20);
    CHECK((large.size() > 20 && upright.size() > large.size() && upright.size() < n));
    const auto none = test::from_host(b, extents<2>{{0, 4}}, std::vector<T>{});
    CHECK(test::to_host<1>(b, boxes::inside(b, none, {.h = 20, .w = 32})).empty());
    CHECK(test::to_host<1>(b, boxes::remove_small(b, none, 7)).empty());
    CHECK(test::to_host<1>(b, boxes::remove_small(b, x, 1e9)).empty());
}

TEST_CASE("filters of computed boxes, without a bound, and with parameters that are refused", "[boxes]") {
    const boxgrad::memory<float> b;
    boxgrad::prior::anchor_generator anchors;
    anchors.strides = {7.3};
    anchors.ratios = {0.5, 1, 2};
    anchors.scales = {1, 3};
    const auto grid = anchors.grid<float>(0, {3, 5});
    const auto stored = boxgrad::prior::single_level_grid_priors(b, anchors, {3, 5}, 0);
    CHECK(boxes::inside(b, grid, {.h = 9, .w = 20}).data == boxes::inside(b, stored, {.h = 9, .w = 20}).data);
    CHECK(boxes::remove_small(b, grid, 9).data == boxes::remove_small(b, stored, 9).data);
    const auto x = test::rows(b, 4, {1, 2, 3, 4, 1e30, 2, 2e30, 4, -3, 2, 0, 4});
    CHECK(boxes::inside(b, x, {}).data == decltype(boxes::inside(b, x, {}).data){1, 1, 0});
    const double nan = boxgrad::not_a_number<double>;
    const auto rois = test::rows(b, 5, {0, 1, 2, 3, 4});
    CHECK_THROWS_AS(boxes::inside(b, rois, {}), boxgrad::shape_error);
    CHECK_THROWS_AS(boxes::remove_small(b, rois, 1), boxgrad::shape_error);
    CHECK_THROWS_AS(boxes::inside(b, x, {.h = nan, .w = 3}), boxgrad::config_error);
    CHECK_THROWS_AS(boxes::inside(b, x, {.h = 3, .w = -1}), boxgrad::config_error);
    for (const double size : {-1.0, nan, boxgrad::infinity<double>, 1e60}) CHECK_THROWS_AS(boxes::remove_small(b, x, size), boxgrad::config_error);
}

TEMPLATE_LIST_TEST_CASE("rois of a batch are its boxes behind their image's number, and give them back", "[boxes]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    std::mt19937_64 random(2);
    std::vector<boxgrad::tensor_t<TestType, T, 2>> images;
    std::vector<std::vector<T>> values;
    std::vector<T> expected;
    for (const whole n : {whole{3}, whole{0}, whole{37}, whole{1}, whole{0}}) {
        std::vector<T> v;
        for (whole i = 0; i < 4 * n; ++i) v.push_back(static_cast<T>(static_cast<int>(random() % 1000)) / T(3));
        for (whole i = 0; i < n; ++i) {
            expected.push_back(static_cast<T>(images.size()));
            expected.insert(expected.end(), v.begin() + 4 * i, v.begin() + 4 * i + 4);
        }
        images.push_back(test::from_host(b, extents<2>{{n, 4}}, v));
        values.push_back(v);
    }
    const auto rois = boxes::bbox2roi(b, images);
    CHECK(test::to_host<2>(b, rois) == expected);
    const auto back = boxes::roi2bbox(b, rois, 6);
    REQUIRE(back.size() == 6);
    for (std::size_t i = 0; i < 5; ++i) CHECK(test::to_host<2>(b, back[i]) == values[i]);
    CHECK(boxgrad::as_const_view<2>(b, back[5], "", "").extent == extents<2>{{0, 4}});

    // In any order: the rows of an image keep theirs.
    std::vector<T> mixed;
    std::vector<std::vector<T>> sorted(3);
    for (int i = 0; i < 50; ++i) {
        const auto image = static_cast<std::size_t>(random() % 3);
        mixed.push_back(static_cast<T>(image));
        for (int c = 0; c < 4; ++c) {
            mixed.push_back(static_cast<T>(4 * i + c));
            sorted[image].push_back(static_cast<T>(4 * i + c));
        }
    }
    const auto per_image = boxes::roi2bbox(b, test::from_host(b, extents<2>{{50, 5}}, mixed), 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(test::to_host<2>(b, per_image[i]) == sorted[i]);

    images.clear();
    CHECK(boxgrad::as_const_view<2>(b, boxes::bbox2roi(b, images), "", "").extent == extents<2>{{0, 5}});
    CHECK(boxes::roi2bbox(b, test::from_host(b, extents<2>{{0, 5}}, std::vector<T>{}), 0).empty());
}

TEST_CASE("rois of computed boxes, and rois that are refused", "[boxes][promise]") {
    const boxgrad::memory<float> b;
    boxgrad::prior::anchor_generator anchors;
    anchors.strides = {8};
    anchors.ratios = {1};
    anchors.scales = {1};
    const std::vector grids{anchors.grid<float>(0, {1, 2}), anchors.grid<float>(0, {2, 3})};
    const auto rois = boxes::bbox2roi(b, grids);
    REQUIRE(rois.shape == extents<2>{{8, 5}});
    CHECK((rois(1, 0) == 0 && rois(2, 0) == 1));
    const auto back = boxes::roi2bbox(b, rois, 2);
    CHECK(back[1].data == boxgrad::prior::single_level_grid_priors(b, anchors, {2, 3}, 0).data);

    std::vector<boxgrad::shaped<float, 2>> list;
    list.push_back(test::rows(b, 4, {1, 2, 3, 4}));
    list.push_back(test::rows(b, 5, {0, 1, 2, 3, 4}));
    CHECK_THROWS_AS(boxes::bbox2roi(b, list), boxgrad::shape_error);
    CHECK_THROWS_AS(boxes::roi2bbox(b, list[0], 1), boxgrad::shape_error);
    CHECK_THROWS_AS(boxes::roi2bbox(b, list[1], -1), boxgrad::config_error);
    CHECK_THROWS_AS(boxes::roi2bbox(b, list[1], 0), boxgrad::shape_error);
    for (const double number : {-1.0, 2.0, 0.5, 1e30, boxgrad::infinity<double>, boxgrad::not_a_number<double>}) {
        const auto bad = test::rows(b, 5, {1, 1, 2, 3, 4, number, 1, 2, 3, 4});
        CHECK_THROWS_WITH(boxes::roi2bbox(b, bad, 2), Catch::Matchers::StartsWith("boxes::roi2bbox: rois must be numbered from 0 to 1") &&
                                                          Catch::Matchers::EndsWith("in row 1"));
    }
}

TEMPLATE_LIST_TEST_CASE("boxes around masks, in both conventions", "[boxes]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    std::mt19937_64 random(3);
    for (const size s : {size{24, 7, 150}, size{24, 19, 3}, size{7, 1, 1}, size{0, 4, 4}, size{2, 0, 4}, size{2, 4, 0}}) {
        const auto v = s.n * s.h * s.w > 0 ? random_masks(s.n, s.h, s.w, random) : flags{};
        const auto masks = test::from_host(b, extents<3>{{s.n, s.h, s.w}}, v);
        INFO(s.n << " masks of " << s.h << " x " << s.w);
        CHECK(test::to_host<2>(b, boxes::masks_to_boxes(b, masks)) == around_all<T>(v, s.n, s.h, s.w, box_end::exclusive));
        CHECK(test::to_host<2>(b, boxes::masks_to_boxes(b, masks, box_end::inclusive)) == around_all<T>(v, s.n, s.h, s.w, box_end::inclusive));
    }
}

TEST_CASE("every mask of 3 x 4, every pixel of a wide one, and every order of axes", "[boxes]") {
    const boxgrad::memory<float> b;
    flags every;
    for (int k = 0; k < 4096; ++k) {
        for (int i = 0; i < 12; ++i) every.push_back(static_cast<std::uint8_t>((k >> i & 1) * 128));
    }
    const auto got = boxes::masks_to_boxes(b, boxgrad::view<const std::uint8_t, 3>(every.data(), {{4096, 3, 4}}));
    CHECK(std::vector<float>(got.data.begin(), got.data.end()) == around_all<float>(every, 4096, 3, 4, box_end::exclusive));

    // Rows are looked through in blocks of 64.
    flags wide(2 * 200, std::uint8_t{0});
    for (std::size_t i = 0; i < wide.size(); ++i) {
        wide[i] = 1;
        const auto r = boxes::masks_to_boxes(b, boxgrad::view<const std::uint8_t, 3>(wide.data(), {{1, 2, 200}}));
        CHECK(std::vector<float>(r.data.begin(), r.data.end()) == around_all<float>(wide, 1, 2, 200, box_end::exclusive));
        wide[i] = 0;
    }

    std::mt19937_64 random(4);
    const whole h = 9, w = 70, n = 12;
    const auto v = random_masks(n, h, w, random);
    const auto expected = around_all<float>(v, n, h, w, box_end::exclusive);
    for (const layout l : {layout{0, 1, n, n * h}, layout{0, h * w, 1, h}, layout{n * h * w - 1, -h * w, -w, -1}, layout{0, 2 * h * w, 2 * w, 2},
                           layout{w - 1, h * w, w, -1}, layout{h - 1, h * w, -1, h}}) {
        flags memory(static_cast<std::size_t>(2 * n * h * w), std::uint8_t{7});
        const boxgrad::view<std::uint8_t, 3> m(memory.data() + l.first, {{n, h, w}}, {{l.image, l.row, l.column}});
        for (whole i = 0; i < m.size(); ++i) m.at_flat(i) = v[static_cast<std::size_t>(i)];
        const auto r = boxes::masks_to_boxes(b, m);
        INFO("strides " << l.image << " " << l.row << " " << l.column);
        CHECK(std::vector<float>(r.data.begin(), r.data.end()) == expected);
    }
}
