// SPDX-License-Identifier: Apache-2.0
//
// Bad, empty and extreme input to every term of the lists: refused by name before anything is written, or finite.
#include "catch.hpp"
#include "loss_subject.hpp"

#include <boxgrad/core/error.hpp>

#include <limits>
#include <sstream>

namespace {

using test::batch;
using test::call;
using test::extents;
using test::reduce;
using test::subject;

/// What the error says, after its kind; empty where there is none.
template <class F>
std::string refused(F&& f) {
    try {
        f();
    } catch (const boxgrad::shape_error& e) {
        return std::string("shape: ") + e.what();
    } catch (const boxgrad::config_error& e) {
        return std::string("config: ") + e.what();
    }
    return "";
}

/// A call that has to be refused by naming `argument`; the gradient stays as it was.
void check_refused(batch<double>& b, const call<double>& c, const std::string& kind, const std::string& argument,
                   const std::string& also = "") {
    const std::string what = refused([&] { b.s->in_double(c); });
    INFO(b.s->name << ", " << b.columns << " columns, " << argument << ": \"" << what << '"');
    CHECK(what.find(kind + ": loss::value") == 0);
    CHECK(what.find(": " + argument + " must be ") != std::string::npos);
    CHECK(what.find(also) != std::string::npos);
    bool untouched = true;
    for (const double g : b.gradient) untouched = untouched && g == -99;
    CHECK(untouched);
}

template <class V>
V with_rows(V v, test::index rows) {
    v.extent[0] = rows;
    return v;
}
template <class V>
V with_columns(V v, test::index columns) {
    v.extent[1] = columns;
    return v;
}

template <class F>
void for_each_term(test::index rows, F&& f) {
    for (const subject& s : test::all_subjects()) {
        for (const test::index columns : s.columns) {
            batch<double> b(s, rows, columns, 21);
            f(s, b);
        }
    }
}

bool all_zero(const std::vector<double>& v) {
    return std::all_of(v.begin(), v.end(), [](double x) { return x == 0; });
}
template <class T>
bool all_finite(const std::vector<T>& v) {
    return std::all_of(v.begin(), v.end(), [](T x) { return std::isfinite(x); });
}

}  // namespace

TEST_CASE("P26 every term: shapes are refused by name before anything is written", "[loss][error][battery][promise]") {
    for_each_term(6, [](const subject& s, batch<double>& b) {
        const call<double> good = b.with_row_weight();
        call<double> c = good;
        for (const test::index rows : {1, 5}) {
            c = good;
            if (s.target == test::wants::dense) c.t = with_rows(c.t, rows);
            if (s.target == test::wants::label) c.labels = with_rows(c.labels, rows);
            if (s.target == test::wants::number) c.numbers = with_rows(c.numbers, rows);
            check_refused(b, c, "shape", "target");
            c = good;
            c.row_weight = with_rows(c.row_weight, rows);
            check_refused(b, c, "shape", "weight");
            c = good;
            c.gradient = with_rows(c.gradient, rows);
            check_refused(b, c, "shape", "gradient");
            c = good;
            b.pull(c);
            c.row_upstream = with_rows(c.row_upstream, rows);
            c.upstream = with_rows(c.upstream, rows);
            check_refused(b, c, "shape", "upstream");
        }
        if (s.target == test::wants::dense && b.columns > 1) {
            c = good;
            c.t = with_columns(c.t, 1);  // nothing is broadcast
            check_refused(b, c, "shape", "target");
        }
        if (b.columns > 1) {
            c = good;
            c.gradient = with_columns(c.gradient, b.columns - 1);
            check_refused(b, c, "shape", "gradient");
        }
        if (s.shape != test::shape::row) {
            c = b.plain();
            c.weight = with_rows(b.matrix(b.weight), 5);
            check_refused(b, c, "shape", "weight");
            c.weight = with_columns(b.matrix(b.weight), b.columns == 1 ? 0 : b.columns - 1);
            check_refused(b, c, "shape", "weight");
        }
        if (s.shape == test::shape::box || s.shape == test::shape::coordinate) {
            c = good;
            c.x = with_columns(c.x, 3);
            check_refused(b, c, "shape", "prediction");
        }
    });
}

