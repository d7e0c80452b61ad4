// SPDX-License-Identifier: Apache-2.0
//
// What evaluate.hpp makes of reductions, weights and targets, against one plain model: a loop over elements or rows
// in double, with the losses themselves written out here once more.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/cross_entropy.hpp>
#include <boxgrad/loss/per_row.hpp>

#include <cstring>
#include <optional>
#include <random>
#include <thread>

namespace {

namespace loss = boxgrad::loss;
namespace red = boxgrad::reduction;
using test::extents;
using list = std::vector<double>;
using labels = std::vector<std::int64_t>;

/// Arguments as numbers of [n, c]; empty: left out.
struct inputs {
    std::size_t n, c;
    list x, t, row_weight, weight, scores, class_weight, upstream;
    labels label;
    std::optional<std::int64_t> ignored{};
    bool negatives_ignored = false;

    inputs(std::size_t rows, std::size_t columns, unsigned seed) : n(rows), c(columns) {
        std::mt19937_64 random(seed);
        const auto numbers = [&](std::size_t size, double low, double high, unsigned zeros) {
            std::uniform_real_distribution<double> u(low, high);
            list v(size);
            // Numbers of few bits: the same in float.
            for (double& a : v) a = zeros > 0 && random() % zeros == 0 ? 0.0 : std::round(64 * u(random)) / 64;
            return v;
        };
        x = numbers(n * c, -12, 12, 0);
        t = numbers(n * c, 0, 1, 4);
        row_weight = numbers(n, 0, 2, 5);
        weight = numbers(n * c, 0, 2, 5);
        scores = numbers(n, 0, 1, 0);
        class_weight = numbers(c, 0, 3, 6);
        upstream = numbers(n * c, -1, 1, 0);
        for (std::size_t i = 0; i < n; ++i) label.push_back(static_cast<std::int64_t>(random() % c));
    }
    bool leaves_out(double target) const {
        return (negatives_ignored && target < 0) || (ignored && target == static_cast<double>(*ignored));
    }
};

struct result {
    list value, gradient;  ///< of none: weight·l, and upstream·weight·dl
    double sum = 0, magnitude = 0, valid = 0, weights = 0;

