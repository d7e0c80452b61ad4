// SPDX-License-Identifier: Apache-2.0
//
// What holds of every coder: encode and decode undo one another, the gradient is that of differences,
// class by class, from a grid, of any layout; what is refused.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxgrad.hpp>

#include <cmath>
#include <cstring>
#include <random>
#include <string>

namespace {

namespace coder = boxgrad::coder;
namespace prior = boxgrad::prior;
using boxgrad::box;
using boxgrad::image_shape;
using boxgrad::view;
using position = boxgrad::index;
using test::extents;

template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}
template <class T, class X>
std::vector<T> data_of(const X& x) {
    return {x.data.begin(), x.data.end()};
}

template <class C>
inline constexpr bool takes_points = std::same_as<typename C::template prior_of<float>, prior::point<float>>;

/// Calls f(name, coder, low, high): codes between low and high are decoded without a bound.
template <class F>
void for_each_coder(F&& f) {
    f("delta", coder::delta_xywh{.target_means = {0.1, -0.2, 0.05, 0}, .target_stds = {0.1, 0.1, 0.2, 0.3}}, -8.0, 8.0);
    f("delta above", coder::delta_xywh{.clamp = coder::delta_clamp::above}, -3.0, 3.0);
    f("delta center", coder::delta_xywh{.clamp = coder::delta_clamp::center, .ctr_clamp = 1e6}, -3.0, 3.0);
    f("legacy delta", coder::legacy_delta_xywh{.target_stds = {0.5, 1, 2, 1}}, -2.0, 2.0);
    f("glip delta", coder::glip_delta_xywh{}, -2.0, 2.0);
    f("yolox", coder::yolox{.eps = 0}, -3.0, 3.0);
    f("yolo", coder::yolo{.stride = 8, .eps = 1e-30}, 0.05, 0.95);
    f("yolov5", coder::yolov5{.stride = 8, .eps = 1e-30}, -3.0, 3.0);
    f("tblr", coder::tblr{.normalizer = {4, 3, 2, 1}}, -2.0, 2.0);
    f("tblr pixels", coder::tblr{.normalize_by_wh = false}, -9.0, 9.0);
    f("distance", coder::distance_point{}, -40.0, 40.0);
    f("linear", coder::linear_distance{.sign = coder::distance_sign::any}, -2.0, 2.0);
    f("linear pixels", coder::linear_distance{.normalize_by_size = false}, 0.1, 50.0);
    f("pseudo", coder::pseudo{}, -50.0, 50.0);
}
bool has(const char* name, const char* what) { return std::strstr(name, what) != nullptr; }

template <class T>
std::vector<T> uniform(unsigned seed, std::size_t n, double low, double high) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> u(low, high);
    std::vector<T> v(n);
    for (T& x : v) x = static_cast<T>(u(random));
    return v;
}
/// Prior boxes of sides 4 to 200 in a picture of 800; points with strides of 4 to 32.
template <class T, class C>
std::vector<T> priors_of(unsigned seed, std::size_t n) {
    auto v = uniform<T>(seed, 4 * n, 0, 640);
    const auto s = uniform<T>(seed + 1, 2 * n, 4, 200);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t c = 0; c < 2; ++c) {
            v[4 * i + 2 + c] = takes_points<C> ? T(4) * static_cast<T>(1 + (i + c) % 8) : v[4 * i + c] + s[2 * i + c];
        }
    }
    return v;
}
/// One prior as the coder takes it.
template <class C, class T>
auto prior_at(const C& c, const std::vector<T>& v, std::size_t i) {
    if constexpr (takes_points<C>) {
        return prior::point<T>{v[4 * i], v[4 * i + 1], v[4 * i + 2], v[4 * i + 3]};
    } else if constexpr (requires { c.stride; }) {
        return coder::strided_box<T>{{v[4 * i], v[4 * i + 1], v[4 * i + 2], v[4 * i + 3]}, static_cast<T>(c.stride)};
    } else {
        (void)c;
        return box<T>{v[4 * i], v[4 * i + 1], v[4 * i + 2], v[4 * i + 3]};
    }
}
template <class T>
view<const T, 2> rows_of(const std::vector<T>& v, position columns = 4) {
    return {v.data(), {{static_cast<position>(v.size()) / columns, columns}}};
}

}  // namespace

