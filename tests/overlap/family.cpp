// SPDX-License-Identifier: Apache-2.0
//
// Every overlap of the family against its published formula, written anew in long double; its symmetry,
// range, invariance and gradient; what is promised of degenerate, huge and broken boxes.
#include "catch.hpp"
#include "overlap_terms.hpp"

#include <boxgrad/overlap/diou.hpp>
#include <boxgrad/overlap/eiou.hpp>
#include <boxgrad/overlap/siou.hpp>

#include <array>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace {

namespace overlap = boxgrad::overlap;
using boxgrad::box;
using overlap::alpha_rule;
using overlap::eps_rule;
using overlap::siou_distance;
using wide = long double;

constexpr wide pi = 3.14159265358979323846264338327950288L;

struct wide_box {
    wide x1, y1, x2, y2;
    wide w() const { return x2 - x1; }
    wide h() const { return y2 - y1; }
    wide area() const { return w() * h(); }
};
template <class T>
wide_box widened(const box<T>& b) {
    wide_box r{static_cast<wide>(b.x1), static_cast<wide>(b.y1), static_cast<wide>(b.x2), static_cast<wide>(b.y2)};
    r.x2 = std::max(r.x1, r.x2);
    r.y2 = std::max(r.y1, r.y2);
    return r;
}
wide shared(const wide_box& a, const wide_box& b) {
    const wide w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
    const wide h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
    return w > 0 && h > 0 ? w * h : 0;
}
wide_box around(const wide_box& a, const wide_box& b) {
    return {std::min(a.x1, b.x1), std::min(a.y1, b.y1), std::max(a.x2, b.x2), std::max(a.y2, b.y2)};
}
/// 0/0 is 0 everywhere.
wide part(wide a, wide b) { return b > 0 ? a / b : 0; }
wide within(wide x) { return std::min(std::max(x, wide(-1)), wide(1)); }

