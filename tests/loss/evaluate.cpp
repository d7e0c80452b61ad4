// SPDX-License-Identifier: Apache-2.0
//
// What evaluate.hpp does with a term: reductions, weights, upstream gradients, ranks, layouts, errors. What
// is expected comes from a plain loop here that calls the term on doubles, one row at a time.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxgrad.hpp>

#include <cstring>
#include <random>
#include <thread>

namespace {

namespace loss = boxgrad::loss;
namespace red = boxgrad::reduction;
using boxgrad::box;
using test::extents;

struct expected {
    std::vector<double> value, gradient;  // w·l a row; u·w·dl a number
    double sum = 0, magnitude = 0;
};

template <class T>
std::vector<T> random_values(unsigned seed, std::size_t n, double low, double high, int zeros = 0) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> u(low, high);
    std::vector<T> v(n);
    for (T& x : v) x = zeros > 0 && random() % static_cast<unsigned>(zeros) == 0 ? T(0) : static_cast<T>(u(random));
    return v;
}
/// Boxes of positive size, rows of 4.
template <class T>
std::vector<T> random_boxes(unsigned seed, std::size_t n) {
    auto v = random_values<T>(seed, 4 * n, 1, 30);
    for (std::size_t i = 0; i < n; ++i) {
        v[4 * i + 2] += v[4 * i];
        v[4 * i + 3] += v[4 * i + 1];
    }
    return v;
}

/// Box terms: `w` and `u` are a number a row.
template <class T, class Term>
expected by_loop(const Term& term, const std::vector<T>& p, const std::vector<T>& t, const std::vector<double>& w,
                 const std::vector<double>& u) {
    using D = boxgrad::dual<double, 4>;
    expected e;
    for (std::size_t i = 0; i < p.size() / 4; ++i) {
        const auto row = [i](const std::vector<T>& v) {
            return box<double>{static_cast<double>(v[4 * i]), static_cast<double>(v[4 * i + 1]), static_cast<double>(v[4 * i + 2]),
                               static_cast<double>(v[4 * i + 3])};
        };
        const D r = term(boxgrad::as_variables(row(p)), boxgrad::as_constants<D>(row(t)));
        e.value.push_back(w[i] * r.value);
        for (const double d : r.partial) e.gradient.push_back(u[i] * w[i] * d);
        e.sum += e.value.back();
        e.magnitude += std::abs(e.value.back());
    }
    return e;
}
/// The same for an elementwise term.
template <class T, class Term>
expected by_loop_elementwise(const Term& term, const std::vector<T>& p, const std::vector<T>& t, const std::vector<double>& w,
                             const std::vector<double>& u) {
    using D = boxgrad::dual<double, 1>;
    expected e;
    for (std::size_t i = 0; i < p.size(); ++i) {
        const D r = term(D::variable(static_cast<double>(p[i]), 0), static_cast<double>(t[i]));
        e.value.push_back(w[i] * r.value);
        e.gradient.push_back(u[i] * w[i] * r.partial[0]);
        e.sum += e.value.back();
        e.magnitude += std::abs(e.value.back());
    }
    return e;
}

