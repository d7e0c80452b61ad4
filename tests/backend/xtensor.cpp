// SPDX-License-Identifier: Apache-2.0
#include "support/backends.hpp"
#include "support/catch.hpp"

#if BOXGRAD_TEST_XTENSOR
#include <array>
#include <vector>

namespace {

using boxgrad::dynamic_view;
using boxgrad::extents;
using boxgrad::index;
using boxgrad::readable_tensor;
using boxgrad::view;
using boxgrad::writable_tensor;
using backend = boxgrad::xtensor<float>;

template <class X>
concept lookable = requires(X&& x) { backend::look(std::forward<X>(x)); };
template <class X>
using seen = decltype(backend::look(std::declval<X>()));
template <class A, class B>
concept same = std::same_as<A, B>;

using matrix = xt::xtensor<float, 2>;
using column_matrix = xt::xtensor<float, 2, xt::layout_type::column_major>;
using array = xt::xarray<float>;

static_assert(same<seen<matrix&>, view<float, 2>> && same<seen<const matrix&>, view<const float, 2>>);
static_assert(same<seen<array&>, dynamic_view<float>> && same<seen<const array&>, dynamic_view<const float>>);
static_assert(same<seen<xt::xtensor<float, 4>&>, view<float, 4>>);
static_assert(!lookable<matrix> && !lookable<const matrix> && !lookable<array>);
static_assert(!lookable<int&> && !lookable<std::vector<float>&>);
static_assert(!lookable<decltype(std::declval<matrix&>() + 1.0F)&>);
static_assert(!lookable<decltype(xt::view(matrix(), 0))>);
static_assert(lookable<decltype(xt::view(std::declval<matrix&>(), 0))>);
static_assert(!lookable<decltype(xt::view(std::declval<matrix&>(), xt::keep(0, 1)))&>);
static_assert(!lookable<decltype(xt::adapt(std::vector<float>(6), std::array<std::size_t, 2>{2, 3}))>);

static_assert(readable_tensor<matrix, backend, float, 2> && writable_tensor<matrix, backend, float, 2>);
static_assert(!readable_tensor<xt::xtensor<int, 2>, backend, float, 2>);
static_assert(!readable_tensor<xt::xtensor<double, 2>, backend, float, 2>);
static_assert(!readable_tensor<xt::xtensor<float, 1>, backend, float, 2>);
static_assert(readable_tensor<array, backend, float, 2>);  // its rank is known at run time
static_assert(!writable_tensor<const matrix, backend, float, 2>);

/// What x[{r, c}] writes the view reads, and the other way round. (0.24's x(r, c) does not compile for
/// a view whose last slice is a number.)
template <class X>
void check_matrix(X&& x, index rows, index columns) {
    REQUIRE(static_cast<index>(x.shape()[0]) == rows);
    const backend b;
    const auto v = boxgrad::as_view<2>(b, x, "test", "x");
    REQUIRE(v.extent == extents<2>{{rows, columns}});
    for (index r = 0; r < rows; ++r) {
        for (index c = 0; c < columns; ++c) {
            float& own = x[std::array<std::size_t, 2>{static_cast<std::size_t>(r), static_cast<std::size_t>(c)}];
            own = static_cast<float>(10 * r + c);
            CHECK(v(r, c) == static_cast<float>(10 * r + c));
            v(r, c) = static_cast<float>(r - 7 * c);
            CHECK(own == static_cast<float>(r - 7 * c));
        }
    }
}

}  // namespace

TEST_CASE("a view of an xtensor container reaches the container's elements", "[backend][xtensor]") {
    matrix row({2, 3});
    column_matrix column({2, 3});
    array any(array::shape_type{2, 3});
    xt::xarray<float, xt::layout_type::column_major> any_column(array::shape_type{2, 3});
    xt::xtensor<float, 2, xt::layout_type::dynamic> loose({2, 3}, xt::layout_type::column_major);
    check_matrix(row, 2, 3);
    check_matrix(column, 2, 3);
    check_matrix(any, 2, 3);
    check_matrix(any_column, 2, 3);
    check_matrix(loose, 2, 3);
    xt::xtensor_fixed<float, xt::xshape<2, 3>> fixed;
    check_matrix(fixed, 2, 3);
    matrix none({0, 4});
    check_matrix(none, 0, 4);
}

