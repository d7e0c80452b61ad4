// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/sampler/combined.hpp>

#include <cmath>
#include <map>

namespace boxgrad::inline BOXGRAD_ABI::sampler {

namespace pick {

/// The same number of each truth's positives, as far as they go: round(n / truths) + 1 of each, then more
/// of the rest, or fewer, at random, to n. Halves are rounded to even. Draws: stage 0 within a truth, 1
/// the rest, 2 the surplus. mmdetection 3.3, InstanceBalancedPosSampler.
struct instance_balanced {
    template <class C>
    std::vector<index> operator()(const C& candidates, const std::vector<index>& pool, index n) const {
        std::map<std::int32_t, std::vector<index>> of_truth;
        for (const index i : pool) of_truth[candidates.truth[static_cast<std::size_t>(i)]].push_back(i);
        const double share = static_cast<double>(n) / static_cast<double>(of_truth.size());
        const index each = static_cast<index>(share - std::remainder(share, 1.0)) + 1;
        std::vector<index> taken;
        for (const auto& [truth, rows] : of_truth) {
            const std::vector<index> some = candidates.draw(rows, each, 0);
            taken.insert(taken.end(), some.begin(), some.end());
        }
        const index missing = n - static_cast<index>(taken.size());
        if (missing <= 0) return candidates.draw(taken, n, 2);
        const std::vector<index> more = candidates.draw(without(pool, taken), missing, 1);
        taken.insert(taken.end(), more.begin(), more.end());
        return taken;
    }
};

}  // namespace pick

/// Positives balanced over truths, negatives uniformly. mmdetection 3.3, InstanceBalancedPosSampler; Pang et
/// al., Libra R-CNN, CVPR 2019. In a config's CombinedSampler it is `pick::instance_balanced`.
using instance_balanced_pos = combined<pick::instance_balanced, pick::uniform>;

}  // namespace boxgrad::inline BOXGRAD_ABI::sampler
