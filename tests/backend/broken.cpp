// SPDX-License-Identifier: Apache-2.0
// Does the battery find what is broken? Each backend here has one fault.
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/testing/conformance.hpp>

#include "support/catch.hpp"

namespace {

using boxgrad::extents;
using boxgrad::index;
using boxgrad::shaped;
using boxgrad::view;

struct sound : boxgrad::memory<float> {};

/// Rows and columns exchanged in the strides.
struct wrong_strides : boxgrad::memory<float> {
    template <class T, int R>
    static view<T, R> look(shaped<T, R>& t) {
        return {t.data.data(), t.shape, boxgrad::column_major(t.shape)};
    }
    template <class T, int R>
    static view<const T, R> look(const shaped<T, R>& t) {
        return {t.data.data(), t.shape, boxgrad::column_major(t.shape)};
    }
};
struct wrong_constant : boxgrad::memory<float> {
    using boxgrad::memory<float>::look;
    template <class T, int R>
    static view<const T, R> look(const shaped<T, R>& t) {
        return {t.data.data(), t.shape, boxgrad::column_major(t.shape)};
    }
};
struct broadcast : boxgrad::memory<float> {
    template <class T, int R>
    static view<T, R> look(shaped<T, R>& t) {
        return {t.data.data(), t.shape, extents<R>{}};
    }
    template <class T, int R>
    static view<const T, R> look(const shaped<T, R>& t) {
        return {t.data.data(), t.shape, extents<R>{}};
    }
};
struct wrong_extents : boxgrad::memory<float> {
    template <class T, int R>
    static shaped<T, R> make(extents<R> e) {
        for (int i = 0; i < R; ++i) e[i] += 1;
        return shaped<T, R>(e);
    }
};
struct skips_the_last : boxgrad::memory<float> {
    template <class F>
    void for_each(index n, const F& f) const {
        for (index i = 0; i + 1 < n; ++i) f(i);
    }
};
struct calls_twice : boxgrad::memory<float> {
    template <class F>
    void for_each(index n, const F& f) const {
        for (index i = 0; i < n; ++i) f(i);
        if (n > 1) f(1);
    }
};
struct calls_too_many : boxgrad::memory<float> {
    template <class F>
    void for_each(index n, const F& f) const {
        for (index i = 0; i < n; ++i) f(i);
        if (n == 1000) f(n);
    }
};
struct loses_uploads : boxgrad::memory<float> {
    template <class T>
    void upload(const T*, T*, index) const {}
};
struct downloads_zeros : boxgrad::memory<float> {
    template <class T>
    void download(const T*, T* destination, index n) const {
        std::fill_n(destination, n, T(0));
    }
};
/// A tensor that forgets its elements when it is moved.
template <class T, int R>
struct forgetful : shaped<T, R> {
    using shaped<T, R>::shaped;
    forgetful(forgetful&& other) noexcept : shaped<T, R>(other.shape) {}
};
struct forgets : boxgrad::memory<float> {
    template <class T, int R>
    using tensor = forgetful<T, R>;
    template <class T, int R>
    static tensor<T, R> make(const extents<R>& e) {
        return tensor<T, R>(e);
    }
};

/// The first failure of a backend, or nothing.
template <class B, class... Access>
std::string first_failure(const Access&... access) {
    const auto all = boxgrad::testing::conformance(B{}, access...);
    return all.empty() ? std::string() : all.front().substr(all.front().find(": ") + 2);
}

struct own_access {
    template <class X, class... I>
    auto& operator()(X& t, I... i) const {
        return t(i...);
    }
};

}  // namespace

TEST_CASE("the battery passes a sound backend", "[backend][conformance]") {
    CHECK(first_failure<sound>().empty());
    CHECK(first_failure<sound>(own_access{}).empty());
}

TEST_CASE("the battery names what a broken backend breaks", "[backend][conformance]") {
    // Consistently wrong strides are seen through the tensor's own access only.
    CHECK(first_failure<wrong_strides>().empty());
    CHECK(first_failure<wrong_strides>(own_access{}) ==
          "the view reads other elements than the tensor's own access");
    CHECK(first_failure<wrong_constant>() == "look gives a constant tensor another view");
    CHECK(first_failure<broadcast>() == "two elements share an address");
    CHECK(first_failure<wrong_extents>() == "look gives other extents than make was asked for");
    CHECK(first_failure<skips_the_last>() ==
          "two tensors overlap, or download does not see what for_each wrote");
    CHECK(first_failure<calls_twice>() == "not one call for each index");
    CHECK(first_failure<calls_too_many>() == "a call out of range");
    CHECK(first_failure<loses_uploads>() == "for_each does not see what upload wrote");
    CHECK(first_failure<downloads_zeros>() ==
          "two tensors overlap, or download does not see what for_each wrote");
    CHECK(first_failure<forgets>() == "a move loses the elements");
}
