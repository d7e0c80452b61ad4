// SPDX-License-Identifier: Apache-2.0
//
// What every overlap promises of boxes that no one wants: without size, inside out, huge, not finite.
#include "catch.hpp"
#include "overlap_terms.hpp"

#include <boxgrad/backend/memory.hpp>
#include <boxgrad/overlap/diou.hpp>
#include <boxgrad/overlap/eiou.hpp>
#include <boxgrad/overlap/pairwise.hpp>
#include <boxgrad/overlap/siou.hpp>

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

bool has(const char* name, const char* what) { return std::strstr(name, what) != nullptr; }

template <class T>
std::string shown(const box<T>& b) {
    std::string s = "(";
    char text[40];
    for (const T x : {b.x1, b.y1, b.x2, b.y2}) {
        std::snprintf(text, sizeof text, "%.9g ", static_cast<double>(x));
        s += text;
    }
    return s + ")";
}

/// Every box of corners from a list: points, lines, inverted, nested, touching, far apart.
template <class T>
std::vector<box<T>> boxes_of(const std::vector<T>& corners) {
    std::vector<box<T>> r;
    for (const T x1 : corners) {
        for (const T y1 : corners) {
            for (const T x2 : corners) {
                for (const T y2 : corners) r.push_back({x1, y1, x2, y2});
            }
        }
    }
    return r;
}

template <class T>
bool finite_gradient(const boxgrad::dual<T, 4>& d) {
    bool finite = std::isfinite(d.value);
    for (const T g : d.partial) finite = finite && std::isfinite(g);
    return finite;
}

/// Value and gradients of both boxes finite, the value in its range; where not, says so.
template <class T>
void check_pairs(double eps, const std::vector<box<T>>& boxes, std::size_t step) {
    using D = boxgrad::dual<T, 4>;
    test::for_each_term(eps, [&](const char* name, const auto& o) {
        int wrong_value = 0;
        int wrong_gradient = 0;
        int wrong_empty = 0;
        std::string where;
        std::size_t k = 0;
        for (const box<T>& a : boxes) {
            for (const box<T>& b : boxes) {
                if (++k % step != 0) continue;
                const T v = o(a, b);
                // The plain forms of ciou end at -2.
                const T least = has(name, "plain") ? T(-2) : T(-1);
                const bool in_range = v >= (has(name, "iou") == (name[0] != 'i') ? least : T(0)) && v <= T(1);
                const D first = o(boxgrad::as_variables(a), boxgrad::as_constants<D>(b));
                const D second = o(boxgrad::as_constants<D>(a), boxgrad::as_variables(b));
                const bool gradient = finite_gradient(first) && finite_gradient(second);
                const bool a_empty = !(a.x2 > a.x1 && a.y2 > a.y1);
                const bool b_empty = !(b.x2 > b.x1 && b.y2 > b.y1);
                const bool nothing = name[0] != 'i' || !(a_empty || b_empty) || v == T(0);
                if (!in_range) ++wrong_value;
                if (!gradient) ++wrong_gradient;
                if (!nothing) ++wrong_empty;
                if ((!in_range || !gradient || !nothing) && where.empty()) where = shown(a) + shown(b) + " = " + std::to_string(v);
            }
        }
        INFO(name << ", eps " << eps << ": first " << where);
        CHECK(wrong_value == 0);
        CHECK(wrong_gradient == 0);
        CHECK(wrong_empty == 0);
    });
}

}  // namespace

TEMPLATE_TEST_CASE("P5 boxes without size or inside out: overlaps in range, IoU 0, gradients finite", "[overlap][promise]", float, double) {
    using T = TestType;
    for (const double eps : {1e-6, 0.0, 1e-16}) {
        check_pairs<T>(eps, boxes_of<T>({T(0), T(1), T(2.5), T(100)}), 1);
        check_pairs<T>(eps, boxes_of<T>({T(-3), T(1000), T(1000.5), T(1e6)}), 3);
    }
}

TEMPLATE_TEST_CASE("P7 coordinates up to 2^60 and 2^500: overlaps in range, gradients finite", "[overlap][promise]", float, double) {
    using T = TestType;
    const T huge = boxgrad::largest_coordinate<T>;
    for (const double eps : {1e-6, 0.0}) {
        check_pairs<T>(eps, boxes_of<T>({-huge, T(0), T(1), huge}), 1);
        check_pairs<T>(eps, boxes_of<T>({-huge, -huge / T(3), huge * T(0.75), huge}), 3);
    }
}

TEMPLATE_TEST_CASE("P6 P7 tiny sides, down to the smallest of all, beside others: values in range", "[overlap][promise]", float, double) {
    using T = TestType;
    const T least = std::numeric_limits<T>::denorm_min();
    const T normal = std::numeric_limits<T>::min();
    for (const T tiny : {least, normal, std::sqrt(normal), std::sqrt(least) * T(3), T(1e-12)}) {
        check_pairs<T>(1e-6, boxes_of<T>({T(0), tiny, T(4) * tiny, T(1)}), 1);
    }
    // Without eps, derivatives of sides below 2^-60 pass every bound; those of 2^-60 do not.
    check_pairs<T>(0.0, boxes_of<T>({T(0), T(0x1p-60), T(0x1.8p-59), T(1)}), 1);
    for (const T tiny : {least, normal}) {
        const auto boxes = boxes_of<T>({T(0), tiny, T(4) * tiny, T(1)});
        test::for_each_term(0.0, [&](const char* name, const auto& o) {
            bool in_range = true;
            for (const box<T>& a : boxes) {
                for (const box<T>& b : boxes) {
                    const T v = o(a, b);
                    in_range = in_range && v >= T(-2) && v <= T(1);
                }
            }
            INFO(name);
            CHECK(in_range);
        });
    }
}

TEMPLATE_TEST_CASE("P17 a number that is not finite is never hidden, and no other pair sees it", "[overlap][promise]", float, double) {
    using T = TestType;
    const boxgrad::memory<T> backend;
    const T nan = boxgrad::not_a_number<T>;
    const box<T> good{T(1), T(2), T(11), T(12)};
    test::for_each_term(1e-6, [&](const char* name, const auto& o) {
        INFO(name);
        for (int corner = 0; corner < 4; ++corner) {
            T c[4] = {T(2), T(3), T(9), T(20)};
            c[corner] = nan;
            const box<T> bad{c[0], c[1], c[2], c[3]};
            INFO("corner " << corner);
            CHECK(std::isnan(o(bad, good)));
            CHECK(std::isnan(o(good, bad)));
        }
    });
    std::vector<std::array<T, 4>> boxes;
    for (int i = 0; i < 37; ++i) boxes.push_back({static_cast<T>(i), T(0), static_cast<T>(i + 7), T(9)});
    auto broken = boxes;
    broken[5] = {nan, T(0), T(1), T(1)};
    broken[20] = {T(0), boxgrad::infinity<T>, T(1), T(1)};
    const auto before = overlap::pairwise(backend, overlap::ciou{}, boxes, boxes);
    for (const bool first : {true, false}) {
        const auto after = overlap::pairwise(backend, overlap::ciou{}, first ? broken : boxes, first ? boxes : broken);
        bool others = true;
        for (int i = 0; i < 37; ++i) {
            for (int j = 0; j < 37; ++j) {
                const int k = first ? i : j;
                if (k != 5 && k != 20) others = others && std::memcmp(&before(i, j), &after(i, j), sizeof(T)) == 0;
            }
        }
        CHECK(others);
    }
}
