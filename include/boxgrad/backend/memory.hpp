// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/cpu.hpp>

#include <array>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace boxgrad::inline BOXGRAD_ABI {

/// Leaves new elements as they are: what is computed next is not cleared first. Memory begins at a line of
/// the cache, so that no pack crosses one.
template <class T>
struct default_init : std::allocator<T> {
    template <class U>
    struct rebind {
        using other = default_init<U>;
    };
    static constexpr std::align_val_t line{64};

    default_init() = default;
    template <class U>
    default_init(const default_init<U>&) {}  // NOLINT(google-explicit-constructor)

    T* allocate(std::size_t n) {
        return static_cast<T*>(::operator new(n * sizeof(T), line));
    }
    void deallocate(T* p, std::size_t) { ::operator delete(p, line); }

    template <class U>
    void construct(U* p) {
        ::new (static_cast<void*>(p)) U;
    }
    template <class U, class... A>
    void construct(U* p, A&&... a) {
        ::new (static_cast<void*>(p)) U(std::forward<A>(a)...);
    }
};

/// Plain memory with a shape: a row-major tensor that owns its elements.
template <class T, int R>
struct shaped {
    std::vector<T, default_init<T>> data;  ///< not cleared
    extents<R> shape;

    shaped() = default;
    explicit shaped(const extents<R>& e)
        : data(static_cast<std::size_t>(e.size())), shape(e) {}
    template <class... I>
    T& operator()(I... i) {
        return data[position(i...)];
    }
    template <class... I>
    const T& operator()(I... i) const {
        return data[position(i...)];
    }

private:
    template <class... I>
    std::size_t position(I... i) const {
        return static_cast<std::size_t>(view<const T, R>(data.data(), shape).offset(i...));
    }
};

/// Plain memory: `shaped`, `std::vector`, `std::span`, `std::array` boxes, and views of anything
/// else: `view{pointer, extents{B, C, H, W}}` or with strides.
template <real T>
struct memory : cpu {
    using scalar = T;
    template <class U, int R>
    using tensor = shaped<U, R>;

    template <class U, int R>
    static tensor<U, R> make(const extents<R>& e) {
        return tensor<U, R>(e);
    }
    template <class U, int R>
    static view<U, R> look(shaped<U, R>& t) {
        return {t.data.data(), t.shape};
    }
    template <class U, int R>
    static view<const U, R> look(const shaped<U, R>& t) {
        return {t.data.data(), t.shape};
    }
    template <class U>
    static view<U, 1> look(std::vector<U>& v) {
        return {v.data(), extents{static_cast<index>(v.size())}};
    }
    template <class U>
    static view<const U, 1> look(const std::vector<U>& v) {
        return {v.data(), extents{static_cast<index>(v.size())}};
    }
    template <class U>
    static view<U, 1> look(std::span<U> s) {
        return {s.data(), extents{static_cast<index>(s.size())}};
    }
    /// A view of a temporary would dangle (promise P27).
    template <class U, int R>
    static void look(const shaped<U, R>&&) = delete;
    template <class U>
    static void look(const std::vector<U>&&) = delete;
    /// Rows of N numbers: boxes as std::vector<std::array<float, 4>>.
    template <class U, std::size_t N>
    static view<U, 2> look(std::vector<std::array<U, N>>& v) {
        return {v.empty() ? nullptr : v.front().data(), rows<N>(v.size())};
    }
    template <class U, std::size_t N>
    static view<const U, 2> look(const std::vector<std::array<U, N>>& v) {
        return {v.empty() ? nullptr : v.front().data(), rows<N>(v.size())};
    }

private:
    template <std::size_t N>
    static extents<2> rows(std::size_t n) {
        return {{static_cast<index>(n), static_cast<index>(N)}};
    }
};
static_assert(backend<memory<float>>);

}  // namespace boxgrad::inline BOXGRAD_ABI