    void add(double w, double l, bool counts, double of) {
        value.push_back(counts && w != 0 ? w * l : 0.0);
        sum += value.back();
        magnitude += std::abs(value.back());
        valid += counts ? of : 0;
        weights += counts ? w * of : 0;
    }
};

/// Binary cross entropy, element by element.
result model_of_elements(const inputs& in, bool by_label) {
    result r;
    for (std::size_t i = 0; i < in.n; ++i) {
        for (std::size_t k = 0; k < in.c; ++k) {
            const std::size_t at = i * in.c + k;
            double t = by_label ? 0.0 : in.t[at];
            if (by_label && in.label[i] == static_cast<std::int64_t>(k)) t = in.scores.empty() ? 1.0 : in.scores[i];
            const bool counts = !in.leaves_out(by_label ? static_cast<double>(in.label[i]) : in.t[at]);
            const double w = (in.row_weight.empty() ? 1 : in.row_weight[i]) * (in.weight.empty() ? 1 : in.weight[at]);
            const double positive = in.class_weight.empty() ? 1 : in.class_weight[k];
            const double x = in.x[at];
            // -w·t·ln σ(x) - (1 - t)·ln(1 - σ(x))
            const double l = positive * t * std::log1p(std::exp(-x)) + (1 - t) * std::log1p(std::exp(x));
            r.add(w, l, counts, 1);
            const double d = (1 - t) / (1 + std::exp(-x)) - positive * t / (1 + std::exp(x));
            r.gradient.push_back(counts && w != 0 ? in.upstream[at] * w * d : 0.0);
        }
    }
    return r;
}

/// Cross entropy of a softmax, row by row; upstream is that of rows.
result model_of_softmax(const inputs& in, bool by_label) {
    result r;
    for (std::size_t i = 0; i < in.n; ++i) {
        const double* x = in.x.data() + i * in.c;
        double sum = 0;
        for (std::size_t k = 0; k < in.c; ++k) sum += std::exp(x[k]);
        const bool counts = !by_label || !in.leaves_out(static_cast<double>(in.label[i]));
        const double of_class =
            in.class_weight.empty() || !counts ? 1 : in.class_weight[static_cast<std::size_t>(in.label[i])];
        const double w = (in.row_weight.empty() ? 1 : in.row_weight[i]) * of_class;
        const auto target = [&](std::size_t k) {
            return !by_label ? in.t[i * in.c + k] : in.label[i] == static_cast<std::int64_t>(k) ? 1.0 : 0.0;
        };
        double l = 0;
        double all = 0;
        for (std::size_t k = 0; k < in.c; ++k) {
            l += target(k) * (std::log(sum) - x[k]);
            all += target(k);
        }
        r.add(w, l, counts, 1);
        for (std::size_t k = 0; k < in.c; ++k) {
            r.gradient.push_back(counts && w != 0 ? in.upstream[i] * w * (all * std::exp(x[k]) / sum - target(k))
                                                  : 0.0);
        }
    }
    return r;
}

template <class T>
bool close(const std::vector<T>& got, const list& want, double factor = 1) {
    if (got.size() != want.size()) return false;
    for (std::size_t k = 0; k < got.size(); ++k) {
        if (!test::near(got[k], static_cast<T>(factor * want[k]), 64)) return false;
    }
    return true;
}
template <class T>
bool close(T got, double want, double magnitude) {
    return std::abs(static_cast<double>(got) - want) <=
           32 * static_cast<double>(std::numeric_limits<T>::epsilon()) * magnitude;
}
template <class T>
std::vector<T> as(const list& v) {
    return {v.begin(), v.end()};
}
/// A gradient of sums has one upstream for all.
list without_upstream(const inputs& in, const list& gradient, bool by_row) {
    list r = gradient;
    for (std::size_t k = 0; k < r.size(); ++k) {
        const double u = in.upstream[by_row ? k / in.c : k];
        r[k] = u == 0 ? std::numeric_limits<double>::quiet_NaN() : r[k] / u;
    }
    return r;
}

/// All of a backend that a case needs, made of `inputs`.
template <class B>
struct tensors {
    using T = typename B::scalar;
    B b{};
    extents<2> e;
    extents<1> rows, columns;

    explicit tensors(const inputs& in)
        : e{{static_cast<test::index>(in.n), static_cast<test::index>(in.c)}}, rows{{e[0]}}, columns{{e[1]}} {}
    auto matrix(const list& v) const { return test::from_host(b, e, as<T>(v)); }
    auto of_rows(const list& v) const { return test::from_host(b, rows, as<T>(v)); }
    auto of_columns(const list& v) const { return test::from_host(b, columns, as<T>(v)); }
    template <class L = std::int64_t>
    auto of_labels(const labels& v) const {
        const std::vector<L> narrow(v.begin(), v.end());
        return boxgrad::from_host<L>(b, rows, narrow.data());
    }

    template <int Q, class R>
    void check_each(const R& got, const result& want) const {
        CHECK(close(test::to_host<Q>(b, got.value), want.value));
        CHECK(close(test::to_host<2>(b, got.gradient), want.gradient));
    }
    template <class R>
    void check_mean(const R& got, const result& want, const inputs& in, double scale, bool by_row) const {
        CHECK(close(got.value, want.sum * scale, want.magnitude * scale));
        const auto g = test::to_host<2>(b, got.gradient);
        const list d = without_upstream(in, want.gradient, by_row);
        bool all = g.size() == d.size();
        for (std::size_t k = 0; k < g.size() && all; ++k)
            all = std::isnan(d[k]) || test::near(g[k], static_cast<T>(scale * d[k]), 64);
        CHECK(all);
    }
};

double over(double x) { return 1 / (x + 0x1p-23); }

constexpr std::size_t sizes[][2] = {{0, 3}, {1, 1}, {7, 1}, {5, 3}, {33, 17}, {3, 81}, {40, 81}};

}  // namespace