template <class T>
bool close(const std::vector<T>& got, const std::vector<double>& want, double factor = 1) {
    if (got.size() != want.size()) return false;
    for (std::size_t i = 0; i < got.size(); ++i) {
        if (!test::near(got[i], static_cast<T>(factor * want[i]), 64)) return false;
    }
    return true;
}
template <class T>
bool close(T got, double want, double magnitude) {
    const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
    return std::abs(static_cast<double>(got) - want) <= 64 * eps * std::max(magnitude, 1e-30);
}
template <class T>
std::vector<double> to_double(const std::vector<T>& v) {
    return {v.begin(), v.end()};
}
/// The elements of `first` and what is written into `gradient` are the same bits.
template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("box terms: every reduction and weight", "[loss][evaluate]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const loss::giou term;
    for (const boxgrad::index rows : {1, 5, 33, 1025, 2500}) {
        INFO(rows << " rows");
        const auto n = static_cast<std::size_t>(rows);
        const auto p = random_boxes<T>(1, n);
        const auto t = random_boxes<T>(2, n);
        const auto w = random_values<T>(3, n, 0, 2, 5);
        const auto w4 = random_values<T>(4, 4 * n, 0, 2, 5);
        const auto u = random_values<T>(5, n, -1, 1);
        const std::vector<double> ones(n, 1.0);
        std::vector<double> of_row;
        for (std::size_t i = 0; i < n; ++i) {
            double s = 0;
            for (std::size_t c = 0; c < 4; ++c) s += static_cast<double>(w4[4 * i + c]);
            of_row.push_back(s / 4);
        }
        const auto tp = test::from_host(b, extents<2>{{rows, 4}}, p);
        const auto tt = test::from_host(b, extents<2>{{rows, 4}}, t);
        const auto tw = test::from_host(b, extents<1>{{rows}}, w);
        const auto tw4 = test::from_host(b, extents<2>{{rows, 4}}, w4);
        const auto tu = test::from_host(b, extents<1>{{rows}}, u);

        const auto each = loss::value_and_gradient(b, term, red::none{}, tp, tt, tw, tu);
        const auto e = by_loop(term, p, t, to_double(w), to_double(u));
        CHECK(close(test::to_host<1>(b, each.value), e.value));
        CHECK(close(test::to_host<2>(b, each.gradient), e.gradient));
        CHECK(close(test::to_host<1>(b, loss::value(b, term, red::none{}, tp, tt, tw4)), by_loop(term, p, t, of_row, ones).value));

        const auto e4 = by_loop(term, p, t, of_row, ones);
        const auto sum = loss::value_and_gradient(b, term, red::sum{}, tp, tt, tw4, -0.5);
        CHECK(close(sum.value, e4.sum, e4.magnitude));
        CHECK(close(test::to_host<2>(b, sum.gradient), e4.gradient, -0.5));

        const auto plain = by_loop(term, p, t, ones, ones);
        const auto mean = loss::value_and_gradient(b, term, red::mean{}, tp, tt);
        CHECK(close(mean.value, plain.sum / static_cast<double>(n), plain.magnitude / static_cast<double>(n)));
        CHECK(close(test::to_host<2>(b, mean.gradient), plain.gradient, 1 / static_cast<double>(n)));

        const auto weighed = by_loop(term, p, t, to_double(w), ones);
        const double factor = 1 / (3.5 + 0x1p-23);
        const auto over = loss::value_and_gradient(b, term, red::mean_over{3.5}, tp, tt, tw, 2.0);
        CHECK(close(over.value, weighed.sum * factor, weighed.magnitude * factor));
        CHECK(close(test::to_host<2>(b, over.gradient), weighed.gradient, 2 * factor));
        CHECK(over.value == loss::value(b, term, red::mean_over{3.5}, tp, tt, tw));
    }
}

TEMPLATE_LIST_TEST_CASE("elementwise terms: rank 1 to 4", "[loss][evaluate]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const loss::bce term;
    const std::size_t n = 3 * 5 * 2 * 7;
    const auto p = random_values<T>(6, n, -20, 20);
    const auto t = random_values<T>(7, n, 0, 1);
    const auto w = random_values<T>(8, n, 0, 2, 4);
    const auto u = random_values<T>(9, n, -1, 1);
    const std::vector<double> ones(n, 1.0);
    const auto make = [&](const auto& e, const std::vector<T>& v) { return test::from_host(b, e, v); };

    const extents<1> e1{{210}};
    const auto weighed = by_loop_elementwise(term, p, t, to_double(w), ones);
    const auto sum = loss::value_and_gradient(b, term, red::sum{}, make(e1, p), make(e1, t), make(e1, w), 3.0);
    CHECK(close(sum.value, weighed.sum, weighed.magnitude));
    CHECK(close(test::to_host<1>(b, sum.gradient), weighed.gradient, 3));

    const extents<2> e2{{15, 14}};
    const auto full = by_loop_elementwise(term, p, t, to_double(w), to_double(u));
    const auto each = loss::value_and_gradient(b, term, red::none{}, make(e2, p), make(e2, t), make(e2, w), make(e2, u));
    CHECK(close(test::to_host<2>(b, each.value), full.value));
    CHECK(close(test::to_host<2>(b, each.gradient), full.gradient));

    const extents<3> e3{{3, 10, 7}};
    const auto plain = by_loop_elementwise(term, p, t, ones, ones);
    const auto mean = loss::value_and_gradient(b, term, red::mean{}, make(e3, p), make(e3, t));
    CHECK(close(mean.value, plain.sum / 210, plain.magnitude / 210));
    CHECK(close(test::to_host<3>(b, mean.gradient), plain.gradient, 1 / 210.0));

    const extents<4> e4{{3, 5, 2, 7}};
    const auto over = loss::value_and_gradient(b, term, red::mean_over{0}, make(e4, p), make(e4, t), make(e4, w));
    CHECK(close(over.value, weighed.sum * 0x1p23, weighed.magnitude * 0x1p23));
    CHECK(close(test::to_host<4>(b, over.gradient), weighed.gradient, 0x1p23));
}