TEMPLATE_TEST_CASE("encode after decode and decode after encode change 8 ULP times 1 + |box| / stride", "[coder][property]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
    for_each_coder([&](const char* name, const auto& c, double low, double high) {
        using C = std::remove_cvref_t<decltype(c)>;
        if (has(name, "legacy") || has(name, "glip")) return;  // do not undo one another, as published
        const std::size_t n = 2003;
        const auto priors = priors_of<T, C>(51, n);
        const auto codes = uniform<T>(53, 4 * n, low, high);
        const auto boxes = data_of<T>(coder::decode(b, c, rows_of(priors), rows_of(codes)));
        const auto back = data_of<T>(coder::encode(b, c, rows_of(priors), rows_of(boxes)));
        const auto again = data_of<T>(coder::decode(b, c, rows_of(priors), rows_of(back)));
        double worst_code = 0;
        double worst_box = 0;
        for (std::size_t i = 0; i < n; ++i) {
            double reach = 0;
            for (std::size_t k = 0; k < 4; ++k) reach = std::max(reach, std::abs(static_cast<double>(boxes[4 * i + k])));
            const auto at = [&](const std::vector<T>& v, std::size_t k) { return static_cast<double>(v[4 * i + k]); };
            for (std::size_t k = 0; k < 4; ++k) {
                const double centre = std::abs(at(priors, k % 2)) + std::abs(at(priors, 2 + k % 2));
                const double side = takes_points<C> ? at(priors, 2 + k % 2) : at(priors, 2 + k % 2) - at(priors, k % 2);
                // The unit of codes in pixels, what a code of 1 adds, and what sizes lose that are read from corners.
                double unit = side;
                double slope = 1;
                const double size = std::abs(at(boxes, 2 + k % 2) - at(boxes, k % 2));
                if (has(name, "distance") || has(name, "pixels") || has(name, "pseudo")) unit = 1;
                if (has(name, "yolo") && !has(name, "yolox")) unit = k < 2 ? 8 : side;
                if (has(name, "tblr")) slope = 1 / (has(name, "pixels") ? 4.0 : 4.0 - static_cast<double>(k));
                if (has(name, "tblr")) unit = has(name, "pixels") ? 1 : k < 2 ? at(priors, 3) - at(priors, 1) : at(priors, 2) - at(priors, 0);
                if (has(name, "delta") && !has(name, "delta ")) slope = k < 2 ? 10 : k == 2 ? 5 : 1 / 0.3;
                double lost = slope * (reach + centre) / unit;
                if (k >= 2 && (has(name, "delta") || has(name, "yolo"))) lost = slope * (reach + centre) / size * (has(name, "yolov5") ? 8 : 1);
                if (k < 2 && has(name, "yolov5")) lost *= 8;  // dx/dσ up to 1/(σ(1 - σ)) = 22, over 4
                const double allowed = eps * (1 + std::abs(at(codes, k)) + lost);
                worst_code = std::max(worst_code, std::abs(at(back, k) - at(codes, k)) / allowed);
                worst_box = std::max(worst_box, std::abs(at(again, k) - at(boxes, k)) / (eps * (side + reach + centre)));
            }
        }
        INFO(name << ": codes " << worst_code << ", boxes " << worst_box << " ULP");
        CHECK(worst_code <= 8);
        CHECK(worst_box <= 8);
    });
}