TEMPLATE_LIST_TEST_CASE("elementwise terms: targets, weights and reductions", "[loss][evaluate]", test::backends) {
    for (const auto& size : sizes) {
        INFO(size[0] << " rows of " << size[1]);
        inputs in(size[0], size[1], 1);
        const tensors<TestType> ts(in);
        const auto& b = ts.b;
        const auto x = ts.matrix(in.x);
        const auto t = ts.matrix(in.t);
        const auto w = ts.of_rows(in.row_weight);
        const auto full = ts.matrix(in.weight);
        const auto u = ts.matrix(in.upstream);
        const auto scores = ts.of_rows(in.scores);
        const auto classes = ts.of_columns(in.class_weight);
        const auto only = [&](auto... keep) {
            inputs r(size[0], size[1], 1);
            r.row_weight.clear();
            r.weight.clear();
            r.scores.clear();
            r.class_weight.clear();
            ((r.*keep = in.*keep), ...);
            return r;
        };
        {  // labels, one of them to be ignored, some of no class; weights of rows
            inputs k = only(&inputs::row_weight);
            for (std::size_t i = 0; i < k.n; i += 3) k.label[i] = static_cast<std::int64_t>(k.c);
            for (std::size_t i = 1; i < k.n; i += 4) k.label[i] = 255;
            k.ignored = 255;
            const auto y = ts.of_labels(k.label);
            ts.template check_each<2>(
                loss::value_and_gradient(b, loss::bce{}, red::none{}, x, loss::targets(y).ignore_index(255), w, u),
                model_of_elements(k, true));
        }
        {  // narrow labels with scores, negatives ignored; weights of elements; the mean over what is left
            inputs k = only(&inputs::weight, &inputs::scores);
            for (std::size_t i = 0; i < k.n; i += 3) k.label[i] = -1 - static_cast<std::int64_t>(i);
            k.negatives_ignored = true;
            const auto y = ts.template of_labels<std::int32_t>(k.label);
            const auto m = model_of_elements(k, true);
            ts.check_mean(loss::value_and_gradient(b, loss::bce{}, red::mean_valid{}, x,
                                                   loss::targets(y).scores(scores).ignore_negatives(), full),
                          m, k, over(m.valid), false);
        }
        {  // dense targets with weights of the classes' positives; the mean over the weights
            inputs k = only(&inputs::row_weight, &inputs::class_weight);
            const auto m = model_of_elements(k, false);
            ts.check_mean(loss::value_and_gradient(b, loss::bce{}, red::mean_weights{}, x,
                                                   loss::targets(t).class_weight(classes), w),
                          m, k, over(m.weights), false);
        }
        {  // dense targets, of which those of a value are ignored; a plain mean
            inputs k = only();
            for (std::size_t i = 0; i < k.t.size(); i += 5) k.t[i] = 1;
            k.ignored = 1;
            const auto dense = ts.matrix(k.t);
            const double elements = static_cast<double>(k.n * k.c);
            ts.check_mean(
                loss::value_and_gradient(b, loss::bce{}, red::mean{}, x, loss::targets(dense).ignore_index(1)),
                model_of_elements(k, false), k, elements > 0 ? 1 / elements : 0, false);
        }
    }
}

TEMPLATE_LIST_TEST_CASE("terms over softmax: targets, weights and reductions", "[loss][evaluate]", test::backends) {
    for (const auto& size : sizes) {
        INFO(size[0] << " rows of " << size[1]);
        inputs in(size[0], size[1], 2);
        in.weight.clear();
        in.scores.clear();
        const tensors<TestType> ts(in);
        const auto& b = ts.b;
        const auto x = ts.matrix(in.x);
        const auto t = ts.matrix(in.t);
        const auto w = ts.of_rows(in.row_weight);
        const auto u = ts.of_rows(list(in.upstream.begin(), in.upstream.begin() + static_cast<std::ptrdiff_t>(in.n)));
        const auto classes = ts.of_columns(in.class_weight);
        {  // labels with weights of classes and rows; PyTorch's mean
            inputs k = in;
            for (std::size_t i = 1; i < k.n; i += 4) k.label[i] = -100;
            k.ignored = -100;
            const auto y = ts.of_labels(k.label);
            const auto m = model_of_softmax(k, true);
            ts.check_mean(loss::value_and_gradient(b, loss::cross_entropy{}, red::mean_weights{}, x,
                                                   loss::targets(y).ignore_index(-100).class_weight(classes), w),
                          m, k, over(m.weights), true);
            const auto narrow = ts.template of_labels<std::int32_t>(k.label);
            k.row_weight.clear();
            k.class_weight.clear();
            ts.template check_each<1>(
                loss::value_and_gradient(b, loss::cross_entropy{}, red::none{}, x,
                                         loss::targets(narrow).ignore_index(-100), loss::ones{}, u),
                model_of_softmax(k, true));
        }
        {  // dense targets, of any sum
            inputs k = in;
            k.class_weight.clear();
            ts.template check_each<1>(loss::value_and_gradient(b, loss::cross_entropy{}, red::none{}, x, t, w, u),
                                      model_of_softmax(k, false));
        }
    }
}

