// SPDX-License-Identifier: Apache-2.0
//
// What holds for every term of the lists, whatever its formula.
#include "catch.hpp"
#include "loss_subject.hpp"

#include <array>
#include <cstring>
#include <limits>
#include <numeric>

namespace {

using test::batch;
using test::call;
using test::reduce;
using test::subject;

constexpr double eps = 0x1p-52;

template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}
/// What is no normal number has fewer digits.
bool near(double a, double b, double size) { return a == b || std::abs(a - b) <= 8 * eps * size + 0x1p-1070; }

/// The same bits; where a compiler may fuse products with sums it does so otherwise beside derivatives, and values agree
/// to rounding.
template <class T>
bool agree(const std::vector<T>& a, const std::vector<T>& b) {
#if defined(__FMA__)
    bool close = a.size() == b.size();
    for (std::size_t i = 0; close && i < a.size(); ++i) {
        const double x = static_cast<double>(a[i]);
        const double y = static_cast<double>(b[i]);
        const double size = std::max({1.0, std::abs(x), std::abs(y)});
        close = x == y || std::abs(x - y) <= 8 * static_cast<double>(std::numeric_limits<T>::epsilon()) * size;
    }
    return close;
#else
    return same(a, b);
#endif
}

struct result {
    std::vector<double> value, gradient;
    double total;
};
result evaluate(batch<double>& b, const call<double>& c) {
    std::fill(b.gradient.begin(), b.gradient.end(), -99.0);
    const auto a = b.s->in_double(c);
    return {a.value, b.gradient, a.total};
}

/// f(batch) for every term and number of columns; a few blocks of a kernel.
template <class F>
void for_each_term(test::index rows, F&& f) {
    for (const subject& s : test::all_subjects()) {
        for (const test::index columns : s.columns) {
            batch<double> b(s, rows, columns, 7);
            INFO(s.name << ", " << columns << " columns");
            f(s, b);
        }
    }
}

/// A box of its own size every way from a target, slid away along x, y and a diagonal.
struct slide {
    std::array<double, 4> from;
    double dx, dy;
};

}  // namespace

TEST_CASE("every term: none sums to sum, means are the sum divided, losses are not negative",
          "[loss][property][battery]") {
    for_each_term(1501, [](const subject& s, batch<double>& b) {
        const auto each = evaluate(b, b.plain());
        CHECK(each.value.size() == static_cast<std::size_t>(b.rows * s.width(b.columns)));
        long double exact = 0;
        double magnitude = 0;
        bool signs = true;
        for (const double l : each.value) {
            exact += static_cast<long double>(l);
            magnitude += std::abs(l);
            signs = signs && (l >= 0 || !s.is(test::nonnegative));
        }
        CHECK(signs);
        CHECK((magnitude > 0 || b.columns == 1));  // a softmax of one class is 1
        call<double> c = b.plain();
        c.reduction = reduce::sum;
        const auto sum = evaluate(b, c);
        CHECK(std::abs(sum.total - static_cast<double>(exact)) <= 8 * eps * magnitude);
        CHECK(same(sum.gradient, each.gradient));
        c.times = -0.5;
        const auto half = evaluate(b, c);
        CHECK(half.total == sum.total);
        bool halves = true;
        for (std::size_t k = 0; k < half.gradient.size(); ++k)
            halves = halves && near(-2 * half.gradient[k], each.gradient[k], 0);
        CHECK(halves);
        c.times = 1;
        c.reduction = reduce::over;
        c.avg_factor = 7;
        const auto over = evaluate(b, c);
        CHECK(over.total == Approx(sum.total / (7 + 0x1p-23)).epsilon(1e-14));
        double largest = 0;
        for (const double g : each.gradient) largest = std::max(largest, s.is(test::cancels) ? std::abs(g) : 0.0);
        bool scaled = true;
        for (std::size_t k = 0; k < over.gradient.size(); ++k) {
            scaled = scaled && near(over.gradient[k] * (7 + 0x1p-23), each.gradient[k],
                                    std::max(largest, std::abs(each.gradient[k])));
        }
        CHECK(scaled);
        // The value alone, and with its gradient.
        c = b.plain();
        c.gradient = {};
        CHECK(agree(s.in_double(c).value, each.value));
        if (s.in_float) {
            batch<float> f(s, b.rows, b.columns, 7);
            const auto with = s.in_float(f.plain()).value;
            call<float> without = f.plain();
            without.gradient = {};
            CHECK(agree(s.in_float(without).value, with));
            bool floats = true;
            for (const float l : with) floats = floats && (l >= 0 || !s.is(test::nonnegative));
            CHECK(floats);
        }
    });
}

