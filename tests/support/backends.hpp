// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// The only list of backends. A typed test runs on all of them:
///
///     TEMPLATE_LIST_TEST_CASE("...", "[...]", test::backends) { const TestType b{}; ... }

#include <boxgrad/backend/memory.hpp>
#include <boxgrad/backend/reference.hpp>
#include <boxgrad/backend/transfer.hpp>
#include <boxgrad/testing/archetype.hpp>

#if BOXGRAD_TEST_EIGEN
#include <boxgrad/backend/eigen.hpp>
#endif
#if BOXGRAD_TEST_XTENSOR
#include <boxgrad/backend/xtensor.hpp>
#endif
#if BOXGRAD_TEST_CUDA
#include <boxgrad/backend/cuda.hpp>
#endif

#include <initializer_list>
#include <limits>
#include <tuple>
#include <vector>

namespace test {

using boxgrad::extents;
using boxgrad::index;

/// A backend and what to call it in a report.
template <class B>
struct named {
    using type = B;
    const char* name;
};

/// All of one scalar.
template <class T>
constexpr auto all_of() {
    return std::tuple{
        named<boxgrad::reference<T>>{"reference"},
        named<boxgrad::memory<T>>{"memory"},
        named<boxgrad::testing::archetype<T>>{"archetype"},
#if BOXGRAD_TEST_EIGEN
        named<boxgrad::eigen<T>>{"eigen"},
        named<boxgrad::eigen<T, Eigen::RowMajor>>{"eigen_row"},
#endif
#if BOXGRAD_TEST_XTENSOR
        named<boxgrad::xtensor<T>>{"xtensor"},
        named<boxgrad::xtensor<T, xt::layout_type::column_major>>{"xtensor_column"},
#endif
#if BOXGRAD_TEST_CUDA
        named<boxgrad::cuda<T>>{"cuda"},
#endif
    };
}

namespace detail {
template <class... B>
std::tuple<B...> types_of(const std::tuple<named<B>...>&);
template <class T>
using types_for = decltype(types_of(all_of<T>()));
}  // namespace detail

/// Every backend with float and with double.
using backends = decltype(std::tuple_cat(std::declval<detail::types_for<float>>(),
                                         std::declval<detail::types_for<double>>()));
/// Every backend, once: where the scalar does not matter.
using float_backends = detail::types_for<float>;

/// Calls f(name, backend) for every backend whose scalar is T.
template <class T, class F>
void for_each_backend(F&& f) {
    std::apply([&](const auto&... n) { (f(n.name, typename std::remove_cvref_t<decltype(n)>::type{}), ...); },
               all_of<T>());
}
/// The same for float and then for double.
template <class F>
void for_each_backend(F&& f) {
    for_each_backend<float>(f);
    for_each_backend<double>(f);
}

/// A tensor of b with the given elements, row by row.
template <class B, class T, int R>
auto from_host(const B& b, const extents<R>& e, const std::vector<T>& values) {
    if (static_cast<index>(values.size()) != e.size()) throw std::logic_error("from_host: wrong number of elements");
    return boxgrad::from_host<T>(b, e, values.data());
}
/// A tensor of rank 1 of b's scalar.
template <class B>
auto column(const B& b, std::initializer_list<double> values) {
    std::vector<typename B::scalar> v;
    for (const double x : values) v.push_back(static_cast<typename B::scalar>(x));
    return from_host(b, extents<1>{{static_cast<index>(v.size())}}, v);
}
/// A tensor [N, columns] of b's scalar, row by row.
template <class B>
auto rows(const B& b, index columns, std::initializer_list<double> values) {
    std::vector<typename B::scalar> v;
    for (const double x : values) v.push_back(static_cast<typename B::scalar>(x));
    return from_host(b, extents<2>{{static_cast<index>(v.size()) / columns, columns}}, v);
}
/// The elements of x, row by row, in host memory.
template <int R, class B, class X>
auto to_host(const B& b, const X& x) {
    return boxgrad::to_host<R>(b, x);
}
/// The same where the rank of x is known at compile time.
template <class B, class X>
auto to_host(const B& b, const X& x) {
    return boxgrad::to_host<decltype(boxgrad::look_at(b, x))::rank>(b, x);
}

/// |a - b| <= steps·ε·max(|a|, |b|, 1), NaN equals NaN. The only tolerance of the tests, in multiples of
/// the scalar's ε: rounding scaled by the largest of the operands.
template <class T>
bool near(T a, T b, double steps = 8) {
    if (a == b || (a != a && b != b)) return true;
    const double x = static_cast<double>(a);
    const double y = static_cast<double>(b);
    const double size = std::max({x < 0 ? -x : x, y < 0 ? -y : y, 1.0});
    return (x < y ? y - x : x - y) <= steps * static_cast<double>(std::numeric_limits<T>::epsilon()) * size;
}
template <class T>
bool near(const std::vector<T>& a, const std::vector<T>& b, double steps = 8) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!near(a[i], b[i], steps)) return false;
    }
    return true;
}

}  // namespace test
