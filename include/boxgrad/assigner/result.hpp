// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/concept.hpp>

#include <vector>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// States of a prior that is assigned to no truth.
inline constexpr std::int32_t background = -1;  ///< a negative sample
inline constexpr std::int32_t ignored = -2;     ///< neither positive nor negative

/// What an assigner says of every prior of a batch of B images with N priors each.
template <backend B>
struct result {
    tensor_t<B, std::int32_t, 2> truth;  ///< [B, N] row of the truth in its image, or background, ignored
    tensor_t<B, typename B::scalar, 2> overlap;  ///< [B, N] with that truth; 0 where there is none
    std::vector<index> positives;                ///< a number per image
    std::vector<index> truth_positives;  ///< per truth, in the caller's order; 0: nobody reached it
    /// Quarantined for a NaN, infinite or absurd prediction (promise P17). Class scores are read, and so
    /// counted, of priors within reach of a truth only: elsewhere they enter neither assignment nor loss.
    index nonfinite_priors = 0;
    index dropped_truths = 0;    ///< by bad_truth::drop (promise P4)

    index total_positives() const {
        index n = 0;
        for (const index p : positives) n += p;
        return n;
    }
    /// Truths without a positive prior (promise P21).
    index unmatched_truths() const {
        index n = 0;
        for (const index p : truth_positives) n += p == 0 ? 1 : 0;
        return n;
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