TEST_CASE("decode's gradient is that of 4th-order differences, at 2000 random points of each coder", "[coder][gradient]") {
    using T = double;
    const boxgrad::memory<T> b;
    for (const bool bordered : {false, true}) {
        const image_shape border = bordered ? image_shape{.h = 500, .w = 600} : image_shape{};
        for_each_coder([&](const char* name, const auto& c, double low, double high) {
            using C = std::remove_cvref_t<decltype(c)>;
            const std::size_t n = 2000;
            const auto priors = priors_of<T, C>(54, n);
            const auto codes = uniform<T>(55, 4 * n, low, high);
            const auto upstream = uniform<T>(56, 4 * n, -1, 1);
            const auto gradient = data_of<T>(coder::decode_gradient(b, c, rows_of(priors), rows_of(codes), rows_of(upstream), border));
            const double h = 1e-3 * (high - low) / 16;
            std::vector<T> at[5];
            double worst = 0;
            std::size_t tried = 0;
            const auto plain = data_of<T>(coder::decode(b, c, rows_of(priors), rows_of(codes)));
            for (std::size_t k = 0; k < 4; ++k) {
                for (const int m : {-2, -1, 1, 2}) {
                    auto moved = codes;
                    for (std::size_t i = 0; i < n; ++i) moved[4 * i + k] += m * h;
                    at[m + 2] = data_of<T>(coder::decode(b, c, rows_of(priors), rows_of(moved), border));
                }
                for (std::size_t i = 0; i < n; ++i) {
                    double slope = 0;
                    double scale = 0;
                    bool kink = false;
                    for (std::size_t j = 0; j < 4; ++j) {
                        const auto d = [&](int m) { return at[m + 2][4 * i + j]; };
                        const double edge = j % 2 == 0 ? border.w : border.h;
                        const double here = plain[4 * i + j];
                        if (bordered && (std::abs(here) < 2 || std::abs(here - edge) < 2)) kink = true;
                        slope += upstream[4 * i + j] * (8 * (d(1) - d(-1)) - (d(2) - d(-2))) / (12 * h);
                        scale += std::abs(upstream[4 * i + j] * here) + 1;
                    }
                    if (kink) continue;
                    ++tried;
                    worst = std::max(worst, std::abs(slope - gradient[4 * i + k]) / std::max(scale, std::abs(slope)));
                }
            }
            INFO(name << ", border " << bordered << ": off by " << worst);
            CHECK(tried > n);
            CHECK(worst <= 1e-8);
        });
    }
}

TEMPLATE_TEST_CASE("codes of classes are those of calls for each class, bit for bit", "[coder][property]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    for_each_coder([&](const char* name, const auto& c, double low, double high) {
        using C = std::remove_cvref_t<decltype(c)>;
        const std::size_t classes = 3;
        for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{5}, std::size_t{16}, std::size_t{37}}) {
            const auto priors = priors_of<T, C>(57, n);
            const auto codes = uniform<T>(58, 4 * classes * n, low, high);
            const auto upstream = uniform<T>(59, 4 * classes * n, -1, 1);
            const image_shape border{.h = 300, .w = 400};
            const auto all = data_of<T>(coder::decode(b, c, rows_of(priors), rows_of(codes, 12), border));
            const auto slope = data_of<T>(coder::decode_gradient(b, c, rows_of(priors), rows_of(codes, 12), rows_of(upstream, 12), border));
            bool equal = all.size() == 12 * n && slope.size() == 12 * n;
            for (std::size_t k = 0; k < classes && equal; ++k) {
                std::vector<T> one;
                std::vector<T> up;
                for (std::size_t i = 0; i < 4 * n; ++i) {
                    one.push_back(codes[i / 4 * 12 + 4 * k + i % 4]);
                    up.push_back(upstream[i / 4 * 12 + 4 * k + i % 4]);
                }
                const auto boxes = data_of<T>(coder::decode(b, c, rows_of(priors), rows_of(one), border));
                const auto gradient = data_of<T>(coder::decode_gradient(b, c, rows_of(priors), rows_of(one), rows_of(up), border));
                for (std::size_t i = 0; i < 4 * n; ++i) {
                    equal = equal && std::memcmp(&boxes[i], &all[i / 4 * 12 + 4 * k + i % 4], sizeof(T)) == 0 &&
                            std::memcmp(&gradient[i], &slope[i / 4 * 12 + 4 * k + i % 4], sizeof(T)) == 0;
                }
            }
            INFO(name << ", " << n << " rows");
            CHECK(equal);
        }
    });
}