namespace {

/// Every reduction, kind of weight and kind of target on one backend.
template <class T, class Term, class Model, int Q>
void check_all(const Term& term, const Model& model, bool softmax) {
    using B = boxgrad::memory<T>;
    for (const auto& size : sizes) {
        for (const int target : {0, 1, 2, 3}) {   // dense, labels, ignored labels, scores
            for (const int weight : {0, 1, 2}) {  // none, of rows, of elements
                for (const bool classes : {false, true}) {
                    if (softmax && (weight == 2 || target == 3 || (classes && target == 0))) continue;
                    inputs k(size[0], size[1], 3);
                    if (weight != 1) k.row_weight.clear();
                    if (weight != 2) k.weight.clear();
                    if (target != 3) k.scores.clear();
                    if (!classes) k.class_weight.clear();
                    if (target == 2) {
                        for (std::size_t i = 0; i < k.n; i += 3) k.label[i] = 99;
                        for (std::size_t i = 1; i < k.n; i += 3) k.label[i] = -7;
                        k.ignored = 99;
                        k.negatives_ignored = true;
                    }
                    INFO(size[0] << " rows of " << size[1] << ", target " << target << ", weight " << weight
                                 << ", classes " << classes);
                    const tensors<B> ts(k);
                    const auto& b = ts.b;
                    const result want = model(k, target != 0);
                    const auto x = ts.matrix(k.x);
                    const auto t = ts.matrix(k.t);
                    const auto y = ts.of_labels(k.label);
                    const auto w = ts.of_rows(k.row_weight.empty() ? list(k.n, 0) : k.row_weight);
                    const auto full = ts.matrix(k.weight.empty() ? list(k.n * k.c, 0) : k.weight);
                    const auto scores = ts.of_rows(k.scores.empty() ? list(k.n, 0) : k.scores);
                    const auto of_classes = ts.of_columns(k.class_weight.empty() ? list(k.c, 0) : k.class_weight);
                    list up = k.upstream;
                    if (softmax) up.resize(k.n);
                    const auto u = test::from_host(
                        b,
                        [&] {
                            extents<Q> e;
                            for (int a = 0; a < Q; ++a) e[a] = ts.e[a];
                            return e;
                        }(),
                        as<T>(up));
                    const auto with_weight = [&](const auto& targets, const auto& of) {
                        ts.template check_each<Q>(loss::value_and_gradient(b, term, red::none{}, x, targets, of, u),
                                                  want);
                        const double losses = static_cast<double>(softmax ? k.n : k.n * k.c);
                        const auto mean = [&](const auto& by, double scale) {
                            ts.check_mean(loss::value_and_gradient(b, term, by, x, targets, of), want, k, scale,
                                          softmax);
                        };
                        mean(red::sum{}, 1);
                        mean(red::mean{}, losses > 0 ? 1 / losses : 0);
                        mean(red::mean_over{2.5}, over(2.5));
                        mean(red::mean_valid{}, over(want.valid));
                        mean(red::mean_weights{}, over(want.weights));
                    };
                    const auto with = [&](const auto& targets) {
                        if (weight == 0) with_weight(targets, loss::ones{});
                        if (weight == 1) with_weight(targets, w);
                        if constexpr (Q == 2) {
                            if (weight == 2) with_weight(targets, full);
                        }
                    };
                    const auto labelled =
                        target == 2 ? loss::targets(y).ignore_index(99).ignore_negatives() : loss::targets(y);
                    if (target == 0) {
                        if constexpr (Q == 2) {
                            if (classes) with(loss::targets(t).class_weight(of_classes));
                        }
                        if (!classes) with(t);
                    } else if (target == 3) {
                        if constexpr (Q == 2) {
                            if (classes) with(labelled.scores(scores).class_weight(of_classes));
                            if (!classes) with(labelled.scores(scores));
                        }
                    } else {
                        if (classes) with(labelled.class_weight(of_classes));
                        if (!classes) with(labelled);
                    }
                }
            }
        }
    }
}

}  // namespace