/// The union as mmdetection's bbox_overlaps ("floor") or its losses ("added") divide by it.
wide published_union(eps_rule rule, const wide_box& a, const wide_box& b, wide eps) {
    const wide i = shared(a, b);
    switch (rule) {
        case eps_rule::floor: return std::max(a.area() + b.area() - i, eps);
        case eps_rule::added: return a.area() + b.area() - i + eps;
        case eps_rule::none: return a.area() + b.area() - i;
        case eps_rule::sides: return a.w() * (a.h() + eps) + b.w() * (b.h() + eps) - i + eps;
    }
    return 0;
}
template <eps_rule Rule, class T>
wide published(const overlap::basic_iou<Rule>& o, const box<T>& p, const box<T>& q) {
    const wide_box a = widened(p);
    const wide_box b = widened(q);
    return part(shared(a, b), published_union(Rule, a, b, static_cast<wide>(o.eps)));
}
template <class T>
wide published(const overlap::inclusive_iou&, const box<T>& p, const box<T>& q) {
    // The sum is a T's, as that of a picture's last pixel is.
    const box<T> a{p.x1, p.y1, p.x2 + T(1), p.y2 + T(1)};
    const box<T> b{q.x1, q.y1, q.x2 + T(1), q.y2 + T(1)};
    return part(shared(widened(a), widened(b)), published_union(eps_rule::none, widened(a), widened(b), 0));
}
template <class T>
wide published(const overlap::iof& o, const box<T>& p, const box<T>& q) {
    return part(shared(widened(p), widened(q)), std::max(widened(p).area(), wide(o.eps)));
}
template <eps_rule Rule, class T>
wide published(const overlap::basic_giou<Rule>& o, const box<T>& p, const box<T>& q) {
    const wide_box a = widened(p);
    const wide_box b = widened(q);
    const wide u = published_union(Rule, a, b, static_cast<wide>(o.eps));
    const wide area = around(a, b).area();
    const wide i = part(shared(a, b), u);
    if (Rule == eps_rule::floor) return i - part(std::max(area, wide(o.eps)) - u, std::max(area, wide(o.eps)));
    if (Rule == eps_rule::none) return i - part(area - u, area);
    // torchvision and ultralytics: eps in the divisors.
    const wide bare = Rule == eps_rule::added ? published_union(eps_rule::none, a, b, 0) : u;
    return std::min(wide(1), i - part((Rule == eps_rule::added ? area : area + wide(o.eps)) - bare, area + wide(o.eps)));
}
template <class T>
wide centres(const box<T>& p, const box<T>& q, wide eps) {
    const wide_box a = widened(p);
    const wide_box b = widened(q);
    const wide_box h = around(a, b);
    const wide dx = (b.x1 + b.x2 - a.x1 - a.x2) / 2;
    const wide dy = (b.y1 + b.y2 - a.y1 - a.y2) / 2;
    return part(dx * dx + dy * dy, h.w() * h.w() + h.h() * h.h() + eps);
}
template <eps_rule Rule, class T>
wide published(const overlap::basic_diou<Rule>& o, const box<T>& p, const box<T>& q) {
    return published(overlap::basic_iou<Rule>{o.eps}, p, q) - centres(p, q, static_cast<wide>(o.eps));
}
struct aspect {
    wide v, alpha;
};
template <alpha_rule Alpha, eps_rule Rule, class T>
aspect aspect_of(const overlap::basic_ciou<Alpha, Rule>& o, const box<T>& p, const box<T>& q) {
    const wide_box a = widened(p);
    const wide_box b = widened(q);
    const wide more = Alpha == alpha_rule::gated || Rule == eps_rule::sides ? wide(o.eps) : 0;
    const auto angle = [&](const wide_box& x) { return std::atan2(x.w(), std::max(x.h() + more, static_cast<wide>(Alpha == alpha_rule::plain ? o.eps : 0))); };
    const wide turn = angle(b) - angle(a);
    const wide v = 4 / (pi * pi) * turn * turn;
    const wide u = published(overlap::basic_iou<Rule>{o.eps}, p, q);
    if (Alpha == alpha_rule::gated) return {v, u > wide(0.5) ? part(v, 1 - u + v) : 0};
    return {v, part(v, 1 - u + v + wide(o.eps))};
}
template <alpha_rule Alpha, eps_rule Rule, class T>
wide published(const overlap::basic_ciou<Alpha, Rule>& o, const box<T>& p, const box<T>& q) {
    const aspect s = aspect_of(o, p, q);
    const wide r = published(overlap::basic_diou<Rule>{o.eps}, p, q) - s.alpha * s.v;
    return Alpha == alpha_rule::gated ? within(r) : r;
}
template <class T>
wide published(const overlap::eiou& o, const box<T>& p, const box<T>& q) {
    const wide_box a = widened(p);
    const wide_box b = widened(q);
    const wide x1 = std::min(a.x1, b.x1);
    const wide y1 = std::min(a.y1, b.y1);
    const wide ix1 = std::max(a.x1, b.x1);
    const wide iy1 = std::max(a.y1, b.y1);
    const wide ix2 = std::min(a.x2, b.x2);
    const wide iy2 = std::min(a.y2, b.y2);
    const wide xmin = std::min(ix1, ix2);
    const wide ymin = std::min(iy1, iy2);
    const wide xmax = std::max(ix1, ix2);
    const wide ymax = std::max(iy1, iy2);
    const wide i = (ix2 - x1) * (iy2 - y1) + (xmin - x1) * (ymin - y1) - (ix1 - x1) * (ymax - y1) - (xmax - x1) * (iy1 - y1);
    return part(i, a.area() + b.area() - i + wide(o.eps));
}
template <siou_distance Distance, class T>
wide published(const overlap::basic_siou<Distance>& o, const box<T>& p, const box<T>& q) {
    const wide_box a = widened(p);
    const wide_box b = widened(q);
    const auto e = static_cast<wide>(o.eps);
    const wide sx = (b.x1 + b.x2 - a.x1 - a.x2) / 2 + e;
    const wide sy = (b.y1 + b.y2 - a.y1 - a.y2) / 2 + e;
    const wide sigma = std::sqrt(sx * sx + sy * sy);
    const wide sin_x = part(std::abs(sx), sigma);
    const wide sin_y = part(std::abs(sy), sigma);
    const wide sine = sin_x > std::sqrt(wide(0.5)) ? sin_y : sin_x;
    const wide angle = sigma > 0 ? std::cos(2 * std::asin(sine) - pi / 2) : 0;
    const wide gamma = Distance == siou_distance::paper ? angle - 2 : 2 - angle;
    const wide_box h = around(a, b);
    const auto far = [&](wide s, wide side) {
        const wide r = part(s, std::max(side, e));
        return 1 - std::exp(gamma * r * r);
    };
    const auto unlike = [](wide s, wide t) { return std::pow(1 - std::exp(-part(std::abs(s - t), std::max(s, t))), 4); };
    const wide distance = far(sx, h.w()) + far(sy, h.h());
    const wide shape = unlike(a.w(), b.w()) + unlike(a.h() + e, b.h() + e);
    return within(published(overlap::basic_iou<eps_rule::added>{o.eps}, p, q) - (distance + shape) / 2);
}

