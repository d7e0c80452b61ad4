// SPDX-License-Identifier: Apache-2.0
#include "support/backends.hpp"
#include "support/catch.hpp"

#if BOXGRAD_TEST_EIGEN
#include <vector>

namespace {

using boxgrad::extents;
using boxgrad::index;
using boxgrad::readable_tensor;
using boxgrad::view;
using boxgrad::writable_tensor;
using eigen = boxgrad::eigen<float>;

template <class X>
concept lookable = requires(X&& x) { eigen::look(std::forward<X>(x)); };
template <class X>
using seen = decltype(eigen::look(std::declval<X>()));
template <class A, class B>
concept same = std::same_as<A, B>;

using array = Eigen::ArrayXXf;
using row_matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using boxes = Eigen::Array<float, Eigen::Dynamic, 4, Eigen::RowMajor>;
using cube = Eigen::Tensor<float, 3>;
using map = Eigen::Map<array>;
using constant_map = Eigen::Map<const array>;

// Ranks and constness.
static_assert(same<seen<array&>, view<float, 2>> && same<seen<const array&>, view<const float, 2>>);
static_assert(same<seen<boxes&>, view<float, 2>>);
static_assert(same<seen<Eigen::VectorXf&>, view<float, 1>>);
static_assert(same<seen<Eigen::RowVectorXf&>, view<float, 1>>);
static_assert(same<seen<Eigen::Vector4f&>, view<float, 1>>);
static_assert(same<seen<map>, view<float, 2>> && same<seen<constant_map>, view<const float, 2>>);
static_assert(same<seen<cube&>, view<float, 3>> && same<seen<const cube&>, view<const float, 3>>);
static_assert(same<seen<Eigen::Tensor<float, 1>&>, view<float, 1>>);
static_assert(same<seen<Eigen::TensorMap<cube>>, view<float, 3>>);
static_assert(same<seen<Eigen::TensorMap<const cube>>, view<const float, 3>>);
static_assert(same<seen<Eigen::Block<array>>, view<float, 2>>);
static_assert(same<seen<Eigen::Block<const array>>, view<const float, 2>>);
static_assert(same<seen<Eigen::Ref<array>>, view<float, 2>>);

// Temporaries that own, expressions, what is no tensor.
static_assert(!lookable<array> && !lookable<const array> && !lookable<cube>);
static_assert(!lookable<Eigen::Ref<const array>> && lookable<Eigen::Ref<const array>&>);
static_assert(!lookable<decltype(std::declval<array&>() + 1.0F)&>);
static_assert(!lookable<Eigen::Tensor<float, 5>&> && !lookable<Eigen::Tensor<float, 0>&>);
static_assert(!lookable<int&> && !lookable<std::vector<float>&>);

// A wrong element, rank or constness is answered by a concept.
static_assert(readable_tensor<array, eigen, float, 2> && writable_tensor<array, eigen, float, 2>);
static_assert(!readable_tensor<Eigen::ArrayXXi, eigen, float, 2>);
static_assert(!readable_tensor<Eigen::ArrayXXd, eigen, float, 2>);
static_assert(!readable_tensor<Eigen::ArrayXf, eigen, float, 2>);
static_assert(!readable_tensor<int, eigen, float, 2>);
static_assert(readable_tensor<const array, eigen, float, 2>);
static_assert(!writable_tensor<const array, eigen, float, 2>);
static_assert(!writable_tensor<constant_map, eigen, float, 2>);

/// x was written by its own x(r, c); is that what its view reads, and does the view write there?
template <class X>
void check_matrix(X&& x) {
    for (Eigen::Index r = 0; r < x.rows(); ++r) {
        for (Eigen::Index c = 0; c < x.cols(); ++c) x(r, c) = static_cast<float>(10 * r + c);
    }
    const auto v = eigen::look(x);
    REQUIRE(v.extent == extents<2>{{x.rows(), x.cols()}});
    for (index r = 0; r < x.rows(); ++r) {
        for (index c = 0; c < x.cols(); ++c) {
            CHECK(v(r, c) == static_cast<float>(10 * r + c));
            v(r, c) = static_cast<float>(r - 7 * c);
            CHECK(x(r, c) == static_cast<float>(r - 7 * c));
        }
    }
}
template <class X>
void check_vector(X&& x) {
    for (Eigen::Index i = 0; i < x.size(); ++i) x(i) = static_cast<float>(3 * i);
    const auto v = eigen::look(x);
    REQUIRE(v.extent == extents<1>{{x.size()}});
    for (index i = 0; i < x.size(); ++i) CHECK(v(i) == static_cast<float>(3 * i));
}
template <class X>
void check_cube(X&& x) {
    const auto v = eigen::look(x);
    REQUIRE(v.extent == extents<3>{{2, 3, 4}});
    for (index i = 0; i < 2; ++i) {
        for (index j = 0; j < 3; ++j) {
            for (index k = 0; k < 4; ++k) {
                x(i, j, k) = static_cast<float>(100 * i + 10 * j + k);
                CHECK(v(i, j, k) == static_cast<float>(100 * i + 10 * j + k));
            }
        }
    }
}

}  // namespace