TEMPLATE_TEST_CASE("priors that are computed decode and encode as those that are stored, bit for bit", "[coder][property]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    const prior::yolo_anchor_generator anchors{{7.3}, {{{10, 13}, {16, 30.1}, {33, 23}}}};
    const prior::mlvl_point_generator points{{{7.3, 12}}, 0.5};
    for_each_coder([&](const char* name, const auto& c, double low, double high) {
        using C = std::remove_cvref_t<decltype(c)>;
        for (const boxgrad::featmap_size size : {boxgrad::featmap_size{4, 5}, {1, 1}, {7, 1}}) {
            const auto compare = [&](const auto& grid, const auto& stored) {
                const auto n = static_cast<std::size_t>(grid.size());
                const auto codes = uniform<T>(60, 4 * n, low, high);
                const auto boxes = coder::decode(b, c, grid, rows_of(codes));
                CHECK(same(data_of<T>(boxes), data_of<T>(coder::decode(b, c, stored, rows_of(codes)))));
                CHECK(same(data_of<T>(coder::encode(b, c, grid, boxes)), data_of<T>(coder::encode(b, c, stored, boxes))));
                CHECK(same(data_of<T>(coder::decode_gradient(b, c, grid, rows_of(codes), boxes)),
                           data_of<T>(coder::decode_gradient(b, c, stored, rows_of(codes), boxes))));
            };
            INFO(name);
            if constexpr (takes_points<C>) {
                const prior::with_strides four{points};
                compare(points.template grid<T>(0, size), prior::single_level_grid_priors(b, four, size, 0));
            } else {
                compare(anchors.template grid<T>(0, size), prior::single_level_grid_priors(b, anchors, size, 0));
            }
        }
    });
}

TEMPLATE_LIST_TEST_CASE("coders of each kind on every backend, bit for bit as on plain memory", "[coder][property]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const boxgrad::memory<T> plain;
    const auto check = [&](const char* name, const auto& c, double low, double high) {
        using C = std::remove_cvref_t<decltype(c)>;
        const std::size_t n = 21;
        const auto priors = priors_of<T, C>(61, n);
        const auto codes = uniform<T>(62, 4 * n, low, high);
        const extents<2> e{{21, 4}};
        const image_shape border{.h = 300, .w = 400};
        const auto p = test::from_host(b, e, priors);
        const auto x = test::from_host(b, e, codes);
        const auto boxes = coder::decode(b, c, p, x, border);
        INFO(name);
        const auto expected = coder::decode(plain, c, rows_of(priors), rows_of(codes), border);
        CHECK(test::near(test::to_host<2>(b, boxes), data_of<T>(expected), 0));
        CHECK(test::near(test::to_host<2>(b, coder::encode(b, c, p, boxes)), data_of<T>(coder::encode(plain, c, rows_of(priors), expected)), 0));
        // Partial derivatives are sums that a compiler may fuse in scalars otherwise than in packs.
        const double fused = std::same_as<boxgrad::lanes_t<TestType>, boxgrad::lanes_t<boxgrad::memory<T>>> ? 0 : 8;
        CHECK(test::near(test::to_host<2>(b, coder::decode_gradient(b, c, p, x, boxes, border)),
                         data_of<T>(coder::decode_gradient(plain, c, rows_of(priors), rows_of(codes), expected, border)), fused));
    };
    // One of each kind of prior: boxes, strided boxes, points.
    check("delta", coder::delta_xywh{.target_stds = {0.1, 0.1, 0.2, 0.2}}, -2.0, 2.0);
    check("yolov5", coder::yolov5{.stride = 8}, -3.0, 3.0);
    check("distance", coder::distance_point{}, -40.0, 40.0);
}

TEMPLATE_TEST_CASE("P30 any layout of codes, priors and boxes gives the same bits", "[coder][promise]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    const coder::delta_xywh c;
    const std::size_t n = 37;
    const auto priors = priors_of<T, coder::delta_xywh>(63, n);
    const auto codes = uniform<T>(64, 8 * n, -1, 1);
    const auto expected = coder::decode(b, c, rows_of(priors), rows_of(codes, 8));
    for (const extents<2>& s : {extents<2>{{1, 37}}, extents<2>{{-8, 1}}, extents<2>{{11, 1}}, extents<2>{{-1, -40}}}) {
        const auto arranged = [&](std::vector<T>& memory, position columns, const std::vector<T>& values) {
            memory.assign(4000, T(-7));
            const view<T, 2> v(memory.data() + 2000, {{37, columns}}, s);
            for (position i = 0; i < 37; ++i) {
                for (position k = 0; k < columns && !values.empty(); ++k) v(i, k) = values[static_cast<std::size_t>(i * columns + k)];
            }
            return v;
        };
        std::vector<T> m[3];
        const auto x = arranged(m[0], 4, priors);
        const auto y = arranged(m[1], 8, codes);
        auto out = arranged(m[2], 8, {});
        coder::decode_into(b, c, x, y, out);
        bool equal = true;
        for (position i = 0; i < 37; ++i) {
            for (position k = 0; k < 8; ++k) equal = equal && out(i, k) == expected(i, k);
        }
        CHECK(equal);
        CHECK(std::count(m[2].begin(), m[2].end(), T(-7)) == 4000 - 37 * 8);
    }
}

