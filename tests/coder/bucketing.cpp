// SPDX-License-Identifier: Apache-2.0
//
// The bucketing coder against the published rules, written out in long double.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/coder/bucketing.hpp>

#include <cmath>
#include <cstring>
#include <random>

namespace {

namespace coder = boxgrad::coder;
using boxgrad::image_shape;
using boxgrad::view;
using coder::bucketing;
using position = boxgrad::index;
using test::extents;
using wide = long double;

template <class T>
std::vector<T> uniform(unsigned seed, std::size_t n, double low, double high) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> u(low, high);
    std::vector<T> v(n);
    for (T& x : v) x = static_cast<T>(u(random));
    return v;
}
/// Upright boxes in a picture of 600.
template <class T>
std::vector<T> boxes_of(unsigned seed, std::size_t n, double least) {
    auto v = uniform<T>(seed, 4 * n, 0, 300);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t c = 0; c < 2; ++c) v[4 * i + 2 + c] = v[4 * i + c] + static_cast<T>(least) + v[4 * i + 2 + c];
    }
    return v;
}
template <class T>
view<const T, 2> rows_of(const std::vector<T>& v, position columns) {
    return {v.data(), {{static_cast<position>(v.size()) / columns, columns}}};
}

/// Edges of the enlarged prior and the widths of its buckets.
struct frame {
    wide edge[4], step[4];

    template <class T>
    frame(const bucketing& c, const T* p) {
        for (int axis = 0; axis < 2; ++axis) {
            const auto low = static_cast<wide>(p[axis]);
            const auto high = static_cast<wide>(p[2 + axis]);
            const wide centre = (low + high) / 2;
            const wide size = (high - low) * wide(c.scale_factor);
            edge[2 * axis] = centre - size / 2;
            edge[2 * axis + 1] = centre + size / 2;
            step[2 * axis] = size / c.num_buckets;
            step[2 * axis + 1] = -step[2 * axis];
        }
    }
    wide centre(int side, int j) const { return edge[side] + (wide(0.5) + j) * step[side]; }
    wide size(int side) const { return std::abs(step[side]); }
};
/// Where left, right, top and bottom lie in a box.
constexpr std::size_t corner_of[4] = {0, 2, 1, 3};

}  // namespace

