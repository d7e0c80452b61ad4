// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// The hostile backend: what the concept promises and nothing more. An algorithm that works on it
/// assumes nothing about layout, copies, defaults, initial contents, order or whose memory it is.

#include <boxgrad/backend/concept.hpp>
#include <boxgrad/testing/guarded_memory.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

namespace boxgrad::inline BOXGRAD_ABI::testing {

/// Move-only. The first axis is the fastest, there are gaps between all elements and around them, and
/// one axis runs backwards. New elements are NaN, or integers that no index should have. Ends the
/// program when destroyed after somebody wrote into a gap.
template <class T, int R>
class archetype_tensor {
public:
    explicit archetype_tensor(const extents<R>& e) : extent_(e) {
        index step = 2;
        for (int k = 0; k < R; ++k) {
            stride_[k] = k == R / 2 ? -step : step;
            if (k == R / 2) first_ += (e[k] > 0 ? e[k] - 1 : 0) * step;
            step = step * (e[k] > 0 ? e[k] : 1) + 3;
        }
        length_ = step + 2 * margin;
        first_ += margin;
        memory_ = guarded_memory::instance().allocate(static_cast<std::size_t>(length_) * sizeof(T));
        T* const p = alias();
        for (index i = 0; i < length_; ++i) std::memcpy(p + i, &gap, sizeof(T));
        for (index i = 0; i < e.size(); ++i) p[position(i)] = garbage();
    }
    archetype_tensor(archetype_tensor&& other) noexcept
        : extent_(other.extent_), stride_(other.stride_), first_(other.first_), length_(other.length_),
          memory_(std::exchange(other.memory_, nullptr)) {}
    archetype_tensor& operator=(archetype_tensor&& other) noexcept {
        std::swap(extent_, other.extent_);
        std::swap(stride_, other.stride_);
        std::swap(first_, other.first_);
        std::swap(length_, other.length_);
        std::swap(memory_, other.memory_);
        return *this;
    }
    archetype_tensor(const archetype_tensor&) = delete;
    archetype_tensor& operator=(const archetype_tensor&) = delete;
    ~archetype_tensor() {
        if (!memory_) return;
        if (!intact()) {
            std::fputs("boxgrad::testing::archetype: a kernel wrote outside of the elements\n", stderr);
            std::abort();
        }
        guarded_memory::instance().release(memory_, static_cast<std::size_t>(length_) * sizeof(T));
    }

    view<T, R> device_view() { return {static_cast<T*>(memory_) + first_, extent_, stride_}; }
    view<const T, R> device_view() const {
        return {static_cast<const T*>(memory_) + first_, extent_, stride_};
    }

    /// One element, reached by the host without the view.
    template <class... I>
    T& element(I... i) {
        return alias()[position(extents<R>{{static_cast<index>(i)...}})];
    }

    /// Nobody wrote between or around the elements.
    bool intact() const {
        const T* const p = alias();
        index gaps = length_;
        for (index i = 0; i < extent_.size(); ++i) gaps -= !is_gap(p + position(i));
        for (index i = 0; i < length_; ++i) gaps -= is_gap(p + i);
        return gaps == 0;
    }

private:
    static constexpr index margin = 5;
    static constexpr unsigned char gap[8] = {0xB1, 0xB2, 0xB3, 0xFF, 0xB5, 0xB6, 0xF7, 0xFF};  // a NaN

    static T garbage() {
        if constexpr (std::is_floating_point_v<T>) return std::numeric_limits<T>::quiet_NaN();
        return static_cast<T>(std::numeric_limits<T>::max() / 3);
    }
    static bool is_gap(const T* p) { return std::memcmp(p, gap, sizeof(T)) == 0; }
    T* alias() const { return static_cast<T*>(guarded_memory::instance().host_address(memory_)); }

    index position(const extents<R>& at) const {
        index n = first_;
        for (int k = 0; k < R; ++k) n += at[k] * stride_[k];
        return n;
    }
    index position(index flat) const {
        extents<R> at;
        for (int k = R - 1; k >= 0; --k) {
            at[k] = flat % extent_[k];
            flat /= extent_[k];
        }
        return position(at);
    }

    extents<R> extent_;
    extents<R> stride_;
    index first_ = 0;
    index length_ = 0;
    void* memory_ = nullptr;
};

/// Its memory may be touched inside for_each, upload and download only: elsewhere the access ends the
/// program (Linux), as it would on a device. Kernels must be copyable bit by bit; they run in a
/// scrambled order.
template <real Scalar>
struct archetype {
    using scalar = Scalar;
    template <class T, int R>
    using tensor = archetype_tensor<T, R>;
    template <class T>
    using lanes = T;

    template <class T, int R>
    tensor<T, R> make(const extents<R>& e) const {
        return tensor<T, R>(e);
    }
    template <class T, int R>
    view<T, R> look(archetype_tensor<T, R>& t) const {
        return t.device_view();
    }
    template <class T, int R>
    view<const T, R> look(const archetype_tensor<T, R>& t) const {
        return t.device_view();
    }
    template <class T, int R>
    void look(const archetype_tensor<T, R>&&) const = delete;

    template <class F>
    void for_each(index n, const F& f) const {
        static_assert(std::is_trivially_copyable_v<F>, "a kernel is copied to the device bit by bit");
        if (n <= 0) return;
        const guarded_memory::access unlocked;
        index step = n / 2 + n / 8 + 1;
        while (common_divisor(step, n) != 1) ++step;
        index i = n / 3;
        for (index k = 0; k < n; ++k) {
            const F copy = f;
            copy(i);
            i = (i + step) % n;
        }
    }
    template <class T>
    void upload(const T* source, T* destination, index n) const {
        if (n > 0) std::memcpy(reach(destination), source, static_cast<std::size_t>(n) * sizeof(T));
    }
    template <class T>
    void download(const T* source, T* destination, index n) const {
        if (n > 0) std::memcpy(destination, reach(source), static_cast<std::size_t>(n) * sizeof(T));
    }

private:
    static index common_divisor(index a, index b) { return b == 0 ? a : common_divisor(b, a % b); }
    /// Aborts unless p points into this backend's memory.
    static void* reach(const void* p) { return guarded_memory::instance().host_address(p); }
};
static_assert(backend<archetype<float>>);

}  // namespace boxgrad::inline BOXGRAD_ABI::testing
