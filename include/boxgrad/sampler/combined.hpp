// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/sampler/detail/images.hpp>

namespace boxgrad::inline BOXGRAD_ABI::sampler {

namespace pick {

/// Every subset is as likely as any other. Source: mmdetection 3.3, RandomSampler.
struct uniform {
    template <class C>
    std::vector<index> operator()(const C& candidates, const std::vector<index>& pool, index n) const {
        return candidates.draw(pool, n);
    }
};

template <class Policy>
inline constexpr bool needs_overlap = requires {
    requires Policy::needs_overlap;
};

}  // namespace pick

/// A fixed number of an image's priors. Two policies say which of the positives and which of the negatives:
/// pick::uniform, pick::instance_balanced, pick::iou_balanced, or a class of the user's own.
///
///     candidates = truths that are boxes (if add_gt_as_proposals), then priors
///     |P| <= int(num pos_fraction)
///     |M| <= num - |P|, and <= int(neg_pos_ub max(1, |P|)) where neg_pos_ub >= 0
///
/// All where there are no more than that (promise P24). mmdetection 3.3, BaseSampler, CombinedSampler.
template <class Pos = pick::uniform, class Neg = pick::uniform>
struct combined {
    index num = 512;
    double pos_fraction = 0.25;
    double neg_pos_ub = -1;
    bool add_gt_as_proposals = true;
    Pos pos_sampler{};
    Neg neg_sampler{};

    /// Samples a batch: a result an image. Shapes: priors [N, 4], a row source, or [B, N, 4]. Throws
    /// shape_error, config_error, gt_error for a truth that would be added and is no box (or leaves it
    /// out). Host memory: about 8 bytes a prior of the batch and 24 a prior of one image.
    template <backend B, assigner::detail::image_source_for<B> X>
    std::vector<result<B>> sample(const B& b, const assigner::result<B>& assignment, const X& priors,
                                  const truth_list<typename B::scalar>& truths, const seed& s,
                                  bad_truth policy = bad_truth::reject) const {
        return detail::sample_images(b, op, assignment, priors, truths, detail::quota_of(*this), pos_sampler,
                                     neg_sampler, s, policy);
    }
    /// Samples one image, as pseudo::sample does. Not for policies that read overlaps.
    template <backend B, readable_tensor<B, std::int32_t, 1> A, assigner::detail::image_source_for<B> X,
              readable_tensor<B, typename B::scalar, 2> Y, label_tensor<B, 1> L>
        requires(!pick::needs_overlap<Pos> && !pick::needs_overlap<Neg>)
    result<B> sample(const B& b, const A& truth, const X& priors, const Y& boxes, const L& labels, const seed& s,
                     bad_truth policy = bad_truth::reject)
    const {
        return std::move(detail::sample_images(b, op, truth, priors, detail::one_image(b, op, boxes, labels),
                                               detail::quota_of(*this), pos_sampler, neg_sampler, s, policy)
                             .front());
    }
    /// The assignment [B, N] with every prior that is not picked `ignored`. No truths are added.
    /// detectron2, subsample_labels; torchvision, BalancedPositiveNegativeSampler.
    template <backend B>
    auto subsample(const B& b, const assigner::result<B>& assignment, const seed& s) const {
        const char* const name = "sampler::subsample";
        detail::quota_of(*this).check(name);
        detail::check_policy(name, pos_sampler);
        detail::check_policy(name, neg_sampler);
        const auto a = detail::look_at_assignment(b, name, assignment);
        std::vector<std::int32_t> out;
        for (auto& c : detail::candidates_of(b, a, no_priors{}, s)) {
            const detail::picks p = detail::pick(c, detail::quota_of(*this), pos_sampler, neg_sampler);
            const auto at = out.insert(out.end(), c.truth.size(), assigner::ignored);
            for (const index i : p.positive) at[i] = c.truth[static_cast<std::size_t>(i)];
            for (const index i : p.negative) at[i] = assigner::background;
        }
        return from_host(b, a.truth.extent, out.data());
    }

private:
    static constexpr const char* op = "sampler::sample";
};

}  // namespace boxgrad::inline BOXGRAD_ABI::sampler
