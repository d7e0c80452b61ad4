// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What an assigner writes of every prior before and after truths are compared.

#include <boxgrad/assigner/detail/ignored.hpp>
#include <boxgrad/assigner/detail/images.hpp>
#include <boxgrad/assigner/detail/summary.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// Writes of priors i to i + count of image b why no truth can have them, or `background`. Bit l of the answer
/// tells that prior i + l is free.
template <plain_number V>
BOXGRAD_FN std::int32_t write_states(const view<std::int32_t, 2>& truth, index b, index i, int count, mask_t<V> sane,
                                     mask_t<V> in) {
    const std::int32_t good = lane_bits(sane);
    const std::int32_t covered = lane_bits(in);
    std::int32_t free = 0;
    for (int l = 0; l < count; ++l) {
        const bool bad = (good >> l & 1) == 0;
        const bool hidden = (covered >> l & 1) != 0;
        truth(b, i + l) = bad ? quarantined : hidden ? in_region : background;
        free |= static_cast<std::int32_t>(!bad && !hidden) << l;
    }
    return free;
}

/// Points strictly within a box.
template <plain_number V>
BOXGRAD_FN mask_t<V> is_within(V x, V y, const box<V>& b) {
    return x - b.x1 > V(scalar_t<V>(0)) && y - b.y1 > V(scalar_t<V>(0)) && b.x2 - x > V(scalar_t<V>(0)) &&
           b.y2 - y > V(scalar_t<V>(0));
}

template <plain_number V>
BOXGRAD_FN box<V> spread(const box<scalar_t<V>>& b) {
    return {V(b.x1), V(b.y1), V(b.x2), V(b.y2)};
}

/// The overlap of every prior with its truth, 0 where it has none.
template <class V, class Priors>
struct overlap_kernel {
    using T = scalar_t<V>;
    Priors priors;
    boxgrad::detail::truth_view<T> truths;
    view<const std::int32_t, 2> truth;
    view<T, 2> overlap;

    BOXGRAD_FN void operator()(index n) const {
        const index packs = packs_of<V>(priors.size());
        const index b = n / packs;
        const index i = n % packs * width_v<V>;
        const int count = rows_left<V>(priors.size(), i);
        T corner[4][static_cast<std::size_t>(width_v<V>)]{};
        bool any_truth = false;
        for (int l = 0; l < count; ++l) {
            if (truth(b, i + l) < 0) continue;
            any_truth = true;
            const box<T> g = truths.at(truths.offset(b) + truth(b, i + l));
            corner[0][l] = g.x1;
            corner[1][l] = g.y1;
            corner[2][l] = g.x2;
            corner[3][l] = g.y2;
        }
        V iou(T(0));
        if (any_truth) {
            const auto side = [&](int c) { return load<V>(corner[c], 1, width_v<V>); };
            iou = overlap::iou{}(priors.template at<V>(b, i, count), box<V>{side(0), side(1), side(2), side(3)});
        }
        T lanes[static_cast<std::size_t>(width_v<V>)];
        store(iou, lanes, 1, width_v<V>);
        for (int l = 0; l < count; ++l) this->overlap(b, i + l) = truth(b, i + l) < 0 ? T(0) : lanes[l];
    }
};

/// Writes the overlap of every prior with its truth.
template <class B, class Priors>
void write_overlaps(const B& b, const Priors& priors, const boxgrad::detail::truth_view<typename B::scalar>& truths,
                    const view<std::int32_t, 2>& truth, const view<typename B::scalar, 2>& overlap) {
    using V = lanes_t<B>;
    b.for_each(truth.extent[0] * packs_of<V>(truth.extent[1]),
               overlap_kernel<V, Priors>{priors, truths, truth, overlap});
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