/// Sixty-four ways in which two boxes lie: eight relations, four sizes, two shapes. Upright, sides of a
/// few units up to 1000, so that eps is small beside them.
template <class T>
std::pair<box<T>, box<T>> stratum(int k, std::mt19937_64& random) {
    std::uniform_real_distribution<double> u(0.05, 0.95);
    const double size[] = {1, 16, 150, 1000};
    const double s = size[k / 8 % 4];
    const double thin = k / 32 % 2 == 0 ? 1 : 0.02;
    const auto t = [](double x) { return static_cast<T>(x); };
    const double x = s * 3 * u(random);
    const double y = s * 3 * u(random);
    const double w = s * (0.5 + u(random));
    const double h = s * thin * (0.5 + u(random));
    const box<T> a{t(x), t(y), t(x + w), t(y + h)};
    const double dw = w * (0.5 + u(random));
    const double dh = h * (0.5 + u(random));
    const double x0 = x + w * u(random);
    const double y0 = y + h * u(random);
    switch (k % 8) {
        case 0: return {a, {t(x0), t(y0), t(x0 + dw), t(y0 + dh)}};                                                // overlap at a corner
        case 1: return {a, {t(x0), t(y0), t(x0 + (x + w - x0) * u(random)), t(y0 + (y + h - y0) * u(random))}};      // inside
        case 2: return {a, {a.x2, t(y0), t(x + w + dw), t(y0 + dh)}};                                              // share an edge
        case 3: return {a, {a.x2, a.y2, t(x + w + dw), t(y + h + dh)}};                                            // share a corner
        case 4: return {a, {t(x + w + s * u(random)), t(y - h - s * u(random) - dh), t(x + w + s + dw), t(y - h - s * u(random) * 0.05)}};  // apart
        case 5: return {a, a};                                                                                     // equal
        case 6: return {a, {t(x - dw), t(y0), t(x + w + dw), t(y0 + (y + h - y0) * u(random))}};                     // a cross
        default: return {a, {t(x + w * 0.01 * u(random)), t(y + h * 0.01 * u(random)), t(x + w), t(y + h)}};         // nearly equal
    }
}

/// ciou without its aspect term.
template <alpha_rule Alpha, eps_rule Rule>
overlap::basic_diou<Rule> as_diou(const overlap::basic_ciou<Alpha, Rule>& o) {
    return {o.eps};
}

template <class T>
bool same(T a, T b) {
    return std::memcmp(&a, &b, sizeof(T)) == 0;
}
template <class T>
box<T> moved(const box<T>& b, T dx, T dy) {
    return {b.x1 + dx, b.y1 + dy, b.x2 + dx, b.y2 + dy};
}
template <class T>
box<T> scaled(const box<T>& b, T s) {
    return {b.x1 * s, b.y1 * s, b.x2 * s, b.y2 * s};
}
template <class T>
std::string shown(const box<T>& b) {
    std::string s = "(";
    char text[40];
    for (const T x : {b.x1, b.y1, b.x2, b.y2}) {
        std::snprintf(text, sizeof text, "%.17g ", static_cast<double>(x));
        s += text;
    }
    return s + ")";
}
bool has(const char* name, const char* what) { return std::strstr(name, what) != nullptr; }

/// Value and eight partial derivatives: of the first box, then of the second.
template <class T, class O>
std::array<T, 9> with_gradient(const O& o, const box<T>& a, const box<T>& b) {
    using D = boxgrad::dual<T, 4>;
    const D first = o(boxgrad::as_variables(a), boxgrad::as_constants<D>(b));
    const D second = o(boxgrad::as_constants<D>(a), boxgrad::as_variables(b));
    return {first.value,      first.partial[0],  first.partial[1],  first.partial[2], first.partial[3],
            second.partial[0], second.partial[1], second.partial[2], second.partial[3]};
}

}  // namespace

