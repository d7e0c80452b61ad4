// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/transfer.hpp>

namespace boxgrad::inline BOXGRAD_ABI::sampler {

namespace detail {

/// to(i) = from(rows(i)).
template <class T, int R>
struct gather_kernel {
    view<const T, R> from;
    view<const index, 1> rows;
    view<T, R> to;

    BOXGRAD_FN void operator()(index i) const {
        if constexpr (R == 1) {
            to(i) = from(rows(i));
        } else {
            for (index c = 0; c < from.extent[1]; ++c) to(i, c) = from(rows(i), c);
        }
    }
};

/// Rows of one matrix under those of another.
template <class T>
struct stack_kernel {
    view<const T, 2> upper, lower;
    view<T, 2> to;

    BOXGRAD_FN void operator()(index i) const {
        const index m = upper.extent[0];
        for (index c = 0; c < to.extent[1]; ++c) to(i, c) = i < m ? upper(i, c) : lower(i - m, c);
    }
};

}  // namespace detail

/// The given rows of a tensor of rank 1 or 2, in a new tensor.
template <class B, class T, int R, class I>
auto gather_rows(const B& b, const view<const T, R>& from, const I& rows) {
    const auto r = as_const_view<1>(b, rows, "gather_rows", "rows");
    extents<R> e = from.extent;
    e[0] = r.extent[0];
    auto out = b.template make<T, R>(e);
    b.for_each(e[0], detail::gather_kernel<T, R>{from, r, as_view<R>(b, out, "gather_rows", "out")});
    return out;
}

/// What a sampler picked from the candidates of one image: the truths that were added, then the priors.
/// P positives, M negatives, both in ascending order. mmdetection 3.3, SamplingResult.
template <backend B>
struct result {
    using T = typename B::scalar;
    tensor_t<B, index, 1> pos_inds, neg_inds;         ///< [P], [M] rows of the list of candidates
    tensor_t<B, T, 2> pos_priors, neg_priors;         ///< [P, 4], [M, 4]
    tensor_t<B, std::uint8_t, 1> pos_is_gt;           ///< [P] 1 where a truth was added as a prior
    tensor_t<B, index, 1> pos_assigned_gt_inds;       ///< [P] row of the truth, from 0
    tensor_t<B, T, 2> pos_gt_boxes;                   ///< [P, 4]
    tensor_t<B, std::int64_t, 1> pos_gt_labels;       ///< [P]
    index positives = 0, negatives = 0, num_gts = 0;  ///< P, M, G
    bool avg_factor_with_neg = true;

    /// At least 1, also without positives: the reference's normalisers.
    index num_pos() const { return positives > 1 ? positives : 1; }
    index num_neg() const { return negatives > 1 ? negatives : 1; }
    index avg_factor() const { return avg_factor_with_neg ? num_pos() + num_neg() : num_pos(); }

    /// pos_priors and below them neg_priors, in a new tensor [P + M, 4].
    auto priors(const B& b) const {
        const char* op = "sampler::result::priors";
        auto out = b.template make<T, 2>(extents<2>{{positives + negatives, 4}});
        b.for_each(positives + negatives, detail::stack_kernel<T>{as_const_view<2>(b, pos_priors, op, "pos_priors"),
                                                                  as_const_view<2>(b, neg_priors, op, "neg_priors"),
                                                                  as_view<2>(b, out, op, "out")});
        return out;
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::sampler