TEST_CASE("every term: linear in weight and upstream gradient", "[loss][property][battery]") {
    for_each_term(701, [](const subject& s, batch<double>& b) {
        const auto plain = evaluate(b, b.plain());
        const auto check = [&](const result& r, const auto& weight, const auto& pull) {
            const auto width = static_cast<std::size_t>(s.width(b.columns));
            const auto columns = static_cast<std::size_t>(b.columns);
            bool values = true, gradients = true;
            double largest = 0;
            for (const double g : r.gradient) largest = std::max(largest, s.is(test::cancels) ? std::abs(g) : 0.0);
            for (std::size_t k = 0; k < r.value.size(); ++k) {
                const double w = weight(k / width, k % width);
                values = values && near(r.value[k], w * plain.value[k], std::abs(w * plain.value[k])) &&
                         (w != 0 || r.value[k] == 0);
            }
            if (s.shape != test::shape::coordinate) {  // there a coordinate moves four losses
                for (std::size_t k = 0; k < r.gradient.size(); ++k) {
                    const std::size_t i = k / columns, l = width == 1 ? 0 : k % columns;
                    const double g = weight(i, l) * pull(i, l) * plain.gradient[k];
                    gradients = gradients && near(r.gradient[k], g, std::max(largest, std::abs(g))) &&
                                (weight(i, l) != 0 || r.gradient[k] == 0);
                }
            }
            CHECK(values);
            CHECK(gradients);
        };
        const auto one = [](std::size_t, std::size_t) { return 1.0; };
        const auto of_row = [&](std::size_t i, std::size_t) { return b.row_weight[i]; };
        const auto pulls = [&](std::size_t i, std::size_t l) {
            return b.by_row() ? b.row_upstream[i] : b.upstream[static_cast<std::size_t>(b.columns) * i + l];
        };
        call<double> c = b.with_row_weight();
        check(evaluate(b, c), of_row, one);
        check(evaluate(b, b.pull(c)), of_row, pulls);
        c = b.plain();
        check(evaluate(b, b.pull(c)), one, pulls);
        if (s.shape == test::shape::row) return;
        c = b.plain();
        c.weight = b.matrix(b.weight);
        const auto full = [&](std::size_t i, std::size_t l) {
            const double* w = b.weight.data() + static_cast<std::size_t>(b.columns) * i;
            return s.shape == test::shape::box ? ((w[0] + w[1]) + (w[2] + w[3])) * 0.25 : w[l];
        };
        check(evaluate(b, b.pull(c)), full, pulls);
        if (s.shape != test::shape::coordinate) return;
        // The gradient of all is that of one loss at a time, added up.
        const auto all = evaluate(b, c);
        std::vector<double> added(all.gradient.size(), 0), magnitude(added);
        for (std::size_t l = 0; l < 4; ++l) {
            std::vector<double> only(b.upstream.size(), 0);
            for (std::size_t k = l; k < only.size(); k += 4) only[k] = b.upstream[k];
            c.upstream = b.matrix(only);
            const auto part = evaluate(b, c);
            for (std::size_t k = 0; k < added.size(); ++k) {
                added[k] += part.gradient[k];
                magnitude[k] += std::abs(part.gradient[k]);
            }
        }
        bool sums = true;
        for (std::size_t k = 0; k < added.size(); ++k) sums = sums && near(added[k], all.gradient[k], magnitude[k]);
        CHECK(sums);
    });
}