TEST_CASE("P17 a code that is not a number shows in its row, and in no other", "[coder][promise]") {
    using T = float;
    const boxgrad::memory<T> b;
    for_each_coder([&](const char* name, const auto& c, double low, double high) {
        using C = std::remove_cvref_t<decltype(c)>;
        const std::size_t n = 37;
        const auto priors = priors_of<T, C>(65, n);
        const auto codes = uniform<T>(66, 4 * n, low, high);
        const auto upstream = uniform<T>(67, 4 * n, -1, 1);
        const auto before = data_of<T>(coder::decode(b, c, rows_of(priors), rows_of(codes), {.h = 300, .w = 400}));
        const auto slope = data_of<T>(coder::decode_gradient(b, c, rows_of(priors), rows_of(codes), rows_of(upstream)));
        for (const std::size_t bad : {std::size_t{0}, std::size_t{6}, std::size_t{36}}) {
            for (std::size_t k = 0; k < 4; ++k) {
                auto broken = codes;
                broken[4 * bad + k] = boxgrad::not_a_number<T>;
                const auto after = data_of<T>(coder::decode(b, c, rows_of(priors), rows_of(broken), {.h = 300, .w = 400}));
                const auto after_slope = data_of<T>(coder::decode_gradient(b, c, rows_of(priors), rows_of(broken), rows_of(upstream)));
                bool others = true;
                bool seen = false;
                for (std::size_t i = 0; i < 4 * n; ++i) {
                    if (i / 4 != bad) {
                        others = others && std::memcmp(&before[i], &after[i], sizeof(T)) == 0 && std::memcmp(&slope[i], &after_slope[i], sizeof(T)) == 0;
                    } else {
                        seen = seen || std::isnan(after[i]);
                    }
                }
                INFO(name << ", number " << k);
                CHECK(others);
                CHECK(seen);
            }
        }
    });
}

TEMPLATE_TEST_CASE("P8 huge codes give finite boxes, and finite gradients", "[coder][promise]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> b;
    for_each_coder([&](const char* name, const auto& c, double, double) {
        using C = std::remove_cvref_t<decltype(c)>;
        // Sizes: any finite number. Places: as far as a box may lie.
        const bool sized = has(name, "delta") || has(name, "yolo");
        const T far = static_cast<T>(std::ldexp(1.0, sizeof(T) == 4 ? 50 : 490));
        const T largest = boxgrad::largest_finite<T>;
        std::vector<T> codes;
        for (const T x : {T(-1), T(0), T(1)}) {
            for (const T w : {-largest, T(-1e6), T(37.9), T(38), T(39), T(88), T(340), T(710), T(1e6), largest}) {
                codes.insert(codes.end(), {x * far, -x * far, sized ? w : x * far, sized ? -w : x * far});
            }
        }
        const auto priors = priors_of<T, C>(68, codes.size() / 4);
        const auto upstream = uniform<T>(69, codes.size(), -1, 1);
        bool finite = true;
        for (const T x : data_of<T>(coder::decode(b, c, rows_of(priors), rows_of(codes)))) finite = finite && std::isfinite(x);
        INFO(name);
        CHECK(finite);
        for (const T x : data_of<T>(coder::decode_gradient(b, c, rows_of(priors), rows_of(codes), rows_of(upstream)))) finite = finite && std::isfinite(x);
        CHECK(finite);
        for (const T x : data_of<T>(coder::decode(b, c, rows_of(priors), rows_of(codes), {.h = 500, .w = 600}))) {
            if (!has(name, "pseudo") && !has(name, "linear")) finite = finite && x >= T(0) && x <= T(600);
        }
        CHECK(finite);
    });
}