TEMPLATE_TEST_CASE("every overlap is its formula in long double, in 64 strata", "[overlap][property]", float, double) {
    using T = TestType;
    const double unit = static_cast<double>(std::numeric_limits<T>::epsilon());
    for (const double eps : {1e-6, 0.0, 1e-16, 1e-2}) {
        test::for_each_term(eps, [&](const char* name, const auto& o) {
            std::mt19937_64 random(21);
            double worst = 0;
            std::string where;
            for (int i = 0; i < 64 * 60; ++i) {
                const auto [a, b] = stratum<T>(i % 64, random);
                // Where ciou's gate opens, a rounding decides.
                if (has(name, "gated") && std::abs(published(overlap::basic_iou<eps_rule::added>{eps}, a, b) - 0.5L) < 1e-5L) continue;
                const wide e = published(o, a, b);
                const double off = std::abs(static_cast<double>(static_cast<wide>(o(a, b)) - e)) / unit;
                if (!(off <= worst)) {
                    worst = off;
                    where = shown(a) + shown(b);
                }
            }
            INFO(name << ", eps " << eps << ": off by " << worst << " eps at " << where);
            // The inverted form multiplies what is off in the exponent by up to e².
            CHECK(worst <= (has(name, "inverted") ? 16 : 8));
        });
    }
}

TEMPLATE_TEST_CASE("overlaps are symmetric and stay in their range, rounding included", "[overlap][property]", float, double) {
    using T = TestType;
    const T unit = std::numeric_limits<T>::epsilon();
    for (const double eps : {1e-6, 0.0}) {
        test::for_each_term(eps, [&](const char* name, const auto& o) {
            std::mt19937_64 random(22);
            T least = 1;
            T most = -1;
            T skew = 0;
            int above_iou = 0;
            for (int i = 0; i < 64 * 400; ++i) {
                auto [a, b] = stratum<T>(i % 64, random);
                if (i / 64 % 4 == 1) {
                    // A few units in the last place wide, far out.
                    const T far = static_cast<T>(1000 + static_cast<int>(random() % 4096));
                    const T step = std::nextafter(far, T(2) * far) - far;
                    const auto at = [&] { return far + step * static_cast<T>(random() % 6); };
                    a = {at(), at(), at(), at()};
                    b = {at(), at(), at(), at()};
                } else if (i / 64 % 4 == 2) {
                    // Nested, the sizes almost the same.
                    const auto shrink = [&](T x) { return random() % 2 == 0 ? x : x - static_cast<T>(random() % 3) * unit * std::abs(x); };
                    b = {a.x1, a.y1, shrink(a.x2), shrink(a.y2)};
                }
                const T u = o(a, b);
                const T v = o(b, a);
                // In siou eps counts beside a box's sides.
                const bool beside = has(name, "siou") && eps > 0 && i / 64 % 4 == 1;
                if (!has(name, "iof") && !beside) skew = std::max(skew, std::abs(u - v));
                least = std::min({least, u, v});
                most = std::max({most, u, v});
                if (u != u || v != v) most = boxgrad::infinity<T>;
                if (has(name, "iof") && u < overlap::iou{eps}(a, b) * (1 - 2 * unit)) ++above_iou;
            }
            INFO(name << ", eps " << eps << ": in [" << least << ", " << most << "], differs by " << skew);
            const bool positive = has(name, "iou floor") == (name[0] == 'i') && name[0] == 'i';
            CHECK(least >= (positive || has(name, "iof") ? T(0) : has(name, "plain") ? T(-2) : T(-1)));
            CHECK(most <= T(1));
            CHECK(above_iou == 0);
            // eps breaks siou's symmetry by its share of a hull's side, 0.01 at least.
            CHECK(static_cast<double>(skew) <= (has(name, "siou") ? 4 * eps / 0.01 : 0.0));
        });
    }
}