TEMPLATE_LIST_TEST_CASE("P2 nothing to evaluate: 0, empty, and no division by 0", "[loss][evaluate][promise]", test::float_backends) {
    const TestType b;
    const auto none4 = test::from_host(b, extents<2>{{0, 4}}, std::vector<float>{});
    const auto none0 = test::from_host(b, extents<2>{{5, 0}}, std::vector<float>{});
    const auto row = test::from_host(b, extents<1>{{0}}, std::vector<float>{});
    const auto check = [&](const auto& r) {
        CHECK(r.value == 0.0F);
        CHECK(test::to_host<2>(b, r.gradient).empty());
    };
    check(loss::value_and_gradient(b, loss::iou<>{}, red::mean{}, none4, none4));
    check(loss::value_and_gradient(b, loss::iou<>{}, red::sum{}, none4, none4, row));
    check(loss::value_and_gradient(b, loss::iou<>{}, red::mean_over{0}, none4, none4));
    check(loss::value_and_gradient(b, loss::l1{}, red::mean{}, none0, none0));
    const auto each = loss::value_and_gradient(b, loss::iou<>{}, red::none{}, none4, none4);
    CHECK(test::to_host<1>(b, each.value).empty());
    CHECK(test::to_host<2>(b, each.gradient).empty());
}

TEMPLATE_LIST_TEST_CASE("P26 every argument of another shape is refused by name", "[loss][evaluate][promise]", test::float_backends) {
    const TestType b;
    const auto p = test::rows(b, 4, {0, 0, 1, 1, 0, 0, 2, 2, 0, 0, 3, 3});
    const auto two = test::rows(b, 4, {0, 0, 1, 1, 0, 0, 2, 2});
    const auto column = test::rows(b, 1, {1, 1, 1});
    const auto flat = test::column(b, {1, 1, 1});
    const auto message = [&](auto&& f) {
        try {
            f();
        } catch (const boxgrad::shape_error& e) {
            return std::string(e.what());
        }
        return std::string("nothing thrown");
    };
    const loss::iou<> term;
    CHECK(message([&] { loss::value(b, term, red::sum{}, column, column); }) == "loss::value: prediction must be [*, 4], got [3, 1]");
    CHECK(message([&] { loss::value(b, term, red::mean{}, p, two); }) == "loss::value: target must be [3, 4], got [2, 4]");
    CHECK(message([&] { loss::value(b, term, red::mean{}, p, p, column); }) == "loss::value: weight must be [3, 4], got [3, 1]");
    CHECK(message([&] { loss::value(b, term, red::mean{}, p, p, test::column(b, {1, 1})); }) == "loss::value: weight must be [3], got [2]");
    CHECK(message([&] { loss::value(b, loss::l1{}, red::mean{}, column, column, p); }) == "loss::value: weight must be [3, 1], got [3, 4]");
    CHECK(message([&] { loss::value_and_gradient(b, term, red::none{}, p, p, flat, test::column(b, {1, 1})); }) ==
          "loss::value_and_gradient: upstream must be [3], got [2]");
    auto gradient = test::rows(b, 4, {9, 9, 9, 9});
    CHECK(message([&] { loss::value_and_gradient_into(b, term, red::sum{}, p, p, gradient); }) ==
          "loss::value_and_gradient: gradient must be [3, 4], got [1, 4]");
    auto marked = test::rows(b, 4, {9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9});
    CHECK_THROWS_AS(loss::value_and_gradient_into(b, term, red::sum{}, p, two, marked), boxgrad::shape_error);
    CHECK_THROWS_AS(loss::value_and_gradient_into(b, term, red::sum{}, p, p, marked, test::column(b, {1, 1, -1})), boxgrad::config_error);
    CHECK_THROWS_AS(loss::value_and_gradient_into(b, term, red::mean_over{-1}, p, p, marked), boxgrad::config_error);
    for (const float x : test::to_host<2>(b, marked)) CHECK(x == 9.0F);  // before anything is written
}

TEST_CASE("P13 a bad weight anywhere is refused", "[loss][evaluate][promise]") {
    const boxgrad::memory<double> b;
    const std::size_t n = 3000;
    const auto p = random_boxes<double>(1, n);
    const boxgrad::view<const double, 2> boxes(p.data(), {{3000, 4}});
    for (const double bad : {-1e-300, std::numeric_limits<double>::quiet_NaN()}) {
        for (const std::size_t at : {std::size_t{0}, std::size_t{1023}, std::size_t{1024}, std::size_t{2999}}) {
            std::vector<double> w(n, 1.0);
            w[at] = bad;
            CHECK_THROWS_AS(loss::value(b, loss::giou{}, red::sum{}, boxes, boxes, w), boxgrad::config_error);
            std::vector<std::array<double, 4>> w4(n, {1, 1, 1, 1});
            w4[at][at % 4] = bad;
            CHECK_THROWS_AS(loss::value(b, loss::giou{}, red::none{}, boxes, boxes, w4), boxgrad::config_error);
        }
    }
    const std::vector<double> zero(n, -0.0);
    CHECK(loss::value(b, loss::giou{}, red::sum{}, boxes, boxes, zero) == 0.0);
}

