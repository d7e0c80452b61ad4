// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// A loss term behind functions, so that the common tests of tests/loss compile once for all terms. The terms
/// themselves are listed in tests/loss/terms_*.cpp.

#include <boxgrad/core/view.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace test {

using boxgrad::extents;
using boxgrad::index;
using generator = std::mt19937_64;

inline double unit(generator& random) { return std::uniform_real_distribution<double>(0, 1)(random); }

enum class reduce { none, sum, over };

/// Arguments of one evaluation; views without data are left out. Values are [N, width], or [N] where a row has one.
template <class T>
struct call {
    boxgrad::view<const T, 2> x, t;
    boxgrad::view<const std::int64_t, 1> labels;
    boxgrad::view<const T, 1> numbers;
    boxgrad::view<const T, 1> row_weight;
    boxgrad::view<const T, 2> weight;
    boxgrad::view<const T, 1> row_upstream;
    boxgrad::view<const T, 2> upstream;
    boxgrad::view<T, 2> gradient;
    reduce reduction = reduce::none;
    double avg_factor = 1;
    T times = 1;  ///< upstream of a sum
};

template <class T>
struct answer {
    std::vector<T> value;
    T total = 0;
};

enum class shape { elementwise, box, coordinate, row };
enum class wants { dense, label, number };

enum property : unsigned {
    nonnegative = 1,
    zero_at_target = 2,  ///< l(t, t) = 0
    grows = 4,           ///< never falls as the prediction moves away from the target; of boxes: as one slides away
    pulls = 8,           ///< disjoint boxes too: falls strictly as they are drawn together
    exact_tails = 16,    ///< every gradient of a hard target has its digits, however small
    any_logit = 32,      ///< finite wherever predictions are finite (promise P12)
    along_axes = 128,    ///< grows and pulls hold for boxes that move along x or y
    cancels = 64,        ///< a gradient is a sum of parts that may cancel
};

/// Distance to the nearest line where two sides are equal or a box ends.
inline double to_side(const double* p, const double* t) {
    double d = 1e9;
    for (int k = 0; k < 4; ++k) d = std::min({d, std::abs(p[k] - t[k]), std::abs(p[k] - t[(k + 2) % 4])});
    return std::min({d, p[2] - p[0], p[3] - p[1]});
}

enum class reach {
    everything,  ///< every finite number
    squares,     ///< numbers whose squares are finite
    boxes,       ///< what promise P7 has: 2^60 in float, 2^500 in double
    unit         ///< [0, 1]
};

/// A term, what it takes, and what holds for it.
struct subject {
    std::string name;
    test::shape shape;
    wants target;
    unsigned holds;
    bool background = false;     ///< label C is allowed
    std::vector<index> columns;  ///< of the tests
    reach highest;               ///< predictions up to which all has to be finite

    /// A prediction and target of `columns` numbers, from strata by i. A label or number is t[0].
    std::function<void(generator& random, int i, index columns, double* x, double* t)> sample;
    /// A step for differences of column c; whether no place where the formula switches is near.
    std::function<double(const double* x, index c)> step;
    std::function<bool(const double* x, const double* t, index c)> clear;
    /// Elementwise: predictions at which the formula switches.
    std::function<std::vector<double>(double t)> switches;
    /// The losses of a row at x, all that the term detaches frozen at x0. Empty for terms over rows.
    std::function<std::vector<double>(const double* x0, const double* x, const double* t, index columns)> losses;
    std::function<answer<double>(const call<double>&)> in_double;
    std::function<answer<float>(const call<float>&)> in_float;

    bool is(property p) const { return (holds & p) != 0; }
    /// Losses of a row.
    index width(index n) const { return shape == shape::elementwise ? n : shape == shape::coordinate ? 4 : 1; }
};

std::vector<subject> elementwise_subjects();
std::vector<subject> box_subjects();
std::vector<subject> row_subjects();

/// Two terms that give the same numbers.
struct equality {
    std::string name;
    subject left, right;
    double factor;  ///< left = factor·right
};
/// A parameter out of its range.
struct refusal {
    subject of;
    std::string parameter;
};
std::vector<equality> elementwise_equalities();
std::vector<equality> box_equalities();
std::vector<equality> row_equalities();
std::vector<refusal> elementwise_refusals();
std::vector<refusal> box_refusals();
std::vector<refusal> row_refusals();

template <class X>
std::vector<X> joined(std::vector<X> a, const std::vector<X>& b, const std::vector<X>& c) {
    a.insert(a.end(), b.begin(), b.end());
    a.insert(a.end(), c.begin(), c.end());
    return a;
}
inline std::vector<subject> all_subjects() { return joined(elementwise_subjects(), box_subjects(), row_subjects()); }

/// Predictions and targets of a subject, and what else a call may have.
template <class T>
struct batch {
    const subject* s;
    index rows, columns;
    std::vector<T> x, t, row_weight, weight, row_upstream, upstream, gradient, numbers;
    std::vector<std::int64_t> labels;

    batch(const subject& of, index n, index c, unsigned seed) : s(&of), rows(n), columns(c) {
        generator random(seed);
        const auto size = static_cast<std::size_t>(n * c);
        std::vector<double> xs(static_cast<std::size_t>(c)), ts(static_cast<std::size_t>(c));
        for (index i = 0; i < n; ++i) {
            std::fill(ts.begin(), ts.end(), 0.0);
            of.sample(random, static_cast<int>(i), c, xs.data(), ts.data());
            for (const double v : xs) x.push_back(static_cast<T>(v));
            for (const double v : ts) t.push_back(static_cast<T>(v));
            labels.push_back(static_cast<std::int64_t>(ts[0]));
            numbers.push_back(static_cast<T>(ts[0]));
            row_weight.push_back(i % 5 == 2 ? T(0) : static_cast<T>(2 * unit(random)));
            row_upstream.push_back(static_cast<T>(2 * unit(random) - 1));
        }
        for (std::size_t k = 0; k < size; ++k) {
            weight.push_back(k % 7 == 3 ? T(0) : static_cast<T>(2 * unit(random)));
            upstream.push_back(static_cast<T>(2 * unit(random) - 1));
        }
        gradient.assign(size, T(-99));
    }

    boxgrad::view<const T, 2> matrix(const std::vector<T>& v) const { return {v.data(), {{rows, columns}}}; }
    boxgrad::view<const T, 1> column(const std::vector<T>& v) const { return {v.data(), extents<1>{{rows}}}; }
    bool by_row() const { return s->width(columns) == 1 && s->shape != shape::elementwise; }
    /// Prediction, target and memory for the gradient.
    call<T> plain() {
        call<T> c;
        c.x = matrix(x);
        if (s->target == wants::dense) c.t = matrix(t);
        if (s->target == wants::label) c.labels = {labels.data(), extents<1>{{rows}}};
        if (s->target == wants::number) c.numbers = column(numbers);
        c.gradient = {gradient.data(), {{rows, columns}}};
        return c;
    }
    call<T> with_row_weight() {
        call<T> c = plain();
        c.row_weight = column(row_weight);
        return c;
    }
    /// The upstream gradient of none.
    call<T>& pull(call<T>& c) const {
        if (by_row()) {
            c.row_upstream = column(row_upstream);
        } else {
            c.upstream = matrix(upstream);
        }
        return c;
    }
};

inline answer<double> evaluate(const subject& s, const call<double>& c) { return s.in_double(c); }
inline answer<float> evaluate(const subject& s, const call<float>& c) { return s.in_float(c); }

}  // namespace test
