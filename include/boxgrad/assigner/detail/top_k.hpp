// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// The k best priors of a truth, found a pack at a time.

#include <boxgrad/core/pack.hpp>
#include <boxgrad/core/rows.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// A sorted list of at most `capacity` priors with their keys in scratch memory: smallest key first, ties
/// by the lower prior as long as priors come in ascending order. A NaN key is never taken.
template <class T>
struct nearest_list {
    T* keys;
    std::int32_t* priors;
    index key_stride, prior_stride;
    int capacity;
    int size = 0;

    /// Row `row` of [rows, columns] scratch, from `column` on.
    BOXGRAD_FN nearest_list(const view<T, 2>& k, const view<std::int32_t, 2>& p, index row, index column, int most)
        : keys(k.data + row * k.stride[0] + column * k.stride[1]),
          priors(p.data + row * p.stride[0] + column * p.stride[1]),
          key_stride(k.stride[1]),
          prior_stride(p.stride[1]),
          capacity(most) {}

    BOXGRAD_FN T& key(int i) const { return keys[i * key_stride]; }
    BOXGRAD_FN std::int32_t& prior(int i) const { return priors[i * prior_stride]; }
    /// A key has to be below this to enter.
    BOXGRAD_FN T bound() const { return size == capacity ? (capacity == 0 ? -infinity_ : key(size - 1)) : infinity_; }
    BOXGRAD_FN void insert(T x, index i) {
        if (!(x < bound())) return;
        int at = size == capacity ? size - 1 : size++;
        for (; at > 0 && x < key(at - 1); --at) {
            key(at) = key(at - 1);
            prior(at) = prior(at - 1);
        }
        key(at) = x;
        prior(at) = static_cast<std::int32_t>(i);
    }
    /// Enters lanes of a pack whose first lane is prior i. Lanes that may not enter have an infinite key.
    template <plain_number V>
    BOXGRAD_FN void insert_pack(V x, index i) {
        std::int32_t bits = lane_bits(x < V(bound()));
        if (bits == 0) return;
        T lanes[static_cast<std::size_t>(width_v<V>)];
        store(x, lanes, 1, width_v<V>);
        for (; bits != 0; bits &= bits - 1) insert(lanes[lowest_lane(bits)], i + lowest_lane(bits));
    }

private:
    // A constant, since device code may not call std::numeric_limits.
    static constexpr T infinity_ = infinity<T>;
};

/// The k-th smallest (k from 1) of n numbers, which it sorts.
template <class T>
BOXGRAD_FN T kth_smallest(T* x, int n, int k) {
    for (int i = 1; i < n; ++i) {
        const T v = x[i];
        int at = i;
        for (; at > 0 && v < x[at - 1]; --at) x[at] = x[at - 1];
        x[at] = v;
    }
    return x[k - 1];
}

/// Enters the priors from `first` to `last` into `list`.
///
///     key(i, count)   keys of priors i to i + count, infinite for lanes that may not enter
///
/// Where packs are wide a first pass finds a bound that few keys pass: the k-th smallest of the lanes' least
/// keys. So the second enters little more than k of them, in whatever order keys come.
template <plain_number V, class T, class Key>
BOXGRAD_FN void enter_nearest(nearest_list<T>& list, index first, index last, const Key& key) {
    if (list.capacity == 0) return;
    T bound = infinity<T>;
    if constexpr (1 < width_v<V>) {
        // Enough lanes for k least keys, of as many parts of the range.
        constexpr int most = 4;
        const int parts = (list.capacity + width_v<V> - 1) / width_v<V>;
        if (parts <= most && last - first > 4 * parts * width_v<V>) {
            V least[most];
            for (int p = 0; p < most; ++p) least[p] = V(infinity<T>);
            int p = 0;
            for (index i = first; i < last; i += width_v<V>) {
                least[p] = min(least[p], key(i, rows_left<V>(last, i)));
                if (++p == parts) p = 0;
            }
            T lanes[most * width_v<V>];
            for (p = 0; p < parts; ++p) store(least[p], lanes + p * width_v<V>, 1, width_v<V>);
            bound = kth_smallest(lanes, parts * width_v<V>, list.capacity);
        }
    }
    for (index i = first; i < last; i += width_v<V>) {
        const V x = key(i, rows_left<V>(last, i));
        if (any(x <= V(bound) && x < V(list.bound()))) list.insert_pack(x, i);
    }
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
