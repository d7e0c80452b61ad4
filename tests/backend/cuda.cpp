// SPDX-License-Identifier: Apache-2.0
#include "support/backends.hpp"
#include "support/catch.hpp"

#if BOXGRAD_TEST_CUDA
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/evaluate.hpp>

#include <type_traits>

namespace {

using boxgrad::extents;
using boxgrad::view;
using backend = boxgrad::cuda<float>;

template <class X>
concept lookable = requires(X&& x) { backend::look(std::forward<X>(x)); };
using tensor = boxgrad::device_tensor<float, 2>;
using vector = thrust::device_vector<float>;

static_assert(lookable<tensor&> && lookable<const tensor&> && !lookable<tensor> && !lookable<const tensor>);
static_assert(lookable<vector&> && lookable<const vector&> && !lookable<vector>);
static_assert(std::is_same_v<decltype(backend::look(std::declval<const vector&>())), view<const float, 1>>);
static_assert(!boxgrad::readable_tensor<thrust::device_vector<int>, backend, float, 1>);
static_assert(!boxgrad::readable_tensor<std::vector<float>, backend, float, 1>);  // host memory

}  // namespace

TEST_CASE("a device_vector is a tensor of rank 1", "[backend][cuda]") {
    const backend b;
    const std::vector<float> values{1, 2, 3};
    const vector v(values.begin(), values.end());
    CHECK(boxgrad::to_host<1>(b, v) == values);
}

TEST_CASE("a loss runs on device memory", "[backend][cuda]") {
    const backend b;
    const auto logits = test::rows(b, 3, {0, 1, -1, 2, -2, 0});
    const auto targets = test::rows(b, 3, {0, 1, 0, 1, 0, 1});
    const auto [value, gradient] =
        boxgrad::loss::value_and_gradient(b, boxgrad::loss::bce{}, boxgrad::reduction::sum{}, logits, targets);
    CHECK(gradient.shape == extents<2>{{2, 3}});
    CHECK(boxgrad::to_host<2>(b, gradient).front() == 0.5F);
    CHECK(value > 0);
}

TEST_CASE("tensors without elements need no memory", "[backend][cuda]") {
    const backend b;
    const auto none = b.make<float, 2>(extents<2>{{0, 4}});
    CHECK(boxgrad::to_host<2>(b, none).empty());
    b.for_each(0, boxgrad::example_kernel{});
    b.upload(static_cast<const float*>(nullptr), static_cast<float*>(nullptr), 0);
}
#endif