TEMPLATE_TEST_CASE("equal boxes overlap wholly, whatever their size and place", "[overlap][property]", float, double) {
    using T = TestType;
    std::mt19937_64 random(23);
    std::uniform_real_distribution<double> u(0.5, 1);
    for (const double eps : {1e-6, 0.0, 1e-2}) {
        test::for_each_term(eps, [&](const char* name, const auto& o) {
            bool whole = true;
            for (int i = 0; i < 20000; ++i) {
                const double size = std::ldexp(u(random), i % 40 - 8);
                const double shape = std::ldexp(u(random), static_cast<int>(random() % 12) - 6);
                const box<T> a{T(0), T(0), static_cast<T>(size), static_cast<T>(size * shape)};
                const box<T> b = i % 2 == 0 ? a : moved(a, static_cast<T>(std::ldexp(1, i % 12)), T(3));
                const T r = o(b, b);
                // eps is added to the union, or keeps it from falling below.
                const wide e = published(o, b, b);
                whole = whole && r <= T(1) && std::abs(static_cast<wide>(r) - e) <= 8 * static_cast<wide>(std::numeric_limits<T>::epsilon());
            }
            INFO(name << ", eps " << eps);
            CHECK(whole);
        });
    }
    // mmdetection's ciou is 0/0 here: in float its eps is lost.
    for (const float side : {1.0F, 5.7F, 6.0F, 10.0F, 33.3F, 100.0F, 1e3F, 1e5F, 1e9F, 1e18F}) {
        const box<float> b{0, 0, side, side * 0.7F};
        CHECK(overlap::ciou{}(b, b) == Approx(1.0F).epsilon(1e-5));
        CHECK(overlap::ciou{0}(b, b) == 1.0F);
    }
}

TEMPLATE_TEST_CASE("overlaps move along a grid and scale by powers of two without a change of bits", "[overlap][property]", float, double) {
    using T = TestType;
    std::mt19937_64 random(24);
    test::for_each_term(0, [&](const char* name, const auto& o) {
        int moved_bits = 0;
        int scaled_bits = 0;
        for (int i = 0; i < 10000; ++i) {
            const auto at = [&] { return static_cast<T>(static_cast<int>(random() % 64)) / T(8); };
            const box<T> a{at(), at(), at(), at()};
            box<T> b{at(), at(), at(), at()};
            if (i % 8 == 0) b = a;
            const T dx = static_cast<T>(static_cast<int>(random() % 2048)) / T(8) - T(128);
            const T dy = static_cast<T>(static_cast<int>(random() % 2048)) / T(8) - T(128);
            moved_bits += same(o(moved(a, dx, dy), moved(b, dx, dy)), o(a, b)) ? 0 : 1;
            const T s = std::ldexp(T(1), static_cast<int>(random() % 106) - 56);  // sides from 2^-59 to 2^53
            // Of two boxes without an area GIoU has the hull alone, and above it the smallest normal number.
            if (has(name, "giou") && widened(a).area() == 0 && widened(b).area() == 0) continue;
            scaled_bits += same(o(scaled(a, s), scaled(b, s)), o(a, b)) ? 0 : 1;
        }
        INFO(name);
        CHECK(moved_bits == 0);
        CHECK(scaled_bits == 0);
    });
    // With eps as well, as long as nothing but sums of whole parts depends on the place.
    test::for_each_term(1e-6, [&](const char* name, const auto& o) {
        bool exact = true;
        for (int i = 0; i < 10000; ++i) {
            const auto at = [&] { return static_cast<T>(static_cast<int>(random() % 64)); };
            const box<T> a{at(), at(), at(), at()};
            const box<T> b{at(), at(), at(), at()};
            exact = exact && same(o(moved(a, T(77), T(-130)), moved(b, T(77), T(-130))), o(a, b));
        }
        INFO(name);
        CHECK(exact);
    });
}

TEST_CASE("P6 without eps every overlap is as exact at every scale, sides from 2^-60 to 2^58", "[overlap][promise]") {
    test::for_each_term(0, [&](const char* name, const auto& o) {
        std::mt19937_64 random(25);
        double worst = 0;  // relative, of values clear of 0
        double worst_absolute = 0;
        std::string where;
        for (int i = 0; i < 40000; ++i) {
            auto [a, b] = stratum<float>(static_cast<int>(random() % 32), random);
            // Sides of the stratum are 1/40 to 5000; the smallest becomes 2^-60 or more.
            const float low = std::min(std::min(a.width(), a.height()), std::min(b.width(), b.height()));
            const int k = -60 - std::ilogb(low) + static_cast<int>(random() % 100);
            a = scaled(a, std::ldexp(1.0F, k));
            b = scaled(b, std::ldexp(1.0F, k));
            const wide e = published(o, a, b);
            if (has(name, "gated") && std::abs(published(overlap::iou{0}, a, b) - 0.5L) < 1e-5L) continue;
            const double off = std::abs(static_cast<double>(static_cast<wide>(o(a, b)) - e));
            const double ulp = std::ldexp(1.0, std::max(std::ilogb(static_cast<double>(e)), -40) - 23);
            worst_absolute = std::max(worst_absolute, off / 0x1p-23);
            if (e != 0 && off / ulp > worst) {
                worst = off / ulp;
                where = shown(a) + shown(b);
            }
        }
        INFO(name << ": off by " << worst << " ULP, absolutely by " << worst_absolute << " eps; " << where);
        const bool quotient = name[0] == 'i';
        CHECK(worst_absolute <= (has(name, "inverted") ? 16 : 8));
        if (quotient) CHECK(worst <= 6);  // measured: 4.93, where the union is little more than the intersection
    });
}