TEMPLATE_TEST_CASE("bucketing encodes by the published rules", "[coder][property]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
    int several = 0;
    for (const bucketing& c : {bucketing{}, bucketing{.num_buckets = 7, .scale_factor = 1.7, .offset_topk = 3, .offset_upperbound = 1.5},
                               bucketing{.num_buckets = 2, .offset_topk = 1, .cls_ignore_neighbor = false}, bucketing{.num_buckets = 5, .offset_topk = 3, .offset_upperbound = 0.7}}) {
        const std::size_t n = 611;
        const auto m = static_cast<std::size_t>(c.side_num());
        CHECK(c.side_num() == static_cast<int>(std::ceil(c.num_buckets / 2.0)));
        const auto priors = boxes_of<T>(101, n, 8);
        auto truths = priors;  // near the priors, so that their sides lie among buckets
        const auto shift = uniform<T>(102, 4 * n, -20, 20);
        for (std::size_t i = 0; i < 4 * n; ++i) truths[i] += shift[i];
        const auto got = coder::encode(b, c, rows_of(priors, 4), rows_of(truths, 4));
        REQUIRE(got.offsets.data.size() == 4 * m * n);
        double worst = 0;
        bool right = true;
        for (std::size_t i = 0; i < n; ++i) {
            const frame f(c, &priors[4 * i]);
            for (int side = 0; side < 4; ++side) {
                std::vector<wide> offset;
                for (std::size_t j = 0; j < m; ++j) {
                    offset.push_back((f.centre(side, static_cast<int>(j)) - wide(truths[4 * i + corner_of[side]])) / f.size(side));
                }
                // Buckets by distance; a test where two are as near decides nothing.
                std::vector<std::size_t> order(m);
                for (std::size_t j = 0; j < m; ++j) order[j] = j;
                std::sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return std::abs(offset[x]) < std::abs(offset[y]); });
                bool close = false;
                for (std::size_t j = 0; j + 1 < m; ++j) close = close || std::abs(offset[order[j + 1]]) - std::abs(offset[order[j]]) < 1e-3L;
                for (const wide o : offset) close = close || std::abs(std::abs(o) - 1) < 1e-3L || std::abs(std::abs(o) - wide(c.offset_upperbound)) < 1e-3L;
                for (std::size_t j = 0; j < m; ++j) {
                    const std::size_t at = i * 4 * m + static_cast<std::size_t>(side) * m + j;
                    worst = std::max(worst, static_cast<double>(std::abs(wide(got.offsets.data[at]) - offset[j]) / (std::abs(offset[j]) + 1500 / f.size(side))) / eps);
                    if (close) continue;
                    const bool nearest = order[0] == j;
                    bool taken = nearest;
                    for (std::size_t k = 1; k < static_cast<std::size_t>(c.offset_topk); ++k) {
                        taken = taken || (order[k] == j && std::abs(offset[j]) < wide(c.offset_upperbound));
                    }
                    if (taken && !nearest) ++several;
                    const bool ignored = c.cls_ignore_neighbor && !nearest && std::abs(offset[j]) < 1;
                    right = right && got.bucket_labels.data[at] == (nearest ? T(1) : T(0)) && got.offset_weights.data[at] == (taken ? T(1) : T(0)) &&
                            got.bucket_weights.data[at] == (ignored ? T(0) : T(1));
                }
            }
        }
        INFO(c.num_buckets << " buckets: offsets off by " << worst);
        CHECK(right);
        CHECK(worst <= 4);
    }
    CHECK(several > 100);
}

TEMPLATE_TEST_CASE("bucketing decodes by the published rules, clipped to W - 1 only where a picture is given", "[coder][property]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
    for (bucketing c : {bucketing{}, bucketing{.num_buckets = 7, .scale_factor = 1.7}, bucketing{.num_buckets = 3, .offset_topk = 1}}) {
        const std::size_t n = 403;
        const auto m = static_cast<std::size_t>(c.side_num());
        const auto priors = boxes_of<T>(103, n, 8);  // many reach beyond 0 once enlarged
        const auto scores = uniform<T>(104, 4 * m * n, -6, 6);
        const auto offsets = uniform<T>(105, 4 * m * n, -1.5, 1.5);
        const auto columns = static_cast<position>(4 * m);
        for (int bordered = 0; bordered < 3; ++bordered) {
            c.clip_border = bordered != 2;
            const image_shape border = bordered > 0 ? image_shape{.h = 400, .w = 350} : image_shape{};
            const auto got = coder::decode(b, c, rows_of(priors, 4), rows_of(scores, columns), rows_of(offsets, columns), border);
            double worst = 0;
            double worst_confidence = 0;
            for (std::size_t i = 0; i < n; ++i) {
                const frame f(c, &priors[4 * i]);
                wide confidence = 0;
                for (int side = 0; side < 4; ++side) {
                    const std::size_t first = i * 4 * m + static_cast<std::size_t>(side) * m;
                    std::vector<std::size_t> order(m);
                    for (std::size_t j = 0; j < m; ++j) order[j] = j;
                    std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return scores[first + x] > scores[first + y]; });
                    wide sum = 0;
                    for (std::size_t j = 0; j < m; ++j) sum += std::exp(wide(scores[first + j]) - wide(scores[first + order[0]]));
                    confidence += 1 / sum;
                    if (m > 1 && (order[0] == order[1] + 1 || order[1] == order[0] + 1)) {
                        confidence += std::exp(wide(scores[first + order[1]]) - wide(scores[first + order[0]])) / sum;
                    }
                    wide x = f.centre(side, static_cast<int>(order[0])) - wide(offsets[first + order[0]]) * f.size(side);
                    if (bordered == 1) x = std::min(std::max(x, wide(0)), side < 2 ? wide(349) : wide(399));
                    const auto got_x = static_cast<wide>(got.boxes(static_cast<position>(i), static_cast<position>(corner_of[side])));
                    worst = std::max(worst, static_cast<double>(std::abs(got_x - x)) / (eps * 2000));
                }
                worst_confidence = std::max(worst_confidence, static_cast<double>(std::abs(wide(got.confidence.data[i]) - confidence / 4)) / eps);
            }
            INFO(c.num_buckets << " buckets, border " << bordered << ": boxes off by " << worst << ", confidence by " << worst_confidence);
            CHECK(worst <= 4);
            CHECK(worst_confidence <= 4);
        }
    }
}