TEST_CASE("elementwise terms: every reduction with every weight and target", "[loss][evaluate]") {
    check_all<double, loss::bce, decltype(&model_of_elements), 2>(loss::bce{}, &model_of_elements, false);
}
TEST_CASE("terms over softmax: every reduction with every weight and target", "[loss][evaluate]") {
    check_all<double, loss::cross_entropy, decltype(&model_of_softmax), 1>(loss::cross_entropy{}, &model_of_softmax,
                                                                           true);
}

TEST_CASE("elementwise terms: a weight a row of predictions of rank 3 and 4", "[loss][evaluate]") {
    const boxgrad::memory<float> b;
    const inputs in(6, 35, 4);
    const auto p = as<float>(in.x), t = as<float>(in.t), w = as<float>(in.row_weight);
    const auto flat =
        loss::value_and_gradient(b, loss::bce{}, red::none{}, boxgrad::view<const float, 2>(p.data(), {{6, 35}}),
                                 boxgrad::view<const float, 2>(t.data(), {{6, 35}}), w);
    inputs k = in;
    k.weight.clear();
    k.class_weight.clear();
    k.upstream.assign(k.x.size(), 1);
    const auto want = model_of_elements(k, false);
    CHECK(close(std::vector<float>(flat.value.data.begin(), flat.value.data.end()), want.value));
    const auto check = [&]<int R>(const extents<R>& e) {
        using view = boxgrad::view<const float, R>;
        const auto r = loss::value_and_gradient(b, loss::bce{}, red::none{}, view(p.data(), e), view(t.data(), e), w);
        CHECK(r.value.data == flat.value.data);
        CHECK(r.gradient.data == flat.gradient.data);
        const auto mean = loss::value(b, loss::bce{}, red::mean_weights{}, view(p.data(), e), view(t.data(), e), w);
        CHECK(close(mean, want.sum * over(want.weights), want.magnitude * over(want.weights)));
        CHECK_THROWS_AS(
            loss::value(b, loss::bce{}, red::sum{}, view(p.data(), e), view(t.data(), e), std::vector<float>(5, 1.0F)),
            boxgrad::shape_error);
    };
    check(extents<3>{{6, 5, 7}});
    check(extents<4>{{6, 5, 1, 7}});
}

TEST_CASE("P13 weights of classes: of the right length, not negative", "[loss][evaluate][promise]") {
    const boxgrad::memory<double> b;
    const inputs in(4, 3, 5);
    const boxgrad::view<const double, 2> x(in.x.data(), {{4, 3}}), t(in.t.data(), {{4, 3}});
    list gradient(12, 9.0);
    boxgrad::view<double, 2> g(gradient.data(), {{4, 3}});
    for (const list& bad :
         {list{1, 1}, list{1, 1, 1, 1}, list{1, -1, 1}, list{1, 1, std::numeric_limits<double>::quiet_NaN()}}) {
        const auto says = [&](auto&& f) {
            try {
                f();
            } catch (const boxgrad::error& e) {
                return std::string(e.what()).find(bad.size() == 3 ? "weight must be not negative"
                                                                  : "class_weight must be [3]") != std::string::npos;
            }
            return false;
        };
        CHECK(says([&] {
            loss::value_and_gradient_into(b, loss::bce{}, red::sum{}, x, loss::targets(t).class_weight(bad), g);
        }));
        CHECK(says([&] {
            loss::value_and_gradient_into(b, loss::bce{}, red::sum{}, x, loss::targets(in.label).class_weight(bad), g);
        }));
        CHECK(says([&] {
            loss::value_and_gradient_into(b, loss::cross_entropy{}, red::sum{}, x,
                                          loss::targets(in.label).class_weight(bad), g);
        }));
    }
    const list five(5, 1.0);
    CHECK_THROWS_AS(
        loss::value_and_gradient_into(b, loss::bce{}, red::sum{}, x, loss::targets(in.label).scores(five), g),
        boxgrad::shape_error);
    CHECK(gradient == list(12, 9.0));
}

