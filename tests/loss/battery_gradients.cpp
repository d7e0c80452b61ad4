// SPDX-License-Identifier: Apache-2.0
//
// The gradient of every term of the lists: against 4th-order differences, in float against double, and where
// formulas switch.
#include "catch.hpp"
#include "loss_subject.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace {

using test::batch;
using test::subject;

/// What float holds, in both precisions.
struct both {
    batch<float> single;
    batch<double> exact;

    both(const subject& s, test::index n, test::index columns, unsigned seed)
        : single(s, n, columns, seed), exact(s, n, columns, seed) {
        exact.x.assign(single.x.begin(), single.x.end());
        exact.t.assign(single.t.begin(), single.t.end());
        exact.numbers.assign(single.numbers.begin(), single.numbers.end());
    }
};

/// The losses of every row with column c moved by `steps` of its own steps, added up.
std::vector<double> moved(const batch<double>& b, test::index c, double steps) {
    const subject& s = *b.s;
    batch<double> to = b;
    for (test::index i = 0; i < b.rows; ++i) {
        const double* row = b.x.data() + i * b.columns;
        to.x[static_cast<std::size_t>(i * b.columns + c)] += steps * s.step(row, c);
    }
    std::vector<double> sums;
    if (!s.losses) {
        test::call<double> call = to.plain();
        call.gradient = {};
        return s.in_double(call).value;
    }
    for (test::index i = 0; i < b.rows; ++i) {
        double sum = 0;
        for (const double l :
             s.losses(b.x.data() + i * b.columns, to.x.data() + i * b.columns, b.t.data() + i * b.columns, b.columns))
            sum += l;
        sums.push_back(sum);
    }
    return sums;
}

bool is_hard(const batch<double>& b, test::index i, test::index c) {
    if (b.s->target != test::wants::dense) return b.s->target == test::wants::label;
    const double t = b.t[static_cast<std::size_t>(i * b.columns + c)];
    return t == 0 || t == 1;
}

}  // namespace

TEST_CASE("every term: the gradient is the limit of differences", "[loss][gradient][battery]") {
    for (const subject& s : test::all_subjects()) {
        const bool boxes = s.shape == test::shape::box || s.shape == test::shape::coordinate;
        for (const test::index columns :
             s.shape == test::shape::elementwise ? std::vector<test::index>{1} : s.columns) {
            const test::index rows = s.shape == test::shape::row ? 24000 / columns : 100000;
            batch<double> b(s, rows, columns, 3);
            const auto call = b.plain();
            s.in_double(call);
            test::index used = 0;
            double worst = 0;
            test::index at = 0;
            for (test::index c = 0; c < columns; ++c) {
                const auto f2 = moved(b, c, 2), f1 = moved(b, c, 1), g1 = moved(b, c, -1), g2 = moved(b, c, -2);
                for (test::index i = 0; i < rows; ++i) {
                    const double* row = b.x.data() + i * columns;
                    if (!s.clear(row, b.t.data() + i * columns, c)) continue;
                    ++used;
                    const auto k = static_cast<std::size_t>(i);
                    const double d = (g2[k] - 8 * g1[k] + 8 * f1[k] - f2[k]) / (12 * s.step(row, c));
                    const double off = std::abs(d - b.gradient[static_cast<std::size_t>(i * columns + c)]) /
                                       std::max(1.0, std::abs(d));
                    if (!(off <= worst)) {
                        worst = off;
                        at = i;
                    }
                }
            }
            INFO(s.name << ", " << columns << " columns: largest error " << worst << " in row " << at << ", " << used
                        << " points");
            CHECK(used > (boxes ? rows : rows / 2));  // of boxes, a quarter of all corners
            CHECK(worst <= 1e-8);
        }
    }
}

TEST_CASE("every term: float agrees with double", "[loss][gradient][battery]") {
    for (const subject& s : test::all_subjects()) {
        for (const test::index columns : s.columns) {
            const test::index rows = std::max<test::index>(100000 / columns / (s.shape == test::shape::row ? 4 : 1), 1);
            both b(s, rows, columns, 2);
            const auto call = b.single.plain();
            const auto value = s.in_float(call).value;
            s.in_double(b.exact.plain());
            double largest = 0;
            double worst = 0;
            double tails = 0;
            double tail_at = 0;
            for (test::index i = 0; i < rows; ++i) {
                for (test::index c = 0; c < columns; ++c) {
                    // Float may round onto the switch.
                    const double* x = b.exact.x.data() + i * columns;
                    const double* t = b.exact.t.data() + i * columns;
                    if (s.shape == test::shape::elementwise || s.shape == test::shape::row ? !s.clear(x, t, c)
                                                                                           : test::to_side(x, t) < 1e-4)
                        continue;
                    const auto k = static_cast<std::size_t>(i * columns + c);
                    const double off = std::abs(b.exact.gradient[k] - static_cast<double>(b.single.gradient[k]));
                    largest = std::max(largest, std::abs(b.exact.gradient[k]));
                    worst = !(off <= worst) ? off : worst;
                    if (s.is(test::exact_tails) && is_hard(b.exact, i, c)) {
                        const double relative = off / std::max(std::abs(b.exact.gradient[k]), 0x1p-120);
                        if (!(relative <= tails)) {
                            tails = relative;
                            tail_at = x[c];
                        }
                    }
                }
            }
            INFO(s.name << ", " << columns << " columns: largest error " << worst << " of " << largest << ", in tails "
                        << tails << " at " << tail_at);
            CHECK(worst <= 1e-5 * largest);
            CHECK(tails <= 1e-5);
        }
    }
}