TEMPLATE_LIST_TEST_CASE("P26 P28 coders refuse shapes that do not agree and outputs over inputs", "[coder][promise]", test::float_backends) {
    const TestType b;
    const coder::delta_xywh c;
    const auto four = [&](position n) { return test::from_host(b, extents<2>{{n, 4}}, uniform<float>(70, static_cast<std::size_t>(4 * n), 1, 2)); };
    const auto wide = [&](position n, position columns) {
        return test::from_host(b, extents<2>{{n, columns}}, uniform<float>(71, static_cast<std::size_t>(columns * n), 1, 2));
    };
    CHECK_THROWS_AS(coder::decode(b, c, four(3), four(2)), boxgrad::shape_error);
    CHECK_THROWS_AS(coder::decode(b, c, wide(3, 5), four(3)), boxgrad::shape_error);
    CHECK_THROWS_AS(coder::decode(b, c, four(3), wide(3, 5)), boxgrad::shape_error);
    CHECK_THROWS_AS(coder::decode(b, c, four(3), wide(3, 0)), boxgrad::shape_error);
    CHECK_THROWS_AS(coder::decode_gradient(b, c, four(3), four(3), four(2)), boxgrad::shape_error);
    CHECK_THROWS_AS(coder::decode_gradient(b, c, four(3), wide(3, 8), four(3)), boxgrad::shape_error);
    CHECK_THROWS_AS(coder::encode(b, c, four(3), four(2)), boxgrad::shape_error);
    CHECK_THROWS_AS(coder::encode(b, c, four(3), wide(3, 6)), boxgrad::shape_error);
    CHECK_THROWS_AS(coder::decode(b, coder::yolo{}, wide(3, 6), four(3)), boxgrad::shape_error);
    CHECK_THROWS_AS(coder::decode(b, coder::yolox{}, wide(3, 2), four(3)), boxgrad::shape_error);
    CHECK_THROWS_AS(coder::decode(b, coder::distance_point{}, wide(3, 3), four(3)), boxgrad::shape_error);
    CHECK(test::to_host<2>(b, coder::decode(b, c, four(0), four(0))).empty());
    CHECK(test::to_host<2>(b, coder::decode(b, c, four(0), wide(0, 8))).empty());
    CHECK(test::to_host<2>(b, coder::encode(b, c, four(0), four(0))).empty());
    auto out = four(2);
    CHECK_THROWS_AS(coder::decode_into(b, c, four(3), four(3), out), boxgrad::shape_error);
}

TEST_CASE("P28 decode refuses an output over codes, priors or a source's boxes", "[coder][promise]") {
    const boxgrad::memory<float> b;
    auto memory = uniform<float>(72, 200, 1, 2);
    const auto before = memory;
    const view<const float, 2> priors(memory.data(), {{8, 4}});
    const view<const float, 2> codes(memory.data() + 40, {{8, 4}});
    view<float, 2> over_priors(memory.data() + 31, {{8, 4}});
    view<float, 2> over_codes(memory.data() + 40, {{8, 4}});
    view<float, 2> apart(memory.data() + 100, {{8, 4}});
    view<float, 2> repeated(memory.data() + 100, {{8, 4}}, {{0, 1}});
    for_each_coder([&](const char* name, const auto& c, double, double) {
        INFO(name);
        CHECK_THROWS_AS(coder::decode_into(b, c, priors, codes, over_codes), boxgrad::shape_error);
        CHECK_THROWS_AS(coder::decode_into(b, c, codes, priors, over_codes), boxgrad::shape_error);
        CHECK_THROWS_AS(coder::decode_into(b, c, priors, view<const float, 2>(memory.data() + 140, {{8, 4}}), over_priors), boxgrad::shape_error);
        CHECK_THROWS_AS(coder::decode_into(b, c, priors, codes, repeated), boxgrad::shape_error);
        if constexpr (!takes_points<std::remove_cvref_t<decltype(c)>>) {
            const boxgrad::stored_boxes<float> source{priors};
            CHECK_THROWS_AS(coder::decode_into(b, c, source, view<const float, 2>(memory.data() + 140, {{8, 4}}), over_priors), boxgrad::shape_error);
        }
    });
    CHECK(memory == before);
    coder::decode_into(b, coder::delta_xywh{}, priors, codes, apart);
    CHECK(std::equal(memory.begin(), memory.begin() + 100, before.begin()));
}