TEST_CASE("a view of an xtensor view has its offset and strides", "[backend][xtensor]") {
    matrix row({4, 6});
    column_matrix column({4, 6});
    check_matrix(xt::view(row, xt::range(1, 3), xt::range(2, 5)), 2, 3);
    check_matrix(xt::view(column, xt::range(1, 3), xt::range(2, 5)), 2, 3);
    check_matrix(xt::view(row, xt::range(0, 4, 2), xt::range(1, 6, 2)), 2, 3);
    check_matrix(xt::view(row, xt::all(), xt::range(5, 0, -2)), 4, 3);
    check_matrix(xt::strided_view(row, {xt::range(1, 3), xt::range(2, 5)}), 2, 3);
    check_matrix(xt::strided_view(column, {xt::range(3, 0, -1), xt::all()}), 3, 6);
    xt::xtensor<float, 3> cube({2, 3, 4});
    check_matrix(xt::view(cube, 1), 3, 4);
    check_matrix(xt::view(cube, xt::all(), 2), 2, 4);
    check_matrix(xt::view(cube, xt::all(), xt::all(), 3), 2, 3);
    check_matrix(xt::strided_view(cube, {xt::ellipsis(), 1}), 2, 3);
}

TEST_CASE("a view of an xtensor adaptor reaches the adapted memory", "[backend][xtensor]") {
    std::vector<float> memory(12);
    const std::array<std::size_t, 2> shape{3, 4};
    check_matrix(xt::adapt(memory, shape), 3, 4);
    check_matrix(xt::adapt<xt::layout_type::column_major>(memory, shape), 3, 4);
    check_matrix(xt::adapt(memory.data(), memory.size(), xt::no_ownership(), shape), 3, 4);
    check_matrix(xt::adapt(memory, std::vector<std::size_t>{3, 4}), 3, 4);
    check_matrix(xt::adapt(memory, shape, std::array<std::ptrdiff_t, 2>{1, 3}), 3, 4);
    CHECK(backend::look(xt::adapt(memory, shape)).data == memory.data());
    const auto& constant = memory;
    CHECK(backend::look(xt::adapt(constant, shape)).data == memory.data());
    static_assert(same<decltype(backend::look(xt::adapt(constant, shape))), view<const float, 2>>);
    auto adaptor = xt::adapt(constant, shape);
    static_assert(same<decltype(backend::look(adaptor)), view<const float, 2>>);
    static_assert(same<decltype(backend::look(xt::view(adaptor, 1))), view<const float, 1>>);
    CHECK(backend::look(xt::view(adaptor, 1)).data == memory.data() + 4);
    const float* const p = memory.data();
    static_assert(same<decltype(backend::look(xt::adapt(p, 12, xt::no_ownership(), shape))), view<const float, 2>>);
}

TEST_CASE("an axis of extent 1 gets the stride of a dense tensor, not xtensor's 0", "[backend][xtensor]") {
    matrix one_row({1, 4});
    matrix one_column({4, 1});
    column_matrix other({1, 4});
    array any(array::shape_type{1, 1, 5});
    CHECK(backend::look(one_row).stride == extents<2>{{4, 1}});
    CHECK(backend::look(one_column).stride == extents<2>{{1, 1}});
    CHECK(backend::look(other).stride == extents<2>{{1, 1}});
    CHECK(backend::look(any).stride[0] == 5);
    CHECK(backend::look(any).stride[1] == 5);
}

TEST_CASE("an xarray of another rank than asked for is a shape_error", "[backend][xtensor]") {
    const backend b;
    array matrix_like(array::shape_type{2, 3});
    array five(array::shape_type{1, 2, 1, 2, 1});
    CHECK_THROWS_AS(boxgrad::as_view<3>(b, matrix_like, "test", "x"), boxgrad::shape_error);
    CHECK_THROWS_AS(boxgrad::as_view<4>(b, five, "test", "x"), boxgrad::shape_error);
    try {
        boxgrad::as_view<3>(b, matrix_like, "loss::value", "prediction");
    } catch (const boxgrad::shape_error& e) {
        CHECK(std::string(e.what()) ==
              "loss::value: prediction must be of rank 3, got rank 2 with extents [2, 3]");
    }
}
#endif