namespace {

/// A view of v laid out otherwise in memory of its own.
template <class T, int R>
struct laid {
    std::vector<T> memory;
    boxgrad::view<T, R> v;

    laid(const std::vector<T>& values, const extents<R>& e, const extents<R>& stride, std::ptrdiff_t first)
        : memory(4000, T(-99)), v(memory.data() + first, e, stride) {
        for (test::index k = 0; k < e.size(); ++k) v.at_flat(k) = values[static_cast<std::size_t>(k)];
    }
    boxgrad::view<const T, R> read() const { return v; }
};

template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

}  // namespace

TEST_CASE("P30 layouts of labels, scores, weights and rows give the same bits", "[loss][evaluate][promise]") {
    const boxgrad::memory<float> b;
    inputs in(29, 19, 6);
    for (std::size_t i = 0; i < in.n; i += 6) in.label[i] = 77;
    const extents<2> e{{29, 19}};
    const extents<1> rows{{29}}, columns{{19}};
    struct layout {
        extents<2> matrix;
        std::ptrdiff_t first;
        test::index step;
        std::ptrdiff_t step_first;
    };
    const layout layouts[] = {{{{19, 1}}, 0, 1, 0},
                              {{{1, 29}}, 3, 2, 1},
                              {{{60, 3}}, 1, -1, 28},
                              {{{-19, 1}}, 28 * 19, 3, 0},
                              {{{-1, -31}}, 28 + 18 * 31, -4, 28 * 4}};
    const auto f = [](const list& v) { return as<float>(v); };
    std::optional<std::vector<float>> first[3][2];
    for (const layout& outer : layouts) {
        for (const layout& inner : layouts) {
            const laid<float, 2> x(f(in.x), e, outer.matrix, outer.first), t(f(in.t), e, inner.matrix, inner.first);
            const auto step = [](const layout& l) { return extents<1>{{l.step}}; };
            const laid<std::int64_t, 1> y(in.label, rows, step(inner), inner.step_first);
            const laid<float, 1> scores(f(in.scores), rows, step(outer), outer.step_first),
                w(f(in.row_weight), rows, step(inner), inner.step_first),
                classes(f(in.class_weight), columns, extents<1>{{outer.step}}, outer.step < 0 ? 18 * -outer.step : 0),
                u1(f(list(in.upstream.begin(), in.upstream.begin() + 29)), rows, step(outer), outer.step_first);
            const laid<float, 2> u(f(in.upstream), e, inner.matrix, inner.first),
                full(f(in.weight), e, outer.matrix, outer.first);
            laid<float, 2> g(f(list(29 * 19, 0)), e, inner.matrix, inner.first);
            const auto yv = y.read();
            const auto sv = scores.read();
            const auto cv = classes.read();
            const auto check = [&](int at, const auto& value) {
                const std::vector<float> v(value.data.begin(), value.data.end());
                std::vector<float> d;
                for (test::index k = 0; k < e.size(); ++k) d.push_back(g.v.at_flat(k));
                if (!first[at][0]) {
                    first[at][0] = v;
                    first[at][1] = d;
                }
                CHECK(same(v, *first[at][0]));
                CHECK(same(d, *first[at][1]));
                // Nothing between the elements is written.
                const laid<float, 2> only(d, e, inner.matrix, inner.first);
                CHECK(same(only.memory, g.memory));
            };
            check(0, loss::value_and_gradient_into(b, loss::bce{}, red::none{}, x.read(),
                                                   loss::targets(yv).ignore_index(77).scores(sv).class_weight(cv), g.v,
                                                   w.read(), u.read()));
            check(1, loss::value_and_gradient_into(b, loss::cross_entropy{}, red::none{}, x.read(),
                                                   loss::targets(yv).ignore_index(77).class_weight(cv), g.v, w.read(),
                                                   u1.read()));
            check(2, loss::value_and_gradient_into(b, loss::per_row<loss::bce>{}, red::none{}, x.read(), t.read(), g.v,
                                                   w.read(), u1.read()));
            static_cast<void>(full);
        }
    }
}