TEST_CASE("bucketing: the gradient is that of differences, of the chosen bucket alone, 0 beyond the border", "[coder][gradient]") {
    using T = double;
    const boxgrad::memory<T> b;
    const bucketing c{.num_buckets = 6};
    const std::size_t n = 100;
    const auto priors = boxes_of<T>(106, n, 8);
    const auto scores = uniform<T>(107, 12 * n, -3, 3);
    const auto offsets = uniform<T>(108, 12 * n, -1, 1);
    const auto upstream = uniform<T>(109, 4 * n, -1, 1);
    for (const image_shape border : {image_shape{}, image_shape{.h = 300, .w = 250}}) {
        const auto g = coder::decode_gradient(b, c, rows_of(priors, 4), rows_of(scores, 12), rows_of(offsets, 12), rows_of(upstream, 4), border);
        const auto decoded = [&](const std::vector<T>& o) { return coder::decode(b, c, rows_of(priors, 4), rows_of(scores, 12), rows_of(o, 12), border).boxes; };
        double worst = 0;
        int zero = 0;
        const double h = 1e-4;
        for (std::size_t k = 0; k < 12; ++k) {
            auto up = offsets;
            auto down = offsets;
            for (std::size_t i = 0; i < n; ++i) up[12 * i + k] += h;
            for (std::size_t i = 0; i < n; ++i) down[12 * i + k] -= h;
            const auto high = decoded(up);
            const auto low = decoded(down);
            for (std::size_t i = 0; i < n; ++i) {
                double slope = 0;
                for (std::size_t j = 0; j < 4; ++j) slope += upstream[4 * i + j] * (high.data[4 * i + j] - low.data[4 * i + j]) / (2 * h);
                const double got = g.data[12 * i + k];
                zero += got == 0 ? 1 : 0;
                worst = std::max(worst, std::abs(slope - got));
            }
        }
        INFO("off by " << worst);
        CHECK(worst <= 1e-8);
        CHECK(zero >= 8 * 100);
    }
}