TEST_CASE("P16 every term: rows of NaN with the weight 0 contribute exactly 0", "[loss][property][battery][promise]") {
    for (const double poison : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                                -std::numeric_limits<double>::infinity()}) {
        for_each_term(203, [&](const subject& s, batch<double>& b) {
            const auto clean = evaluate(b, b.with_row_weight());
            const auto columns = static_cast<std::size_t>(b.columns);
            batch<double> full = b;
            for (std::size_t i = 0; i < static_cast<std::size_t>(b.rows); ++i) {
                if (b.row_weight[i] != 0) continue;
                for (std::size_t k = columns * i; k < columns * (i + 1); ++k) {
                    b.x[k] = poison;
                    if (s.target == test::wants::dense) b.t[k] = poison;
                }
                b.row_upstream[i] = poison;
            }
            const auto poisoned = evaluate(b, b.with_row_weight());
            CHECK(same(poisoned.value, clean.value));
            CHECK(same(poisoned.gradient, clean.gradient));
            call<double> c = b.with_row_weight();
            c.reduction = reduce::sum;
            if (s.shape == test::shape::row || s.shape == test::shape::box) CHECK(std::isfinite(evaluate(b, c).total));
            c = b.with_row_weight();
            if (b.by_row()) {
                c.row_upstream = b.column(b.row_upstream);
                bool finite = true;
                for (const double g : evaluate(b, c).gradient) finite = finite && std::isfinite(g);
                CHECK(finite);
            }
            if (s.shape != test::shape::elementwise) return;
            c = full.plain();
            c.weight = full.matrix(full.weight);
            const auto before = evaluate(full, c);
            for (std::size_t k = 0; k < full.x.size(); ++k) {
                if (full.weight[k] == 0) full.x[k] = full.t[k] = full.upstream[k] = poison;
            }
            const auto after = evaluate(full, c);
            CHECK(same(after.value, before.value));
            CHECK(same(after.gradient, before.gradient));
        });
    }
}

TEST_CASE("every term: a permutation of rows permutes results, which are the same bits twice",
          "[loss][property][battery]") {
    for_each_term(309, [](const subject& s, batch<double>& b) {
        call<double> c = b.with_row_weight();
        const auto first = evaluate(b, b.pull(c));
        const auto kept = b;
        const auto again = evaluate(b, c);
        CHECK((same(first.value, again.value) && same(first.gradient, again.gradient)));
        CHECK((same(kept.x, b.x) && same(kept.t, b.t) && kept.labels == b.labels && same(kept.numbers, b.numbers) &&
               same(kept.row_weight, b.row_weight) && same(kept.upstream, b.upstream) &&
               same(kept.row_upstream, b.row_upstream)));

        std::vector<std::size_t> order(static_cast<std::size_t>(b.rows));
        std::iota(order.begin(), order.end(), std::size_t{0});
        test::generator random(11);
        std::shuffle(order.begin(), order.end(), random);
        const auto shuffled = [&](const auto& v) {
            auto r = v;
            const std::size_t width = v.size() / order.size();
            for (std::size_t i = 0; i < order.size(); ++i) {
                for (std::size_t k = 0; k < width; ++k) r[width * i + k] = v[width * order[i] + k];
            }
            return r;
        };
        batch<double> p = b;
        for (auto* v : {&p.x, &p.t, &p.numbers, &p.row_weight, &p.upstream, &p.row_upstream}) *v = shuffled(*v);
        p.labels = shuffled(p.labels);
        call<double> d = p.with_row_weight();
        const auto moved = evaluate(p, p.pull(d));
        CHECK(same(moved.value, shuffled(first.value)));
        CHECK(same(moved.gradient, shuffled(first.gradient)));
        static_cast<void>(s);
    });
}

TEST_CASE("elementwise terms and softmax: labels are rows of 0 and 1", "[loss][property][battery]") {
    const auto compare = [](const subject& labelled, const subject& dense, test::index columns, bool background) {
        batch<double> b(dense, 331, columns, 5);
        test::generator random(6);
        batch<double> l = b;
        l.s = &labelled;
        std::fill(b.t.begin(), b.t.end(), 0.0);
        for (std::size_t i = 0; i < l.labels.size(); ++i) {
            l.labels[i] =
                static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(columns + (background ? 1 : 0)));
            if (l.labels[i] < columns)
                b.t[i * static_cast<std::size_t>(columns) + static_cast<std::size_t>(l.labels[i])] = 1;
        }
        call<double> by_label = l.with_row_weight();
        by_label.t = {};
        by_label.labels = {l.labels.data(), boxgrad::extents<1>{{l.rows}}};
        call<double> by_number = b.with_row_weight();
        const auto one = evaluate(l, l.pull(by_label));
        const auto other = evaluate(b, b.pull(by_number));
        bool values = one.value.size() == other.value.size(), gradients = true;
        for (std::size_t k = 0; k < one.value.size() && values; ++k)
            values = near(one.value[k], other.value[k], std::abs(other.value[k]));
        for (std::size_t k = 0; k < one.gradient.size(); ++k)
            gradients = gradients && near(one.gradient[k], other.gradient[k], std::abs(other.gradient[k]));
        INFO(labelled.name << " and " << dense.name << ", " << columns << " columns");
        CHECK(values);
        CHECK(gradients);
    };
    for (const subject& s : test::elementwise_subjects()) {
        for (const test::index columns : s.columns) compare(s, s, columns, true);
    }
    const auto rows = test::row_subjects();
    const auto named = [&](const std::string& name) {
        return *std::find_if(rows.begin(), rows.end(), [&](const subject& s) { return s.name == name; });
    };
    for (const test::index columns : {1, 3, 17}) {
        compare(named("cross_entropy"), named("cross_entropy, distributions"), columns, false);
        compare(named("softmax_focal"), named("softmax_focal, distributions"), columns, false);
        compare(named("per_row of bce, labels"), named("per_row of bce"), columns, true);
    }
}