TEST_CASE("elementwise terms: at 0, at every switch and beside it", "[loss][gradient][battery]") {
    for (const subject& s : test::elementwise_subjects()) {
        const auto value = [&](double x, double t) { return s.losses(&x, &x, &t, 1)[0]; };
        const auto slope = [&](double x, double t) {
            batch<double> b(s, 1, 1, 0);
            b.x[0] = x;
            b.t[0] = t;
            s.in_double(b.plain());
            return b.gradient[0];
        };
        for (const double t : {0.0, 1.0, 0.25, 0.7}) {
            auto at = s.switches(t);
            if (s.highest != test::reach::unit) at.push_back(0);
            for (const double x : at) {
                const double h = 1e-3 * (s.highest == test::reach::unit ? std::min({x, 1 - x, 0.1}) : 1.0);
                if (h <= 0) continue;
                // 4th-order differences of one side, from s outwards.
                const auto side = [&](double from, double way) {
                    const auto f = [&](double n) { return value(from + way * n * h, t); };
                    return way * (-25 * f(0) + 48 * f(1) - 36 * f(2) + 16 * f(3) - 3 * f(4)) / (12 * h);
                };
                const double beside = 1e-9 * std::max(1.0, std::abs(x));
                const double right = side(x + beside, 1);
                const double left = side(x - beside, -1);
                INFO(s.name << " at " << x << ", target " << t << ": slopes " << left << " and " << right);
                CHECK(slope(x + beside, t) == Approx(right).margin(1e-7));
                CHECK(slope(x - beside, t) == Approx(left).margin(1e-7));
                const double here = slope(x, t);
                CHECK(here >= std::min(left, right) - 1e-7);
                CHECK(here <= std::max(left, right) + 1e-7);
                CHECK(std::isfinite(here));
            }
        }
    }
}

TEST_CASE("box terms: at kinks the gradient lies between the slopes of both sides", "[loss][gradient][battery]") {
    using corners = std::array<double, 4>;
    const corners t{10, 20, 50, 60};
    const corners kinks[] = {
        t,                 // identical
        {10, 20, 50, 44},  // three shared sides
        {20, 20, 40, 44},  // one, nested
        {50, 30, 70, 41},  // beside one another
        {50, 60, 70, 81},  // corner to corner
        {20, 30, 40, 50},  // the same centre, the same aspect
        {30, 40, 70, 80},  // the same size, equally far along both axes
        {30, 20, 70, 60},  // one row
        {100, 200, 150, 250},
        {12, 5, 31, 50},
    };
    for (const subject& s : test::box_subjects()) {
        for (const corners& p : kinks) {
            batch<double> b(s, 1, 4, 0);
            std::copy(p.begin(), p.end(), b.x.begin());
            std::copy(t.begin(), t.end(), b.t.begin());
            s.in_double(b.plain());
            for (std::size_t c = 0; c < 4; ++c) {
                const auto side = [&](double way) {
                    constexpr double h = 1e-6;  // a power below 1 is a line up to 1e-6 only
                    const auto f = [&](double n) {
                        corners q = p;
                        q[c] += way * n * h;
                        double sum = 0;
                        for (const double l : s.losses(p.data(), q.data(), t.data(), 4)) sum += l;
                        return sum;
                    };
                    return way * (-25 * f(0) + 48 * f(1) - 36 * f(2) + 16 * f(3) - 3 * f(4)) / (12 * h);
                };
                const double right = side(1);
                const double left = side(-1);
                INFO(s.name << " at " << p[0] << ' ' << p[1] << ' ' << p[2] << ' ' << p[3] << ", corner " << c << ": "
                            << left << ", " << right);
                CHECK(std::isfinite(b.gradient[c]));
                const double room = 1e-6 * std::max({1.0, std::abs(left), std::abs(right)});
                CHECK(b.gradient[c] >= std::min(left, right) - room);
                CHECK(b.gradient[c] <= std::max(left, right) + room);
            }
        }
    }
}
