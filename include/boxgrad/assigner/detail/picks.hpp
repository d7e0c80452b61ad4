// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Assignment by picks: each truth picks a few priors, and a prior that several picked goes to the one of
/// largest overlap.

#include <boxgrad/assigner/detail/states.hpp>
#include <boxgrad/assigner/detail/top_k.hpp>
#include <boxgrad/core/power.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// What the kernels share.
template <class T>
struct pick_board {
    boxgrad::detail::truth_view<T> truths;
    view<std::int32_t, 2> truth;  // [B, N]
    view<T, 2> overlap;           // [B, N]
    view<T, 3> noted;             // [B, F, N] what picking asks of a prior
    view<T, 2> value;             // [G, K] of a pick
    view<std::int32_t, 2> prior;  // [G, K] of a pick
    view<std::int32_t, 1> picks;  // [G]

    /// Priors i to i + count of image b before any pick. Tells which of them truths may have.
    template <plain_number V>
    BOXGRAD_FN mask_t<V> start(index b, index i, int count, mask_t<V> sane, mask_t<V> in) const {
        store(V(T(0)), &overlap(b, i), overlap.stride[1], count);
        write_states<V>(truth, b, i, count, sane, in);
        return sane && !in;
    }
    template <plain_number V>
    BOXGRAD_FN void note(index b, index field, index i, int count, V x) const {
        store(x, &noted(b, field, i), noted.stride[2], count);
    }
    template <plain_number V>
    BOXGRAD_FN V load_noted(index b, index field, index i, int count) const {
        return load<V>(&noted(b, field, i), noted.stride[2], count);
    }
    /// The list of truth g from `column` on.
    BOXGRAD_FN nearest_list<T> list(index g, index column, int most) const { return {value, prior, g, column, most}; }
};

/// Gives each prior to the truth of largest overlap among those that picked it, ties to the lower.
template <class T>
struct claim_picks_kernel : pick_board<T> {
    BOXGRAD_FN void operator()(index b) const {
        const index first = this->truths.offset(b);
        for (index g = first; g < this->truths.offset(b + 1); ++g) {
            for (int j = 0; j < this->picks(g); ++j) {
                const index i = this->prior(g, j);
                const T o = this->value(g, j);
                if (this->truth(b, i) >= 0 && !(o > this->overlap(b, i))) continue;
                this->truth(b, i) = static_cast<std::int32_t>(g - first);
                this->overlap(b, i) = o;
            }
        }
    }
};

template <plain_number V>
BOXGRAD_FN scalar_t<V> largest_lane(V x) {
    scalar_t<V> lanes[static_cast<std::size_t>(width_v<V>)];
    store(x, lanes, 1, width_v<V>);
    scalar_t<V> most = lanes[0];
    for (const scalar_t<V> l : lanes) most = max(most, l);
    return most;
}

/// The largest of a prior's scores and 0, or NaN where one is not finite.
template <plain_number V, class T>
BOXGRAD_FN T largest_score(const view<const T, 3>& scores, index b, index i) {
    V zero(T(0));  // stays 0 while all is finite
    V most(T(0));
    for (index c = 0; c < scores.extent[2]; c += width_v<V>) {
        const V s = load<V>(&scores(b, i, c), scores.stride[2], rows_left<V>(scores.extent[2], c));
        zero = madd(s, V(T(0)), zero);
        most = max(most, s);
    }
    if (!all(zero == V(T(0)))) return not_a_number<T>;
    return largest_lane(most);
}

/// Scratch and result of an assignment by picks, taken before the first kernel: B·N·((1 + F)·sizeof(T) + 4) +
/// G·K·(sizeof(T) + 4) + 8·G + 8·B bytes.
template <class B>
struct pick_memory {
    using T = typename B::scalar;
    tensor_t<B, std::int32_t, 2> truth;
    tensor_t<B, T, 2> overlap, value;
    tensor_t<B, T, 3> noted;
    tensor_t<B, std::int32_t, 2> prior;
    tensor_t<B, std::int32_t, 1> picks, counts;

    pick_memory(const B& b, index images, index n, index g, index k, index fields)
        : truth(b.template make<std::int32_t, 2>(extents<2>{{images, n}})),
          overlap(b.template make<T, 2>(extents<2>{{images, n}})),
          value(b.template make<T, 2>(extents<2>{{g, k}})),
          noted(b.template make<T, 3>(extents<3>{{images, fields, n}})),
          prior(b.template make<std::int32_t, 2>(extents<2>{{g, k}})),
          picks(b.template make<std::int32_t, 1>(extents<1>{{g}})),
          counts(b.template make<std::int32_t, 1>(extents<1>{{count_size(images, g)}})) {}

    pick_board<T> look(const B& b, const char* op, const boxgrad::detail::device_truths<B>& truths) {
        const auto look2 = [&](auto& t) { return as_view<2>(b, t, op, "scratch"); };
        return {truths.look(b),
                look2(truth),
                look2(overlap),
                as_view<3>(b, noted, op, "scratch"),
                look2(value),
                look2(prior),
                as_view<1>(b, picks, op, "scratch")};
    }
    result<B> finish(const B& b, const boxgrad::detail::device_truths<B>& truths) {
        return summarise(b, std::move(truth), std::move(overlap), truths, counts);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
