// SPDX-License-Identifier: Apache-2.0
//
// Guided anchoring's regions against maps that are painted truth by truth.
#include "catch.hpp"
#include "place_scene.hpp"

#include <boxgrad/assigner/region.hpp>

namespace {

using test::place_answer;
using test::place_scene;
using test::row4;
namespace assigner = boxgrad::assigner;

/// A pyramid, a prior a cell, and which of them are valid.
struct pyramid {
    boxgrad::per_level<boxgrad::featmap_size> sizes;
    place_scene scene;
    std::vector<std::uint8_t> valid;
    std::vector<boxgrad::image_shape> pictures;
};

assigner::region assigner_number(unsigned i) {
    const double ratios[][2] = {{0.2, 0.5}, {0.5, 0.75}, {0.25, 0.5}, {0.75, 0.25}};
    const double border[] = {0, -1, 6};
    assigner::region a{.center_ratio = ratios[i % 4][0], .ignore_ratio = ratios[i % 4][1]};
    a.anchor_scale = i % 2 == 0 ? 2 : 1;
    a.anchor_strides = {8, 16, 32};
    a.allowed_border = border[i % 3];
    a.ignore_iof_thr = i % 5 == 0 ? 0 : 0.43;
    return a;
}
pyramid pyramid_number(unsigned i, const assigner::region& a) {
    pyramid p;
    p.scene = test::place_number(i);
    p.scene.priors.clear();
    std::mt19937_64 random(i);
    const auto odd = static_cast<test::index>(i % 3);
    p.sizes = {{12, 8 + odd}, {6, 4 + odd}, {3, 2}};
    for (int l = 0; l < 3; ++l) {
        for (test::index c = 0; c < p.sizes[l].cells(); ++c) {
            // Centres on corners of cells, in their middle, elsewhere.
            const double x = (static_cast<double>(c % p.sizes[l].w) + 0.25 * (i % 4)) * a.anchor_strides[l];
            const double y = (static_cast<double>(c / p.sizes[l].w) + 0.25 * (i % 3)) * a.anchor_strides[l];
            const double half = a.anchor_scale * a.anchor_strides[l] / 2;
            p.scene.priors.push_back({x - half, y - half, x + half, y + half});
            if (i % 5 == 1 && random() % 9 == 0) p.scene.priors.back()[random() % 4] = std::nan("");
            p.valid.push_back(random() % 16 == 0 ? 0 : 1);
        }
    }
    for (std::size_t b = 0; b < p.scene.images.size(); ++b)
        p.pictures.push_back({80, 60 + 4.0 * static_cast<double>(b)});
    return p;
}

/// Halves to even.
double rounded(double x, test::careful& tell) {
    const double fraction = x - std::floor(x);
    tell.clear = tell.clear && (fraction == 0.5 || std::abs(fraction - 0.5) > 1e-9);
    return std::nearbyint(x);
}

place_answer naive(const assigner::region& a, const pyramid& p, bool& clear) {
    place_answer e;
    test::careful tell;
    const place_scene& s = p.scene;
    for (std::size_t b = 0; b < s.images.size(); ++b) {
        const auto& image = s.images[b];
        std::vector<std::int32_t> truth(s.size(), assigner::background);
        std::vector<bool> beside(s.size());
        std::vector<std::size_t> start{0};
        for (const auto& size : p.sizes) start.push_back(start.back() + static_cast<std::size_t>(size.cells()));
        const auto paint = [&](const row4& t, int level, double ratio, const auto& set) {
            if (level < 0 || level >= 3) return;
            const auto [h, w] = p.sizes[level];
            const double r = (1 - ratio) / 2, stride = a.anchor_strides[level];
            double bounds[4];
            for (std::size_t c = 0; c < 4; ++c) {
                const double end = static_cast<double>(c % 2 == 0 ? w : h);
                const double x = (1 - r) * t[c] / stride + r * t[(c + 2) % 4] / stride;
                bounds[c] = std::clamp(rounded(x, tell), 0.0, end);
            }
            for (test::index c = 0; c < p.sizes[level].cells(); ++c) {
                const std::size_t k = start[static_cast<std::size_t>(level)] + static_cast<std::size_t>(c);
                const double x = (s.priors[k][0] + s.priors[k][2]) / (2 * stride);
                const double y = (s.priors[k][1] + s.priors[k][3]) / (2 * stride);
                if (x < bounds[0] || y < bounds[1] || x > bounds[2] || y > bounds[3]) continue;
                set(k);
            }
        };
        for (std::size_t g = 0; g < image.truths.size(); ++g) {
            const row4& t = image.truths[g];
            if (!test::is_box(t)) continue;
            const double l = std::log2(std::sqrt(test::area_of(t)) / (a.anchor_scale * 8)) + 0.5;
            tell.clear = tell.clear && std::abs(l - std::round(l)) > 1e-9;
            const int level = std::clamp(static_cast<int>(std::floor(l)), 0, 2);
            paint(t, level, a.ignore_ratio, [&](std::size_t k) { truth[k] = assigner::ignored; });
            paint(t, level, a.center_ratio, [&](std::size_t k) { truth[k] = static_cast<std::int32_t>(g); });
            for (const int next : {level - 1, level + 1})
                paint(t, next, a.ignore_ratio, [&](std::size_t k) { beside[k] = true; });
        }
        for (std::size_t k = 0; k < s.size(); ++k) {
            const row4& x = s.priors[k];
            const double edge = a.allowed_border;
            const bool inside = edge < 0 || (x[0] >= -edge && x[1] >= -edge && x[2] < p.pictures[b].w + edge &&
                                             x[3] < p.pictures[b].h + edge);
            if (beside[k] || p.valid[k] == 0 || !inside) truth[k] = assigner::ignored;
            for (const row4& r : image.regions) {
                if (a.ignore_iof_thr > 0 && test::is_number(x) && tell.above(test::naive_iof(x, r), a.ignore_iof_thr)) {
                    truth[k] = assigner::ignored;
                }
            }
            if (!test::is_number(x)) {
                truth[k] = assigner::background;
                ++e.nonfinite;
            }
            e.overlap.push_back(truth[k] < 0 ? 0
                                             : test::naive_iou(x, image.truths[static_cast<std::size_t>(truth[k])]));
        }
        e.truth.insert(e.truth.end(), truth.begin(), truth.end());
    }
    e.count(s);
    clear = tell.clear;
    return e;
}

template <class B>
place_answer assign(const B& b, const assigner::region& a, const pyramid& p) {
    const auto flags = test::from_host(b, test::extents<1>{{static_cast<test::index>(p.valid.size())}}, p.valid);
    const auto r = a.assign(b, p.scene.tensor(b), flags, p.sizes, p.pictures, p.scene.truths<typename B::scalar>(),
                            boxgrad::bad_truth::drop);
    return test::answer_of(b, r);
}

template <class B>
bool agrees(const B& b, unsigned i) {
    INFO("scene " << i);
    const auto a = assigner_number(i);
    const auto p = pyramid_number(i, a);
    bool clear = false;
    const auto e = naive(a, p, clear);
    if (clear) CHECK(test::agree<typename B::scalar>(assign(b, a, p), e));
    return clear;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("region is what painted maps say, on every backend", "[assigner]", test::backends) {
    int told = 0;
    for (unsigned i = 0; i < 40; ++i) told += agrees(TestType{}, i) ? 1 : 0;
    CHECK(told > 15);
}

TEST_CASE("region is what painted maps say: many scenes", "[assigner]") {
    int told = 0;
    for (unsigned i = 100; i < 500; ++i) {
        told += agrees(boxgrad::memory<double>{}, i) ? 1 : 0;
        told += agrees(boxgrad::memory<float>{}, i) ? 1 : 0;
    }
    CHECK(told > 400);
}

TEST_CASE("region: an image alone as in a batch, flags of its own or shared", "[assigner][property]") {
    const boxgrad::memory<double> b;
    for (unsigned i = 0; i < 60; ++i) {
        const auto a = assigner_number(i);
        const auto p = pyramid_number(3 * i + 2, a);
        const auto all = assign(b, a, p);
        for (std::size_t k = 0; k < p.scene.images.size(); ++k) {
            const pyramid one{p.sizes, test::alone(p.scene, k), p.valid, {p.pictures[k]}};
            const auto r = assign(b, a, one);
            CHECK(std::equal(r.truth.begin(), r.truth.end(),
                             all.truth.begin() + static_cast<std::ptrdiff_t>(k * p.scene.size())));
        }
        std::vector<std::uint8_t> repeated;
        for (std::size_t k = 0; k < p.scene.images.size(); ++k)
            repeated.insert(repeated.end(), p.valid.begin(), p.valid.end());
        const auto flags = test::from_host(
            b,
            test::extents<2>{{static_cast<test::index>(p.pictures.size()), static_cast<test::index>(p.valid.size())}},
            repeated);
        const auto r = a.assign(b, p.scene.tensor(b), flags, p.sizes, p.pictures, p.scene.truths<double>(),
                                boxgrad::bad_truth::drop);
        CHECK(test::answer_of(b, r) == all);
    }
}

TEST_CASE("region: truths far apart follow a permutation; one broken prior changes nothing else",
          "[assigner][property]") {
    const boxgrad::memory<double> b;
    auto a = assigner_number(1);
    a.allowed_border = -1;
    pyramid p = pyramid_number(0, a);
    p.pictures = {{80, 60}};
    p.valid.assign(p.valid.size(), 1);
    p.scene.images = {{{{0, 0, 17, 19}, {40, 50, 58, 66}, {0, 60, 20, 84}}, {}, {0, 1, 2}}};
    const auto e = assign(b, a, p);
    CHECK(e.positives[0] > 2);
    auto turned = p;
    std::swap(turned.scene.images[0].truths[0], turned.scene.images[0].truths[2]);
    auto r = assign(b, a, turned);
    for (auto& t : r.truth) t = t < 0 ? t : 2 - t;
    CHECK(r.truth == e.truth);
    for (std::size_t k = 0; k < p.scene.size(); k += 7) {
        auto broken = p;
        broken.scene.priors[k][3] = std::nan("");
        auto m = assign(b, a, broken);
        CHECK(m.truth[k] == assigner::background);
        CHECK(m.nonfinite == 1);
        m.truth[k] = e.truth[k];
        CHECK(m.truth == e.truth);
    }
}

TEST_CASE("region: absurd truths are given a level and cells", "[assigner][promise]") {
    const boxgrad::memory<float> b;
    const auto a = assigner_number(1);
    pyramid p = pyramid_number(0, a);
    p.pictures = {{80, 60}};
    p.scene.images = {{{{-0x1p60, -0x1p60, 0x1p60, 0x1p60}, {0, 0, 0x1p-100, 0x1p-100}}, {}, {0, 1}}};
    const auto r = assign(b, a, p);
    CHECK(r.truth_positives[0] > 0);
    CHECK(r.truth_positives[1] == 1);  // its cell of the finest level; there is no test of the border
}

TEMPLATE_TEST_CASE("P22 region's scratch is the documented formula", "[assigner][promise]", boxgrad::memory<float>,
                   boxgrad::reference<double>) {
    using T = typename TestType::scalar;
    for (unsigned i = 0; i < 20; ++i) {
        counted::byte_counter<TestType> b;
        test::index bytes = 0;
        b.bytes = &bytes;
        const auto a = assigner_number(i);
        auto p = pyramid_number(i, a);
        p.scene.images = test::smooth_place(i, 0, 1 + i % 3).images;
        p.pictures.resize(p.scene.images.size());
        const auto priors = p.scene.tensor(b);
        const auto flags = test::from_host(b, test::extents<1>{{static_cast<test::index>(p.valid.size())}}, p.valid);
        const auto t = p.scene.truths<T>();
        bytes = 0;
        a.assign(b, priors, flags, p.sizes, p.pictures, t);
        const auto scalar = static_cast<test::index>(sizeof(T));
        CHECK(bytes == t.images() * static_cast<test::index>(p.valid.size()) * (scalar + 4) + 72 * t.size() +
                           t.images() * (2 * scalar + 8) + test::truth_bytes(t));
    }
}

TEST_CASE("region refuses what it cannot mean, before it writes", "[assigner][errors]") {
    const boxgrad::memory<float> b;
    boxgrad::truth_list<float> t;
    t.add_image({{0, 0, 1, 1}}, {0});
    const auto priors = test::rows(b, 4, {0, 0, 1, 1, 0, 0, 1, 1});
    const auto flags = test::from_host(b, test::extents<1>{{2}}, std::vector<std::uint8_t>{1, 1});
    const auto few = test::from_host(b, test::extents<1>{{1}}, std::vector<std::uint8_t>{1});
    const std::vector<boxgrad::image_shape> picture(1);
    const boxgrad::per_level<boxgrad::featmap_size> sizes{{1, 2}};
    const assigner::region good{.anchor_strides = {8}};
    CHECK_THROWS_WITH(good.assign(b, priors, flags, {{2, 2}}, picture, t),
                      "region::assign: priors must be 4, one a cell, got 2");
    CHECK_THROWS_AS(good.assign(b, priors, few, sizes, picture, t), boxgrad::shape_error);
    CHECK_THROWS_AS(good.assign(b, priors, flags, {{1, 1}, {1, 1}}, picture, t), boxgrad::shape_error);
    CHECK_THROWS_AS(good.assign(b, priors, flags, sizes, {}, t), boxgrad::shape_error);
    const auto refused = [&](auto set) {
        assigner::region a = good;
        set(a);
        CHECK_THROWS_AS(a.assign(b, priors, flags, sizes, picture, t), boxgrad::config_error);
    };
    refused([](auto& a) { a.center_ratio = -0.1; });
    refused([](auto& a) { a.ignore_ratio = 1.1; });
    refused([](auto& a) { a.anchor_scale = 0; });
    refused([](auto& a) { a.anchor_strides[0] = -8; });
    refused([](auto& a) { a.allowed_border = std::nan(""); });
    t.boxes[0] = {1, 0, 1, 1};
    CHECK_THROWS_AS(good.assign(b, priors, flags, sizes, picture, t), boxgrad::gt_error);
}