TEST_CASE("P15 limits of parameters are the simpler terms", "[loss][property][battery][promise]") {
    for (const test::equality& e :
         test::joined(test::elementwise_equalities(), test::box_equalities(), test::row_equalities())) {
        for (const test::index columns : e.left.columns) {
            batch<double> l(e.left, 999, columns, 9);
            batch<double> r(e.right, 999, columns, 9);
            const auto left = evaluate(l, l.plain());
            const auto right = evaluate(r, r.plain());
            double worst = 0;
            double largest = 1;
            for (std::size_t k = 0; k < left.value.size(); ++k)
                worst = std::max(worst, std::abs(left.value[k] - e.factor * right.value[k]) /
                                            std::max(1.0, std::abs(left.value[k])));
            for (const double g : right.gradient) largest = std::max(largest, std::abs(g));
            for (std::size_t k = 0; k < left.gradient.size(); ++k)
                worst = std::max(worst, std::abs(left.gradient[k] - e.factor * right.gradient[k]) / largest);
            INFO(e.name << ", " << columns << " columns: " << worst / eps << " ε");
            CHECK(worst <= 8 * eps);
        }
    }
}

TEST_CASE("terms of differences: 0 at the target, and nowhere falling away from it", "[loss][property][battery]") {
    for (const subject& s : test::elementwise_subjects()) {
        if (!s.is(test::zero_at_target)) continue;
        for (const double t : {0.0, -3.5, 1e6}) {
            CHECK(s.losses(&t, &t, &t, 1)[0] == 0);
            double last[2] = {0, 0};
            bool grows = true;
            for (int i = 1; i < 4000; ++i) {
                for (const int way : {0, 1}) {
                    const double x = t + (way == 0 ? -1e-3 : 1e-3) * i;
                    const double l = s.losses(&x, &x, &t, 1)[0];
                    grows = grows && l >= last[way] * (1 - 8 * eps);
                    last[way] = l;
                }
            }
            INFO(s.name << ", target " << t);
            CHECK((grows || !s.is(test::grows)));
            CHECK(last[0] > 0);
        }
    }
}

TEST_CASE("box terms: a box that slides away never pays", "[loss][property][battery]") {
    const double t[4] = {40, 60, 80, 90};
    // The same size; wide, flat, small, large, all with the target's centre.
    const std::array<double, 4> starts[] = {
        {40, 60, 80, 90}, {30, 70, 90, 80}, {58, 40, 62, 110}, {55, 72, 65, 78}, {10, 30, 110, 120}};
    const std::array<double, 2> ways[] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 1}, {-0.25, 0.75}};
    for (const subject& s : test::box_subjects()) {
        for (const auto& start : starts) {
            for (const auto& way : ways) {
                double last = -1;
                bool grows = true;
                bool pulls = true;
                double at = 0;
                for (double by = 0; by < 400; by += 0.5) {
                    const double p[4] = {start[0] + by * way[0], start[1] + by * way[1], start[2] + by * way[0],
                                         start[3] + by * way[1]};
                    double l = 0;
                    for (const double x : s.losses(p, p, t, 4)) l += x;
                    if (by == 0 && start == starts[0]) {
                        INFO(s.name << " of equal boxes");
                        CHECK(l <= 2e-6);  // eps of the divisors
                        if (s.is(test::zero_at_target)) CHECK(l <= 1e-9);
                    }
                    const bool apart = p[2] < t[0] || p[0] > t[2] || p[3] < t[1] || p[1] > t[3];
                    if (grows && !(l >= last - 8 * eps)) {
                        grows = false;
                        at = by;
                    }
                    pulls = pulls && (!apart || l > last);
                    last = l;
                }
                INFO(s.name << " from " << start[0] << ' ' << start[1] << " along " << way[0] << ' ' << way[1]
                            << ": falls at " << at);
                if (s.is(test::along_axes) && way[0] != 0 && way[1] != 0) continue;
                if (s.is(test::grows)) CHECK(grows);
                if (s.is(test::pulls)) CHECK(pulls);
            }
        }
    }
}