TEST_CASE("P30 rows of classes along any axis: [N, C, H, W] is [N·H·W, C]", "[loss][evaluate][promise]") {
    const boxgrad::memory<float> b;
    const inputs in(3 * 4 * 5, 7, 8);  // rows n, h, w
    const extents<4> e{{3, 7, 4, 5}};
    const extents<4> stride{{4 * 5 * 7, 1, 5 * 7, 7}};  // channels last
    auto p = as<float>(in.x);
    const auto w = as<float>(in.row_weight);
    const auto flat = loss::value_and_gradient(b, loss::cross_entropy{}, red::none{},
                                               boxgrad::view<const float, 2>(p.data(), {{60, 7}}), in.label, w);
    std::vector<float> gradient(p.size());
    boxgrad::view<float, 4> g(gradient.data(), e, stride);
    const boxgrad::view<const std::int64_t, 3> y(in.label.data(), {{3, 4, 5}});
    const boxgrad::view<const float, 3> w3(w.data(), {{3, 4, 5}});
    const auto r = loss::value_and_gradient_into(b, loss::cross_entropy{}, red::none{},
                                                 boxgrad::view<const float, 4>(p.data(), e, stride), y, g, w3);
    CHECK(r.data == flat.value.data);
    CHECK(same(gradient, std::vector<float>(flat.gradient.data.begin(), flat.gradient.data.end())));
    // The same in rows of W, where a row's numbers lie apart.
    std::vector<float> apart(p.size()), there(p.size());
    for (test::index n = 0; n < 3; ++n) {
        for (test::index c = 0; c < 7; ++c) {
            for (test::index k = 0; k < 20; ++k)
                apart[static_cast<std::size_t>((n * 7 + c) * 20 + k)] =
                    p[static_cast<std::size_t>((n * 20 + k) * 7 + c)];
        }
    }
    boxgrad::view<float, 4> g4(there.data(), e);
    const auto s = loss::value_and_gradient_into(b, loss::cross_entropy{}, red::none{},
                                                 boxgrad::view<const float, 4>(apart.data(), e), y, g4, w3);
    CHECK(s.data == flat.value.data);
    bool bits = true;
    for (test::index n = 0; n < 3; ++n) {
        for (test::index c = 0; c < 7; ++c) {
            for (test::index k = 0; k < 20; ++k)
                bits = bits && g4(n, c, k / 5, k % 5) == gradient[static_cast<std::size_t>((n * 20 + k) * 7 + c)];
        }
    }
    CHECK(bits);
}

TEST_CASE("P34 labels and rows: any number of threads gives the same bits", "[loss][evaluate][promise]") {
    const inputs in(9001, 5, 9);
    const auto p = as<float>(in.x), w = as<float>(in.row_weight);
    const boxgrad::view<const float, 2> x(p.data(), {{9001, 5}});
    const auto run = [&]([[maybe_unused]] int threads) {
        boxgrad::memory<float> b;
#if defined(_OPENMP)
        b.threads = threads;
#endif
        const auto e = loss::value_and_gradient(b, loss::bce{}, red::mean_weights{}, x, in.label, w);
        const auto s = loss::value_and_gradient(b, loss::cross_entropy{}, red::mean_weights{}, x, in.label, w);
        std::vector<float> r{e.value, s.value};
        r.insert(r.end(), e.gradient.data.begin(), e.gradient.data.end());
        r.insert(r.end(), s.gradient.data.begin(), s.gradient.data.end());
        return r;
    };
    const auto one = run(1);
    std::vector<int> ok(4, 0);
    std::vector<std::thread> threads;
    for (int& o : ok) threads.emplace_back([&] { o = same(run(1), one) ? 1 : 0; });
    for (auto& t : threads) t.join();
    CHECK(ok == std::vector<int>(4, 1));
#if defined(_OPENMP)
    for (const int k : {2, 3, 8}) CHECK(same(run(k), one));
#endif
}
