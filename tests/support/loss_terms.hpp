// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What the lists of loss terms are made of: tests/loss/terms_elementwise.cpp, terms_box.cpp and terms_row.cpp. There
/// a new term is one line, with its interesting parameters, what it takes and what holds for it; the common tests of
/// tests/loss run over all of them.

#include "loss_subject.hpp"

#include <boxgrad/backend/memory.hpp>
#include <boxgrad/core/power.hpp>
#include <boxgrad/loss/evaluate.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace test {

// ---- a number whose detached values can be held fast ----------------------------------------------------------

/// A double, but detach() gives what it gave when the same formula was recorded: differences then are those of the
/// function that the gradient belongs to.
struct frozen {
    double value = 0;

    constexpr frozen() = default;
    constexpr frozen(double x) : value(x) {}  // NOLINT(google-explicit-constructor)

    friend constexpr frozen operator+(frozen a, frozen b) { return a.value + b.value; }
    friend constexpr frozen operator-(frozen a, frozen b) { return a.value - b.value; }
    friend constexpr frozen operator-(frozen a) { return -a.value; }
    friend constexpr frozen operator*(frozen a, frozen b) { return a.value * b.value; }
    friend constexpr frozen operator/(frozen a, frozen b) { return a.value / b.value; }
    friend constexpr bool operator<(frozen a, frozen b) { return a.value < b.value; }
    friend constexpr bool operator>(frozen a, frozen b) { return a.value > b.value; }
    friend constexpr bool operator<=(frozen a, frozen b) { return a.value <= b.value; }
    friend constexpr bool operator>=(frozen a, frozen b) { return a.value >= b.value; }
    friend constexpr frozen select(bool m, frozen a, frozen b) { return m ? a : b; }
    friend constexpr frozen max(frozen a, frozen b) { return boxgrad::max(a.value, b.value); }
    friend constexpr frozen min(frozen a, frozen b) { return boxgrad::min(a.value, b.value); }
    friend constexpr frozen abs(frozen x) { return boxgrad::abs(x.value); }
    friend frozen sqrt(frozen x) { return boxgrad::sqrt(x.value); }
    friend frozen exp(frozen x) { return boxgrad::exp(x.value); }
    friend frozen log(frozen x) { return boxgrad::log(x.value); }
    friend frozen log1p(frozen x) { return boxgrad::log1p(x.value); }
    friend frozen sigmoid(frozen x) { return boxgrad::sigmoid(x.value); }
    friend frozen softplus(frozen x) { return boxgrad::softplus(x.value); }
    friend frozen atan(frozen x) { return boxgrad::atan(x.value); }
    /// A value whose derivative is given.
    static constexpr frozen chain(double value, double, frozen) { return value; }
    friend frozen power(frozen x, double exponent) { return boxgrad::power(x.value, exponent); }
    friend constexpr frozen product(frozen a, frozen b) { return a.value * b.value; }
    friend constexpr frozen madd(frozen a, frozen b, frozen c) { return a.value * b.value + c.value; }

    /// What detach() gave, in order, and how many of them are used up.
    struct tape {
        std::vector<double> held;
        std::size_t used = 0;
        bool recording = true;
    };
    static tape*& current() {
        static thread_local tape* t = nullptr;
        return t;
    }
    friend double detach(frozen x) {
        tape& t = *current();
        if (t.recording) t.held.push_back(x.value);
        return t.recording ? x.value : t.held.at(t.used++);
    }
};

}  // namespace test

template <>
struct boxgrad::number_traits<test::frozen> {
    using scalar = double;
    using base = double;
    using mask = bool;
    static constexpr int width = 1;
};