TEST_CASE("an overlap's gradient is that of 4th-order differences, of either box", "[overlap][gradient]") {
    for (const double eps : {1e-6, 0.0}) {
        test::for_each_term(eps, [&](const char* name, const auto& o) {
            std::mt19937_64 random(26);
            double worst = 0;
            std::string where;
            int tried = 0;
            for (int i = 0; i < 64 * 60; ++i) {
                const int k = i % 64;
                if (k % 8 == 2 || k % 8 == 3 || k % 8 == 5) continue;  // on a kink
                auto pair = stratum<double>(k, random);
                box<double>& a = pair.first;
                box<double>& b = pair.second;
                double* corner[8] = {&a.x1, &a.y1, &a.x2, &a.y2, &b.x1, &b.y1, &b.x2, &b.y2};
                const double least = std::min(std::min(a.width(), a.height()), std::min(b.width(), b.height()));
                const double h = 1e-3 * least;
                // Kinks: equal corners, equal centres, equal sides, and ciou's gate.
                const auto near = [&](double x, double y) { return std::abs(x - y) < 4 * h; };
                if (near(a.x1, b.x1) || near(a.x2, b.x2) || near(a.y1, b.y1) || near(a.y2, b.y2) || near(a.x1, b.x2) || near(a.x2, b.x1) ||
                    near(a.y1, b.y2) || near(a.y2, b.y1) || near(a.x1 + a.x2, b.x1 + b.x2) || near(a.y1 + a.y2, b.y1 + b.y2) ||
                    near(a.width(), b.width()) || near(a.height(), b.height())) {
                    continue;
                }
                if (has(name, "gated") && std::abs(overlap::iou{}(a, b) - 0.5) < 0.02) {
                    continue;
                }
                if (std::abs(o(a, b)) >= 1) continue;  // a clamp
                const auto g = with_gradient(o, a, b);
                // alpha is frozen where the gradient is taken.
                double frozen = 0;
                if constexpr (requires { aspect_of(o, a, b); }) frozen = static_cast<double>(aspect_of(o, a, b).alpha);
                const auto functional = [&] {
                    if constexpr (requires { aspect_of(o, a, b); }) {
                        using O = std::remove_cvref_t<decltype(o)>;
                        return published(as_diou(o), a, b) - static_cast<wide>(frozen) * aspect_of(O(o), a, b).v;
                    } else {
                        return published(o, a, b);
                    }
                };
                double scale = 0;
                for (std::size_t c = 1; c < 9; ++c) scale = std::max(scale, std::abs(g[c]));
                if (scale == 0) scale = 1;  // boxes apart
                for (std::size_t c = 0; c < 8; ++c) {
                    const double x = *corner[c];
                    const auto at = [&](int m) {
                        *corner[c] = x + m * h;
                        return functional();
                    };
                    // The steps that were taken are those between the coordinates that were rounded.
                    const wide slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / 12 / static_cast<wide>(h);
                    *corner[c] = x;
                    const double off = std::abs(g[c + 1] - static_cast<double>(slope)) / scale;
                    if (!(off <= worst)) {
                        worst = off;
                        where = shown(a) + shown(b) + " corner " + std::to_string(c);
                    }
                }
                ++tried;
            }
            INFO(name << ", eps " << eps << ": off by " << worst << " of the largest derivative at " << where << " of " << tried);
            CHECK(tried > 300);
            CHECK(worst <= 1e-8);
        });
    }
}