TEST_CASE("P13 every term: a negative or NaN weight names its row", "[loss][error][battery][promise]") {
    const double bad[] = {-1e-300, std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()};
    for_each_term(1100, [&](const subject& s, batch<double>& b) {
        for (const double w : bad) {
            for (const std::size_t row : {std::size_t{0}, std::size_t{1023}, std::size_t{1024}, std::size_t{1099}}) {
                const std::string where = "in row " + std::to_string(row);
                const double kept = b.row_weight[row];
                b.row_weight[row] = w;
                call<double> c = b.with_row_weight();
                check_refused(b, c, "config", "weight", where);
                c.reduction = reduce::sum;
                check_refused(b, c, "config", "weight", where);
                b.row_weight[row] = kept;
                if (s.shape == test::shape::row) continue;
                const std::size_t at =
                    row * static_cast<std::size_t>(b.columns) + static_cast<std::size_t>(b.columns) / 2;
                const double element = b.weight[at];
                b.weight[at] = w;
                c = b.plain();
                c.weight = b.matrix(b.weight);
                check_refused(b, c, "config", "weight", where);
                b.weight[at] = element;
            }
        }
    });
}

TEST_CASE("P10 P14 every term: labels and numbers out of range name their row", "[loss][error][battery][promise]") {
    for_each_term(1100, [](const subject& s, batch<double>& b) {
        const bool elementwise = s.shape == test::shape::elementwise;
        if (!elementwise && s.target == test::wants::dense) return;
        const std::int64_t last = elementwise || s.background ? b.columns : b.columns - 1;
        const auto by_label = [&] {
            call<double> c = b.plain();
            if (elementwise) {
                c.t = {};
                c.labels = {b.labels.data(), extents<1>{{b.rows}}};
            }
            return c;
        };
        if (s.target == test::wants::number) {
            for (const double bad :
                 {-1e-9, static_cast<double>(b.columns - 1), 1e30, std::numeric_limits<double>::quiet_NaN()}) {
                b.numbers[1024] = bad;
                check_refused(b, b.plain(), "config", "target", "in row 1024");
            }
            return;
        }
        std::fill(b.labels.begin(), b.labels.end(), std::int64_t{0});
        for (const std::int64_t bad : {std::int64_t{-1}, last + 1, std::numeric_limits<std::int64_t>::min(),
                                       std::numeric_limits<std::int64_t>::max()}) {
            for (const std::size_t row : {std::size_t{0}, std::size_t{1024}}) {
                b.labels[row] = bad;
                check_refused(b, by_label(), "config", "target", "in row " + std::to_string(row));
                b.labels[row] = last;  // of no class, or the last
                CHECK(refused([&] { s.in_double(by_label()); }).empty());
                std::fill(b.gradient.begin(), b.gradient.end(), -99.0);
            }
        }
    });
}

TEST_CASE("P28 every term: a gradient in the memory of an input is refused", "[loss][error][battery][promise]") {
    for_each_term(6, [](const subject& s, batch<double>& b) {
        const extents<2> e{{b.rows, b.columns}};
        const auto check = [&](call<double> c, const void* memory) {
            // Room for it behind whatever is read: only the first number is shared.
            auto* p = static_cast<double*>(const_cast<void*>(memory));
            c.gradient = {p, e};
            const std::string what = refused([&] { s.in_double(c); });
            INFO(s.name << ": " << what);
            CHECK(what.find("shape: loss::value_and_gradient: gradient ") == 0);
        };
        call<double> c = b.with_row_weight();
        b.pull(c);
        const auto before = b;
        check(c, b.x.data() + b.x.size() - 1);
        if (s.target == test::wants::dense) check(c, b.t.data());
        if (s.target == test::wants::label) check(c, b.labels.data() + b.labels.size() - 1);
        if (s.target == test::wants::number) check(c, b.numbers.data() + b.numbers.size() - 1);
        check(c, b.row_weight.data() + b.row_weight.size() - 1);
        check(c, b.by_row() ? b.row_upstream.data() : b.upstream.data());
        if (s.shape != test::shape::row) {
            c = b.plain();
            c.weight = b.matrix(b.weight);
            check(c, b.weight.data() + b.weight.size() - 1);
        }
        CHECK((before.x == b.x && before.t == b.t && before.weight == b.weight && before.row_weight == b.row_weight &&
               before.labels == b.labels && before.upstream == b.upstream && before.numbers == b.numbers));
    });
}