TEMPLATE_LIST_TEST_CASE("bucketing on every backend, and what it refuses", "[coder]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const bucketing c{.num_buckets = 4, .scale_factor = 1};
    // Buckets of 2 pixels: left centres 1 and 3, right 7 and 5.
    const auto prior = test::rows(b, 4, {0, 0, 8, 8});
    const auto t = coder::encode(b, c, prior, test::rows(b, 4, {1.5, 0, 5, 8}));
    CHECK(test::to_host<2>(b, t.offsets) == std::vector<T>{T(-0.25), T(0.75), 1, 0, T(0.5), T(1.5), T(-0.5), T(-1.5)});
    CHECK(test::to_host<2>(b, t.bucket_labels) == std::vector<T>{1, 0, 0, 1, 1, 0, 1, 0});
    CHECK(test::to_host<2>(b, t.offset_weights) == std::vector<T>{1, 1, 0, 1, 1, 0, 1, 0});
    CHECK(test::to_host<2>(b, t.bucket_weights) == std::vector<T>{1, 0, 1, 1, 1, 1, 1, 1});
    const auto scores = test::rows(b, 8, {5, 1, 0, 4, 2, 1, 3, 3});
    const auto back = coder::decode(b, c, prior, scores, t.offsets);
    CHECK(test::to_host<2>(b, back.boxes) == std::vector<T>{T(1.5), 0, 5, 8});
    // Two buckets are neighbours: all of the probability.
    CHECK(test::near(test::to_host<1>(b, back.confidence), std::vector<T>{1}));
    CHECK(test::to_host<2>(b, coder::decode_gradient(b, c, prior, scores, t.offsets, test::rows(b, 4, {1, 1, 1, 1}))) ==
          std::vector<T>{-2, 0, 0, -2, -2, 0, -2, 0});
    const auto one = test::rows(b, 4, {0, 0, 8, 8});
    const auto two = test::rows(b, 4, {0, 0, 8, 8, 0, 0, 8, 8});
    CHECK_THROWS_AS(coder::encode(b, c, two, one), boxgrad::shape_error);
    CHECK_THROWS_AS(coder::decode(b, c, prior, test::rows(b, 4, {0, 0, 0, 0}), t.offsets), boxgrad::shape_error);
    CHECK_THROWS_AS(coder::decode(b, c, two, scores, t.offsets), boxgrad::shape_error);
    CHECK_THROWS_AS(coder::decode_gradient(b, c, prior, scores, t.offsets, two), boxgrad::shape_error);
    CHECK_THROWS_AS(coder::encode(b, bucketing{.num_buckets = 0}, one, one), boxgrad::config_error);
    CHECK_THROWS_AS(coder::encode(b, bucketing{.scale_factor = 0}, one, one), boxgrad::config_error);
    CHECK_THROWS_AS(coder::encode(b, bucketing{.scale_factor = boxgrad::not_a_number<double>}, one, one), boxgrad::config_error);
    CHECK_THROWS_AS(coder::encode(b, bucketing{.offset_topk = 8}, one, one), boxgrad::config_error);
    CHECK_THROWS_AS(coder::encode(b, bucketing{.offset_topk = 0}, one, one), boxgrad::config_error);
    const auto none = test::rows(b, 4, {});
    CHECK(test::to_host<2>(b, coder::encode(b, c, none, none).offsets).empty());
    CHECK(test::to_host<2>(b, coder::decode(b, c, none, test::rows(b, 8, {}), test::rows(b, 8, {})).boxes).empty());
}

TEST_CASE("bucketing: as near is the lower number, as large too; a prior without size labels one bucket", "[coder]") {
    const boxgrad::memory<float> b;
    const bucketing c{.num_buckets = 4, .scale_factor = 1};
    const auto tie = coder::encode(b, c, test::rows(b, 4, {0, 0, 8, 8}), test::rows(b, 4, {2, 0, 6, 8}));  // between both
    CHECK((tie.bucket_labels(0, 0) == 1 && tie.bucket_labels(0, 1) == 0 && tie.bucket_labels(0, 2) == 1 && tie.bucket_labels(0, 3) == 0));
    const auto equal = coder::decode(b, c, test::rows(b, 4, {0, 0, 8, 8}), test::rows(b, 8, {1, 1, 1, 1, 1, 1, 1, 1}), test::rows(b, 8, {0, 0, 0, 0, 0, 0, 0, 0}));
    CHECK((equal.boxes(0, 0) == 1 && equal.boxes(0, 2) == 7));
    for (const double x : {3.0, 5.0}) {  // the box just there, or elsewhere
        const auto point = coder::encode(b, c, test::rows(b, 4, {3, 3, 3, 3}), test::rows(b, 4, {x, x, x, x}));
        for (position side = 0; side < 4; ++side) {
            INFO(x << ", side " << side);
            CHECK(point.bucket_labels(0, 2 * side) + point.bucket_labels(0, 2 * side + 1) <= 1);
        }
    }
}