TEST_CASE("P28 a gradient in the memory of an input is refused", "[loss][evaluate][promise]") {
    const boxgrad::memory<float> b;
    std::vector<float> memory(200, 1.0F);
    using rows = boxgrad::view<float, 2>;
    const extents<2> e{{6, 4}};
    const rows p(memory.data(), e);
    const rows t(memory.data() + 24, e);
    const rows w4(memory.data() + 48, e);
    const boxgrad::view<float, 1> w(memory.data() + 72, extents<1>{{6}});
    const boxgrad::view<float, 1> u(memory.data() + 78, extents<1>{{6}});
    const loss::giou term;
    rows free(memory.data() + 84, e);
    CHECK_NOTHROW(loss::value_and_gradient_into(b, term, red::none{}, p, t, free, w, u));
    const auto before = memory;
    for (const std::ptrdiff_t at : {0, 23, 24, 47, 72, 77, 78, 83}) {
        INFO("gradient at " << at);
        // The last number of the gradient, or its first, lies in the input.
        rows low(memory.data() + at, e);
        CHECK_THROWS_AS(loss::value_and_gradient_into(b, term, red::none{}, p, t, low, w, u), boxgrad::shape_error);
    }
    rows over(memory.data() + 70, e);
    CHECK_THROWS_AS(loss::value_and_gradient_into(b, term, red::sum{}, p, t, over, w4), boxgrad::shape_error);
    CHECK(same(before, memory));
}

TEST_CASE("P30 layouts of every argument: elementwise results are the same bits", "[loss][evaluate][promise]") {
    const boxgrad::memory<float> b;
    const boxgrad::index rows = 37;
    const auto p = random_boxes<float>(11, 37);
    const auto t = random_boxes<float>(12, 37);
    const auto w = random_values<float>(13, 4 * 37, 0, 2, 6);
    const auto u = random_values<float>(14, 37, -1, 1);
    const extents<2> e{{rows, 4}};
    using view2 = boxgrad::view<const float, 2>;
    const auto plain = loss::value_and_gradient(b, loss::giou{}, red::none{}, view2(p.data(), e), view2(t.data(), e), view2(w.data(), e), u);
    const std::vector<float> value(plain.value.data.begin(), plain.value.data.end());
    const std::vector<float> gradient(plain.gradient.data.begin(), plain.gradient.data.end());

    struct layout {
        std::ptrdiff_t first;
        extents<2> stride;
    };
    const layout layouts[] = {{0, {{1, 37}}}, {5, {{4, 1}}}, {0, {{11, 2}}}, {36 * 4, {{-4, 1}}}, {3, {{4, -1}}}, {36 + 3 * 40, {{-1, -40}}}, {0, {{1, 50}}}};
    const auto arrange = [&](const std::vector<float>& v, const layout& l) {
        std::vector<float> memory(600, -99.0F);
        for (boxgrad::index i = 0; i < rows; ++i) {
            for (boxgrad::index c = 0; c < 4; ++c) memory[static_cast<std::size_t>(l.first + i * l.stride[0] + c * l.stride[1])] = v[static_cast<std::size_t>(4 * i + c)];
        }
        return memory;
    };
    for (const auto& of_inputs : layouts) {
        for (const auto& of_gradient : layouts) {
            const auto mp = arrange(p, of_inputs);
            const auto mt = arrange(t, of_gradient);
            const auto mw = arrange(w, of_inputs);
            std::vector<float> mu(3 * 37);
            for (std::size_t i = 0; i < 37; ++i) mu[3 * i] = u[36 - i];
            const boxgrad::view<const float, 1> backwards(mu.data() + 36 * 3, extents<1>{{rows}}, extents<1>{{-3}});
            std::vector<float> mg(600, -99.0F);
            boxgrad::view<float, 2> g(mg.data() + of_gradient.first, e, of_gradient.stride);
            const auto v = loss::value_and_gradient_into(b, loss::giou{}, red::none{}, view2(mp.data() + of_inputs.first, e, of_inputs.stride),
                                                         view2(mt.data() + of_gradient.first, e, of_gradient.stride), g,
                                                         view2(mw.data() + of_inputs.first, e, of_inputs.stride), backwards);
            CHECK(same(std::vector<float>(v.data.begin(), v.data.end()), value));
            CHECK(same(mg, arrange(gradient, of_gradient)));  // and nothing between
        }
    }
    // An input may repeat its elements, an output may not.
    const view2 repeated(t.data(), e, {{0, 1}});
    const auto r = loss::value_and_gradient(b, loss::giou{}, red::none{}, view2(p.data(), e), repeated);
    CHECK(r.value.data[5] == loss::giou{}(box<float>{p[20], p[21], p[22], p[23]}, box<float>{t[0], t[1], t[2], t[3]}));
    std::vector<float> out(4);
    boxgrad::view<float, 2> constant(out.data(), e, {{0, 1}});
    CHECK_THROWS_AS(loss::value_and_gradient_into(b, loss::giou{}, red::none{}, view2(p.data(), e), view2(t.data(), e), constant), boxgrad::shape_error);
}