TEST_CASE("P15 every term: parameters out of range are refused by name", "[loss][error][battery][promise]") {
    for (const test::refusal& r :
         test::joined(test::elementwise_refusals(), test::box_refusals(), test::row_refusals())) {
        batch<double> b(r.of, 3, r.of.columns.back(), 1);
        for (const bool gradient : {true, false}) {
            call<double> c = b.plain();
            if (!gradient) c.gradient = {};
            const std::string what = refused([&] { r.of.in_double(c); });
            INFO(r.of.name << ", " << r.parameter << ": \"" << what << '"');
            CHECK(what.find("config: loss::" + r.of.name + ": " + r.parameter + " must be ") == 0);
        }
        CHECK(std::all_of(b.gradient.begin(), b.gradient.end(), [](double g) { return g == -99; }));
    }
}

TEST_CASE("P33 every term: an average factor that is negative or not finite is refused",
          "[loss][error][battery][promise]") {
    for_each_term(5, [](const subject& s, batch<double>& b) {
        call<double> c = b.plain();
        c.reduction = reduce::over;
        for (const double factor :
             {-1.0, -1e-300, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
            c.avg_factor = factor;
            const std::string what = refused([&] { s.in_double(c); });
            INFO(s.name << ": " << what);
            CHECK(what.find("config: reduction: avg_factor must be ") == 0);
            CHECK(std::all_of(b.gradient.begin(), b.gradient.end(), [](double g) { return g == -99; }));
        }
        c.avg_factor = 0;
        CHECK(refused([&] { s.in_double(c); }).empty());
    });
}

TEST_CASE("P2 P11 every term: no rows, and rows that all have the weight 0", "[loss][error][battery][promise]") {
    for_each_term(0, [](const subject& s, batch<double>& b) {
        INFO(s.name);
        for (const bool weighted : {false, true}) {
            call<double> c = weighted ? b.with_row_weight() : b.plain();
            CHECK(s.in_double(c).value.empty());
            c.reduction = reduce::sum;
            CHECK(s.in_double(c).total == 0);
        }
        call<double> c = b.plain();
        c.reduction = reduce::over;
        for (const double factor : {0.0, 3.0}) {
            c.avg_factor = factor;
            CHECK(s.in_double(c).total == 0);
        }
    });
    for_each_term(37, [](const subject& s, batch<double>& b) {
        INFO(s.name);
        for (const double zero : {0.0, -0.0}) {
            std::fill(b.row_weight.begin(), b.row_weight.end(), zero);
            call<double> c = b.with_row_weight();
            CHECK(all_zero(s.in_double(c).value));
            CHECK(all_zero(b.gradient));
            c.reduction = reduce::sum;
            CHECK(s.in_double(c).total == 0);
            CHECK(all_zero(b.gradient));
        }
    });
}

TEMPLATE_TEST_CASE("P7 P12 every term: finite wherever its predictions are", "[loss][error][battery][promise]", float,
                   double) {
    using T = TestType;
    const T most = std::numeric_limits<T>::max();
    const T least = std::numeric_limits<T>::denorm_min();
    const T eps = std::numeric_limits<T>::epsilon();
    for (const subject& s : test::all_subjects()) {
        std::vector<T> extremes;
        if (s.highest == test::reach::everything) {
            for (const T x : {T(0), least, std::numeric_limits<T>::min(), T(1), T(30), T(89), T(104), T(710), T(745),
                              T(1e30), most / 2, most}) {
                extremes.push_back(x);
                extremes.push_back(-x);
            }
        } else if (s.highest == test::reach::squares) {
            for (const T x : {T(0), least, T(1), T(1e9), std::sqrt(most) / 4}) {
                extremes.push_back(x);
                extremes.push_back(-x);
            }
        } else if (s.highest == test::reach::unit) {
            extremes = {T(0),           T(1),     least, std::numeric_limits<T>::min(), eps, T(1) - eps,
                        T(1) - eps / 2, T(1e-12), T(0.5)};
        } else {
            const T far = std::ldexp(T(1), sizeof(T) == 4 ? 60 : 500);
            for (const T x : {T(0), least, T(1e-30), T(1), T(100), T(1e9), far / 1024, far / 2, far}) {
                extremes.push_back(x);
                extremes.push_back(-x);
            }
        }
        for (const test::index columns : s.columns) {
            const test::index rows = 4000;
            batch<T> b(s, rows, columns, 31);
            test::generator random(32);
            const bool boxes = s.highest == test::reach::boxes;
            for (std::size_t k = 0; k < b.x.size(); ++k) {
                const std::size_t c = k % static_cast<std::size_t>(columns);
                const std::size_t row = k / static_cast<std::size_t>(columns);
                const auto pick = [&] { return extremes[random() % extremes.size()]; };
                // One in a row, every one, or some; targets of boxes as well.
                if (boxes ? random() % 3 != 0
                    : s.is(test::any_logit) || s.highest != test::reach::everything
                        ? row % 3 != 0 || c == row % static_cast<std::size_t>(columns)
                        : c == row % static_cast<std::size_t>(columns)) {
                    b.x[k] = pick();
                }
                if (boxes && random() % 3 == 0) b.t[k] = pick();
            }
            if (boxes) {  // targets are boxes; predictions may be inverted (promise P5)
                for (std::size_t k = 0; k < b.t.size(); k += 4) {
                    if (b.t[k] > b.t[k + 2]) std::swap(b.t[k], b.t[k + 2]);
                    if (b.t[k + 1] > b.t[k + 3]) std::swap(b.t[k + 1], b.t[k + 3]);
                }
            }
            const auto value = test::evaluate(s, b.plain()).value;
            std::size_t bad = value.size();
            for (std::size_t k = 0; k < value.size(); ++k) {
                if (bad == value.size() && !(std::isfinite(value[k]) && (value[k] >= 0 || !s.is(test::nonnegative))))
                    bad = k;
            }
            std::size_t slope = b.gradient.size();
            for (std::size_t k = 0; k < b.gradient.size(); ++k) {
                if (slope == b.gradient.size() && !std::isfinite(b.gradient[k])) slope = k;
            }
            std::ostringstream what;
            const auto tell = [&](std::size_t row) {
                if (row >= static_cast<std::size_t>(rows)) return;
                what << "; row " << row << ": x";
                for (test::index c = 0; c < columns; ++c)
                    what << ' ' << b.x[row * static_cast<std::size_t>(columns) + static_cast<std::size_t>(c)];
                what << ", t";
                for (test::index c = 0; c < columns; ++c)
                    what << ' ' << b.t[row * static_cast<std::size_t>(columns) + static_cast<std::size_t>(c)];
            };
            if (bad < value.size()) {
                what << "value " << value[bad];
                tell(bad / static_cast<std::size_t>(s.width(columns)));
            }
            if (slope < b.gradient.size()) {
                what << "gradient " << b.gradient[slope];
                tell(slope / static_cast<std::size_t>(columns));
            }
            INFO(s.name << ", " << columns << " columns; " << what.str());
            CHECK(bad == value.size());
            CHECK(slope == b.gradient.size());
        }
    }
}