TEST_CASE("a view of a dense Eigen object reaches the elements of x(r, c)", "[backend][eigen]") {
    array a(2, 3);
    row_matrix m(2, 3);
    boxes b(5, 4);
    check_matrix(a);
    check_matrix(m);
    check_matrix(b);
    check_matrix(a.block(0, 1, 2, 2));
    check_matrix(m.block(1, 0, 1, 3));
    check_matrix(b.leftCols(2));
    check_matrix(a.transpose());
    check_vector(a.row(1));
    check_vector(a.col(2));
    check_vector(m.row(1));
    check_vector(m.col(2));
    check_vector(a.matrix().diagonal());
    Eigen::VectorXf column(5);
    Eigen::RowVectorXf row(5);
    check_vector(column);
    check_vector(row);
    check_vector(column.segment(1, 3));
    array empty(0, 4);
    check_matrix(empty);
}

TEST_CASE("a view of a map has the map's strides", "[backend][eigen]") {
    std::vector<float> memory(64);
    float* const p = memory.data();
    using any = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
    check_matrix(map(p, 2, 3));
    check_matrix(Eigen::Map<array, 0, Eigen::OuterStride<>>(p, 2, 3, Eigen::OuterStride<>(5)));
    check_matrix(Eigen::Map<array, 0, any>(p, 2, 3, any(9, 2)));
    check_matrix(Eigen::Map<row_matrix, 0, any>(p, 2, 3, any(9, 2)));
    check_vector(Eigen::Map<Eigen::ArrayXf, 0, Eigen::InnerStride<>>(p, 4, Eigen::InnerStride<>(3)));
    // Channels first to rows of channels without a copy.
    check_matrix(Eigen::Map<array, 0, any>(p, 12, 4, any(12, 1)));
    Eigen::Ref<array, 0, Eigen::OuterStride<>> reference = map(p, 4, 3).topRows(2);
    check_matrix(reference);
}

TEST_CASE("a view of an Eigen tensor has its order", "[backend][eigen]") {
    cube column(2, 3, 4);
    Eigen::Tensor<float, 3, Eigen::RowMajor> row(2, 3, 4);
    check_cube(column);
    check_cube(row);
    std::vector<float> memory(24);
    check_cube(Eigen::TensorMap<cube>(memory.data(), 2, 3, 4));
    check_cube(Eigen::TensorMap<Eigen::Tensor<float, 3, Eigen::RowMajor>>(memory.data(), 2, 3, 4));
    Eigen::Tensor<float, 4> four(1, 2, 3, 2);
    four(0, 1, 2, 1) = 5;
    CHECK(eigen::look(four)(0, 1, 2, 1) == 5.0F);
    CHECK(eigen::look(four).extent == extents<4>{{1, 2, 3, 2}});
}

TEST_CASE("Eigen's tensors are made in the order asked for", "[backend][eigen]") {
    const extents<3> e{{2, 3, 4}};
    auto column = eigen::make<float, 3>(e);
    auto row = boxgrad::eigen<float, Eigen::RowMajor>::make<float, 3>(e);
    CHECK(eigen::look(column).stride == boxgrad::column_major(e));
    CHECK(eigen::look(row).stride == boxgrad::row_major(e));
}
#endif
