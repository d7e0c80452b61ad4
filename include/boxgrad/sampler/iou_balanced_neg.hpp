// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/parameter.hpp>
#include <boxgrad/sampler/combined.hpp>

namespace boxgrad::inline BOXGRAD_ABI::sampler {

namespace pick {

/// Hard negatives as often as easy ones: the range of overlaps from the floor to the largest of any
/// candidate is cut into bins of equal width, and each gives the same number.
///
///     floor      negatives of overlap below floor_thr; floor_thr = 0: of overlap 0; below 0: none
///     binned     the other negatives; int(n (1 - floor_fraction)) =: m of them:
///                int(m / num_bins) of each bin [low, high), then any of them, to m
///     then       the floor's, to n; then any, to n
///
/// The largest overlap itself lies in no bin (with truths among the candidates it is 1). One bin: m of the
/// binned at random. Draws: stage 0 in bins, 1 to m, 2 the floor, 3 to n. Pang et al., Libra R-CNN, CVPR
/// 2019, section 3.1; mmdetection 3.3, IoUBalancedNegSampler.
struct iou_balanced {
    double floor_thr = -1;
    double floor_fraction = 0;
    int num_bins = 3;

    static constexpr bool needs_overlap = true;

    void check(const char* op) const {
        check_not_nan(op, "floor_thr", floor_thr);
        check_parameter(op, "floor_fraction", floor_fraction >= 0 && floor_fraction <= 1, "from 0 to 1", floor_fraction);
        check_count(op, "num_bins", num_bins);
    }

    template <class C>
    std::vector<index> operator()(const C& candidates, const std::vector<index>& pool, index n) const {
        const auto overlaps = candidates.overlaps();
        const auto overlap = [&](index i) { return static_cast<double>(overlaps[static_cast<std::size_t>(i)]); };
        std::vector<index> low;
        std::vector<index> binned;
        for (const index i : pool) (in_floor(overlap(i)) ? low : binned).push_back(i);

        const auto m = static_cast<index>(static_cast<double>(n) * (1 - floor_fraction));
        std::vector<index> taken;
        const auto top_up = [&](const std::vector<index>& from, index to, std::uint8_t stage) {
            const auto more = candidates.draw(without(from, taken), to - static_cast<index>(taken.size()), stage);
            taken.insert(taken.end(), more.begin(), more.end());
        };
        if (num_bins > 1 && m < static_cast<index>(binned.size())) {
            const double floor = std::max(floor_thr, 0.0);
            const double largest = static_cast<double>(*std::max_element(overlaps.begin(), overlaps.end()));
            const double width = (largest - floor) / num_bins;
            const auto edge = [&](int k) { return floor + product(static_cast<double>(k), width); };
            for (int k = 0; k < num_bins; ++k) {
                std::vector<index> bin;
                for (const index i : binned) {
                    if (overlap(i) >= edge(k) && overlap(i) < edge(k + 1)) bin.push_back(i);
                }
                const auto some = candidates.draw(bin, m / num_bins, 0);
                taken.insert(taken.end(), some.begin(), some.end());
            }
        }
        top_up(binned, m, 1);
        top_up(low, n, 2);
        top_up(pool, n, 3);
        return taken;
    }

private:
    bool in_floor(double overlap) const { return floor_thr == 0 ? overlap == 0 : overlap < floor_thr; }
};

}  // namespace pick

/// Positives uniformly, negatives balanced over their overlaps:
/// iou_balanced_neg{.num = 512, .neg_sampler = {.floor_thr = 0, .num_bins = 4}}. mmdetection 3.3,
/// IoUBalancedNegSampler. In a config's CombinedSampler it is `pick::iou_balanced`.
using iou_balanced_neg = combined<pick::uniform, pick::iou_balanced>;

}  // namespace boxgrad::inline BOXGRAD_ABI::sampler