TEST_CASE("P30 elementwise terms in every order of axes and at every alignment", "[loss][evaluate][promise]") {
    const boxgrad::memory<float> b;
    const extents<4> e{{3, 5, 2, 7}};
    const auto p = random_values<float>(15, 210, -30, 30);
    const auto t = random_values<float>(16, 210, 0, 1);
    using view4 = boxgrad::view<const float, 4>;
    const auto plain = loss::value_and_gradient(b, loss::bce{}, red::none{}, view4(p.data(), e), view4(t.data(), e));
    const auto sum = loss::value(b, loss::bce{}, red::sum{}, view4(p.data(), e), view4(t.data(), e));
    double magnitude = 0;
    for (const float x : plain.value.data) magnitude += static_cast<double>(x);
    std::array<int, 4> order{0, 1, 2, 3};
    do {
        for (const boxgrad::index gap : {1, 2}) {
            extents<4> stride;
            boxgrad::index step = gap;
            for (const int axis : order) {
                stride[axis] = step;
                step *= e[axis];
            }
            for (boxgrad::index offset = 0; offset < 16; offset += gap == 1 ? 1 : 5) {
                std::vector<float> mp(static_cast<std::size_t>(step + 16));
                std::vector<float> mg(mp.size(), -99.0F);
                const boxgrad::view<float, 4> vp(mp.data() + offset, e, stride);
                boxgrad::view<float, 4> vg(mg.data() + offset, e, stride);
                for (boxgrad::index i = 0; i < 210; ++i) vp.at_flat(i) = p[static_cast<std::size_t>(i)];
                const auto v = loss::value_and_gradient_into(b, loss::bce{}, red::none{}, vp, view4(t.data(), e), vg);
                bool bits = v.data == plain.value.data;
                for (boxgrad::index i = 0; i < 210; ++i) bits = bits && vg.at_flat(i) == plain.gradient.data[static_cast<std::size_t>(i)];
                CHECK(bits);
                const float total = loss::value(b, loss::bce{}, red::sum{}, vp, view4(t.data(), e));
                CHECK(std::abs(static_cast<double>(total) - static_cast<double>(sum)) <= 8 * 0x1p-23 * magnitude);
            }
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("P25 P31 P34 one term, many threads, any number of threads: the same bits", "[loss][evaluate][promise]") {
    const std::size_t n = 20011;
    const auto p = random_boxes<float>(17, n);
    const auto t = random_boxes<float>(18, n);
    const auto kept = p;
    const extents<2> e{{20011, 4}};
    using view2 = boxgrad::view<const float, 2>;
    boxgrad::memory<float> b;
    const auto first = loss::value_and_gradient(b, loss::giou{}, red::mean{}, view2(p.data(), e), view2(t.data(), e));
    const auto again = [&] {
        const auto r = loss::value_and_gradient(b, loss::giou{}, red::mean{}, view2(p.data(), e), view2(t.data(), e));
        return std::memcmp(&r.value, &first.value, sizeof(float)) == 0 && r.gradient.data == first.gradient.data;
    };
    std::vector<int> ok(8, 0);
    std::vector<std::thread> threads;
    for (int& o : ok) threads.emplace_back([&again, &o] { o = again() && again() ? 1 : 0; });
    for (auto& x : threads) x.join();
    CHECK(ok == std::vector<int>(8, 1));
#if defined(_OPENMP)
    for (const int k : {2, 3, 8}) {
        b.threads = k;
        CHECK(again());
    }
#endif
    CHECK(same(p, kept));
}
