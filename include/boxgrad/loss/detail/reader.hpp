// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/concept.hpp>
#include <boxgrad/core/pack.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss::detail {

/// A view read by row-major position. Where all axes merge into one stride, a pack is one load; else
/// each lane is addressed alone. Either way the same arithmetic follows.
template <class T, int R>
struct reader {
    view<T, R> v;
    index step = 0;  ///< stride from one position to the next; 0: there is no such stride

    reader() = default;
    explicit reader(const view<T, R>& x) : v(x) {
        index s = 0;
        bool merges = true;
        bool one = true;  // element
        for (int i = R - 1; i >= 0; --i) {
            if (x.extent[i] == 1) continue;
            if (one) {
                s = x.stride[i];
                step = s;
                one = false;
            } else if (x.stride[i] != s) {
                merges = false;
            }
            s *= x.extent[i];
        }
        if (!merges) {
            step = 0;
        } else if (one) {
            step = 1;
        }
    }
    BOXGRAD_FN bool given() const { return v.data != nullptr; }
    BOXGRAD_FN T& at(index i) const { return step != 0 ? v.data[i * step] : v.at_flat(i); }
    template <class V>
    BOXGRAD_FN V read(index i, int count) const {
        if (step != 0) return load<V>(v.data + i * step, step, count);
        std::remove_const_t<T> buffer[static_cast<std::size_t>(width_v<V>)];
        for (int l = 0; l < width_v<V>; ++l) buffer[l] = v.at_flat(i + (l < count ? l : 0));
        return load<V>(buffer, 1, width_v<V>);
    }
    template <class V>
    BOXGRAD_FN void write(V x, index i, int count) const {
        if (step != 0) {
            store(x, v.data + i * step, step, count);
            return;
        }
        T buffer[static_cast<std::size_t>(width_v<V>)];
        store(x, buffer, 1, width_v<V>);
        for (int l = 0; l < count; ++l) v.at_flat(i + l) = buffer[l];
    }
};

/// Labels of either width by row-major position.
template <int R>
struct label_reader {
    reader<const std::int64_t, R> wide;
    reader<const std::int32_t, R> narrow;

    BOXGRAD_FN bool given() const { return wide.given() || narrow.given(); }
    BOXGRAD_FN std::int64_t at(index i) const { return narrow.given() ? narrow.at(i) : wide.at(i); }
};

/// Labels of b of a given shape. Throws shape_error.
template <int R, class B, class Y>
label_reader<R> read_labels(const B& b, const char* op, const char* argument, const Y& y, const extents<R>& shape) {
    const auto v = as_const_view<R>(b, y, op, argument);
    check_shape(op, argument, shape, v.extent);
    using reading = reader<std::remove_pointer_t<decltype(v.data)>, R>;
    if constexpr (std::same_as<typename decltype(v)::value_type, std::int64_t>) {
        return {reading(v), {}};
    } else {
        return {{}, reading(v)};
    }
}

/// Which targets do not count.
struct ignoring {
    std::int64_t label = 0;
    bool by_label = false, negatives = false;

    template <class L>
    BOXGRAD_FN bool operator()(L target) const {
        return (negatives && target < L(0)) || (by_label && target == static_cast<L>(label));
    }
    constexpr bool none() const { return !by_label && !negatives; }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss::detail