namespace test {

static_assert(boxgrad::number<frozen> && !boxgrad::plain_number<frozen>);

/// f at `x`, all that it detaches as f at `x0` has it.
template <class F>
auto held_fast(const F& f, const double* x0, const double* x) {
    frozen::tape t;
    frozen::current() = &t;
    f(x0);
    t.recording = false;
    auto r = f(x);
    frozen::current() = nullptr;
    return r;
}

// ---- calls -------------------------------------------------------------------------------------------------------

namespace detail {

template <class Term>
concept by_row = boxgrad::loss::box_term<Term> || boxgrad::loss::row_term<Term> || boxgrad::loss::softmax_term<Term>;

template <class T, class Term, class Red, class Y, class W>
answer<T> evaluated(const Term& term, const Red& red, const call<T>& c, const Y& y, const W& w) {
    const boxgrad::memory<T> b;
    boxgrad::view<T, 2> g = c.gradient;
    answer<T> a;
    if constexpr (std::same_as<Red, boxgrad::reduction::none>) {
        const std::vector<T> ones(static_cast<std::size_t>(c.x.size()) + 4, T(1));
        if constexpr (by_row<Term>) {
            const boxgrad::view<const T, 1> u(ones.data(), extents<1>{{c.x.extent[0]}});
            a.value = boxgrad::to_host<1>(b, boxgrad::loss::value_and_gradient_into(
                                                 b, term, red, c.x, y, g, w, c.row_upstream.data ? c.row_upstream : u));
        } else {
            const boxgrad::view<const T, 2> u(ones.data(), c.x.extent);
            a.value = boxgrad::to_host<2>(b, boxgrad::loss::value_and_gradient_into(b, term, red, c.x, y, g, w,
                                                                                    c.upstream.data ? c.upstream : u));
        }
    } else {
        a.total = boxgrad::loss::value_and_gradient_into(b, term, red, c.x, y, g, w, c.times);
    }
    return a;
}

template <class T, class Term, class Y>
answer<T> value_only(const Term& term, const call<T>& c, const Y& y) {
    const boxgrad::memory<T> b;
    answer<T> a;
    a.value = boxgrad::to_host < by_row<Term>
                  ? 1
                  : 2 > (b, boxgrad::loss::value(b, term, boxgrad::reduction::none{}, c.x, y));
    return a;
}

/// Float has the plain call only: all else is the same code.
template <class T, class Term, class Y>
answer<T> run(const Term& term, const call<T>& c, const Y& y) {
    namespace red = boxgrad::reduction;
    const boxgrad::loss::ones all;
    if (c.gradient.data == nullptr) return value_only(term, c, y);
    if constexpr (std::same_as<T, double>) {
        if (c.reduction == reduce::over) return evaluated(term, red::mean_over{c.avg_factor}, c, y, all);
        if (c.reduction == reduce::sum) {
            return c.row_weight.data ? evaluated(term, red::sum{}, c, y, c.row_weight)
                                     : evaluated(term, red::sum{}, c, y, all);
        }
        if (c.row_weight.data) return evaluated(term, red::none{}, c, y, c.row_weight);
        if constexpr (!boxgrad::loss::detail::whole_row_term<Term>) {
            if (c.weight.data) return evaluated(term, red::none{}, c, y, c.weight);
        }
    }
    if (c.row_weight.data || c.weight.data || c.reduction != reduce::none)
        throw std::logic_error("no such call of a subject");
    return evaluated(term, red::none{}, c, y, all);
}

/// The target of a call, as the term takes it.
template <class T, wants Target, class Term>
answer<T> dispatch(const Term& term, const call<T>& c) {
    if constexpr (Target == wants::label) {
        return run(term, c, c.labels);
    } else if constexpr (Target == wants::number) {
        return run(term, c, c.numbers);
    } else {
        if constexpr (boxgrad::loss::elementwise_term<Term> && std::same_as<T, double>) {
            if (c.labels.data) {  // expanded to a row of 0 and 1
                const boxgrad::reduction::none each;
                return c.row_weight.data ? evaluated(term, each, c, c.labels, c.row_weight)
                                         : evaluated(term, each, c, c.labels, boxgrad::loss::ones{});
            }
        }
        return run(term, c, c.t);
    }
}

template <wants Target, class Term>
subject subject_of(std::string name, test::shape shape, const Term& term, unsigned holds) {
    subject s;
    s.name = std::move(name);
    s.shape = shape;
    s.target = Target;
    s.holds = holds;
    s.in_double = [term](const call<double>& c) { return dispatch<double, Target>(term, c); };
    s.in_float = [term](const call<float>& c) { return dispatch<float, Target>(term, c); };
    return s;
}

}  // namespace detail

// ---- elementwise terms -------------------------------------------------------------------------------------------

/// What the numbers of a term are.
enum class numbers {
    logits,         ///< any number
    probabilities,  ///< in (0, 1)
    differences,    ///< any number, whose distance to the target counts
    hard,           ///< 0 or 1
    soft,           ///< in [0, 1]
};

inline double target_from(numbers kind, generator& random, int i) {
    if (kind == numbers::hard) return i / 7 % 2;
    if (kind == numbers::soft) return i % 3 == 0 ? 0.0 : i % 3 == 1 ? 1.0 : unit(random);
    return i % 3 == 0 ? 0.0 : 20 * (unit(random) - 0.5);
}
/// A fifth each of several sizes.
inline double prediction_from(numbers kind, generator& random, int i, double t) {
    const double u = unit(random);
    const double v = u - 0.5;
    if (kind == numbers::probabilities) {
        constexpr double low[] = {1e-2, 1e-1, 1e-4};
        return i % 5 < 2    ? 1e-3 + 0.998 * u
               : i % 5 == 2 ? low[i % 3] * (0.1 + u)
               : i % 5 == 3 ? 1 - low[i % 3] * (0.1 + u)
                            : 0.3 + 0.4 * u;
    }
    if (kind == numbers::logits)
        return v * (i % 5 == 0 ? 24 : i % 5 == 1 ? 1400 : i % 5 == 2 ? 1e-3 : i % 5 == 3 ? 80 : 8);
    return t + v * (i % 5 == 0 ? 6 : i % 5 == 1 ? 0.02 : i % 5 == 2 ? 200 : i % 5 == 3 ? 2 : 1.2);
}
inline double step_of(numbers kind, double x) {
    return kind == numbers::probabilities ? 1e-3 * std::min({x, 1 - x, 0.1}) : 1e-3;
}

/// `switches`: predictions at which the formula switches, given the target.
template <class Term>
subject elementwise(
    std::string name, const Term& term, numbers x, numbers t, unsigned holds,
    std::function<std::vector<double>(double t)> switches = [](double) { return std::vector<double>{}; }) {
    subject s = detail::subject_of<wants::dense>(std::move(name), shape::elementwise, term, holds);
    s.columns = {1, 3, 17};
    s.highest = x == numbers::logits ? reach::everything : x == numbers::probabilities ? reach::unit : reach::squares;
    s.sample = [x, t](generator& random, int i, index columns, double* xs, double* ts) {
        for (index c = 0; c < columns; ++c) {
            const int k = i * static_cast<int>(columns) + static_cast<int>(c);
            ts[c] = target_from(t, random, k);
            xs[c] = prediction_from(x, random, k, ts[c]);
        }
    };
    s.step = [x](const double* p, index c) { return step_of(x, p[c]); };
    s.clear = [x, switches](const double* p, const double* q, index c) {
        const auto at = switches(q[c]);
        return std::all_of(at.begin(), at.end(), [&](double k) { return std::abs(p[c] - k) > 4 * step_of(x, p[c]); });
    };
    s.switches = switches;
    s.losses = [term](const double*, const double* p, const double* q, index columns) {
        std::vector<double> l;
        for (index c = 0; c < columns; ++c) l.push_back(term(p[c], q[c]));
        return l;
    };
    return s;
}
/// The target and so far on both sides of it.
inline std::function<std::vector<double>(double)> around(std::vector<double> distances) {
    return [distances](double t) {
        std::vector<double> r{t};
        for (const double d : distances) {
            r.push_back(t - d);
            r.push_back(t + d);
        }
        return r;
    };
}
/// The same predictions whatever the target.
inline std::function<std::vector<double>(double)> at(std::vector<double> predictions) {
    return [predictions](double) { return predictions; };
}
/// The logit whose probability is the target.
inline std::vector<double> at_target(double t) {
    return t > 0 && t < 1 ? std::vector<double>{std::log(t / (1 - t))} : std::vector<double>{};
}

// ---- box terms ---------------------------------------------------------------------------------------------------

using corners = std::array<double, 4>;

/// Pairs of boxes, a sixth each: anywhere, near one another, apart, nested, touching but for a little, thin.
inline void sample_boxes(generator& random, int i, double* p, double* t) {
    const auto u = [&] { return unit(random); };
    const auto some = [&](double* b) {
        b[0] = 60 * u();
        b[1] = 60 * u();
        b[2] = b[0] + 1 + 40 * u();
        b[3] = b[1] + 1 + 40 * u();
    };
    some(t);
    some(p);
    const double w = t[2] - t[0];
    const double h = t[3] - t[1];
    if (i % 6 == 1) {
        for (int k = 0; k < 4; ++k) p[k] = t[k] + (u() - 0.5);
    } else if (i % 6 == 2) {
        p[0] += 200;
        p[2] += 200;
    } else if (i % 6 == 3) {
        const corners inner{t[0] + 0.3 * w * u(), t[1] + 0.3 * h * u(), t[2] - 0.3 * w * u(), t[3] - 0.3 * h * u()};
        std::copy(inner.begin(), inner.end(), p);
    } else if (i % 6 == 4) {
        const double gap = 0.02 * (u() - 0.5);
        const corners beside{t[2] + gap, t[1] - 3 * u(), t[2] + gap + 5, t[3] + 3 * u()};
        std::copy(beside.begin(), beside.end(), p);
    } else if (i % 6 == 5) {
        p[2] = p[0] + 0.01 + 0.1 * u();
    }
}
/// Distances to other places where formulas of boxes switch.
using distance = double (*)(const double* p, const double* t);
inline double nowhere(const double*, const double*) { return 1e9; }
/// Equal centres along an axis, equal distances along both, equal sizes.
inline double to_symmetry(const double* p, const double* t) {
    const double sx = std::abs(t[0] + t[2] - p[0] - p[2]) / 2;
    const double sy = std::abs(t[1] + t[3] - p[1] - p[3]) / 2;
    const double w = std::abs(t[2] - t[0] - p[2] + p[0]);
    const double h = std::abs(t[3] - t[1] - p[3] + p[1]);
    return std::min({sx, sy, std::abs(sx - sy), w, h});
}

template <class Term>
subject boxes(std::string name, const Term& term, unsigned holds, distance also = nowhere) {
    constexpr bool by_coordinate = boxgrad::loss::coordinate_term<Term>;
    subject s =
        detail::subject_of<wants::dense>(std::move(name), by_coordinate ? shape::coordinate : shape::box, term, holds);
    s.columns = {4};
    s.highest = reach::boxes;
    s.sample = [](generator& random, int i, index, double* x, double* t) { sample_boxes(random, i, x, t); };
    s.step = [](const double*, index) { return 1e-3; };
    s.clear = [also](const double* p, const double* t, index) { return std::min(to_side(p, t), also(p, t)) > 0.2; };
    s.losses = [term](const double* x0, const double* x, const double* t, index) {
        using F = frozen;
        const auto l = held_fast(
            [&](const double* p) {
                return term(boxgrad::box<F>{p[0], p[1], p[2], p[3]}, boxgrad::box<F>{t[0], t[1], t[2], t[3]});
            },
            x0, x);
        std::vector<double> r;
        if constexpr (by_coordinate) {
            for (const F& k : l.at) r.push_back(k.value);
        } else {
            r.push_back(l.value);
        }
        return r;
    };
    return s;
}

// ---- terms over rows ---------------------------------------------------------------------------------------------

/// A row of targets for `columns` predictions; a label or number goes to t[0].
using row_sampler = void (*)(generator& random, int i, index columns, double* t);
inline void any_label(generator& random, int, index columns, double* t) {
    t[0] = static_cast<double>(random() % static_cast<std::uint64_t>(columns));
}
/// As `any_label`, and C.
inline void label_or_background(generator& random, int, index columns, double* t) {
    t[0] = static_cast<double>(random() % static_cast<std::uint64_t>(columns + 1));
}
/// In [0, C - 1).
inline void any_bin(generator& random, int i, index columns, double* t) {
    const double last = static_cast<double>(columns - 1);
    t[0] = i % 5 == 0 ? std::floor(unit(random) * last) : std::min(unit(random) * last, last * (1 - 1e-6));
}
/// Not negative, with the sum 1.
inline void any_distribution(generator& random, int i, index columns, double* t) {
    double sum = 0;
    for (index c = 0; c < columns; ++c) {
        t[c] = (i + static_cast<int>(c)) % 3 == 0 ? 0.0 : 1e-3 + unit(random);
        sum += t[c];
    }
    for (index c = 0; c < columns; ++c) t[c] = sum > 0 ? t[c] / sum : c == 0 ? 1.0 : 0.0;
}
inline void hard_or_soft(generator& random, int i, index columns, double* t) {
    for (index c = 0; c < columns; ++c) t[c] = target_from(numbers::soft, random, i + static_cast<int>(c));
}
inline void any_positives(generator& random, int, index columns, double* t) {
    for (index c = 0; c < columns; ++c) t[c] = random() % 3 == 0 ? 1.0 : 0.0;
}
inline void any_logits(generator& random, int i, index columns, double* t) {
    for (index c = 0; c < columns; ++c) t[c] = prediction_from(numbers::logits, random, i % 2 == 0 ? 0 : 4, 0);
}

template <wants Target, class Term>
subject rows(std::string name, const Term& term, row_sampler targets, unsigned holds,
             std::vector<index> columns = {1, 3, 17}, numbers x = numbers::logits) {
    subject s = detail::subject_of<Target>(std::move(name), shape::row, term, holds);
    s.columns = std::move(columns);
    s.background = boxgrad::loss::takes_background<Term>;
    s.highest = x == numbers::probabilities ? reach::unit : reach::everything;
    s.sample = [targets, x](generator& random, int i, index n, double* xs, double* ts) {
        targets(random, i, n, ts);
        for (index c = 0; c < n; ++c) xs[c] = prediction_from(x, random, i % 5 == 1 && c % 2 == 0 ? 4 : i, 0);
    };
    s.step = [x](const double* p, index c) { return std::max(step_of(x, p[c]), 1e-5); };  // no logarithms of them
    s.clear = [](const double*, const double*, index) { return true; };
    return s;
}

}  // namespace test
