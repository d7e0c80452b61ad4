// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/giou.hpp>
#include <boxgrad/testing/conformance.hpp>

#include "support/catch.hpp"

// A tensor that knows nothing of this library: each row starts at a multiple of 16 elements.
#include <array>
#include <cstddef>
#include <memory>

namespace raster {

template <class T, int Rank>
class array {
public:
    using shape_type = std::array<std::ptrdiff_t, static_cast<std::size_t>(Rank)>;

    explicit array(const shape_type& shape) : shape_(shape) {
        std::ptrdiff_t n = 1;
        for (std::size_t i = Rank; i-- > 0;) {
            stride_[i] = n;
            n *= shape[i];
            if (i + 1 == Rank) n = (n + 15) / 16 * 16;
        }
        memory_ = std::make_unique<T[]>(static_cast<std::size_t>(n));
    }
    T* data() { return memory_.get(); }
    const T* data() const { return memory_.get(); }
    std::ptrdiff_t length(std::size_t axis) const { return shape_[axis]; }
    std::ptrdiff_t pitch(std::size_t axis) const { return stride_[axis]; }

    template <class... I>
    T& operator()(I... i) {
        std::size_t axis = 0;
        std::ptrdiff_t at = 0;
        ((at += static_cast<std::ptrdiff_t>(i) * stride_[axis++]), ...);
        return memory_[static_cast<std::size_t>(at)];
    }

private:
    shape_type shape_;
    shape_type stride_{};
    std::unique_ptr<T[]> memory_;
};

}  // namespace raster

// The adapter.
#include <boxgrad/backend/cpu.hpp>

template <boxgrad::real Scalar>
struct raster_backend : boxgrad::cpu {
    using scalar = Scalar;
    template <class T, int R>
    using tensor = raster::array<T, R>;

    template <class T, int R>
    static tensor<T, R> make(const boxgrad::extents<R>& e) {
        return tensor<T, R>(std::to_array(e.at));
    }
    template <class T, int R>
    static boxgrad::view<T, R> look(raster::array<T, R>& a) {
        return see<T, R>(a);
    }
    template <class T, int R>
    static boxgrad::view<const T, R> look(const raster::array<T, R>& a) {
        return see<const T, R>(a);
    }

private:
    template <class T, int R, class A>
    static boxgrad::view<T, R> see(A& a) {
        boxgrad::view<T, R> v;
        v.data = a.data();
        for (int i = 0; i < R; ++i) {
            v.extent[i] = a.length(static_cast<std::size_t>(i));
            v.stride[i] = a.pitch(static_cast<std::size_t>(i));
        }
        return v;
    }
};
static_assert(boxgrad::backend<raster_backend<float>>);

TEST_CASE("somebody's own tensor becomes a backend", "[backend]") {
    const auto failures = boxgrad::testing::conformance(
        raster_backend<float>{}, [](auto& t, auto... i) -> auto& { return t(i...); });
    for (const auto& failure : failures) UNSCOPED_INFO(failure);
    CHECK(failures.empty());
}

TEST_CASE("a loss runs on somebody's own tensor", "[backend]") {
    const raster_backend<float> backend;
    raster::array<float, 2> boxes({2, 4});
    raster::array<float, 2> targets({2, 4});
    for (int row = 0; row < 2; ++row) {
        for (int k = 0; k < 4; ++k) boxes(row, k) = targets(row, k) = static_cast<float>(10 * k);
    }
    const auto [value, gradient] = boxgrad::loss::value_and_gradient(
        backend, boxgrad::loss::giou{}, boxgrad::reduction::mean{}, boxes, targets);
    CHECK(value == 0.0F);
    CHECK(gradient.length(0) == 2);
    CHECK(gradient.pitch(0) == 16);
}
