// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/sampler/detail/images.hpp>

namespace boxgrad::inline BOXGRAD_ABI::sampler {

/// Takes every prior: the assigned ones as positives, the background as negatives, ignored ones not at
/// all. No random numbers, no truths among the priors. mmdetection 3.3, PseudoSampler.
struct pseudo {
    /// Samples a batch. Shapes: priors [N, 4], a row source, or [B, N, 4]. Throws shape_error where shapes
    /// differ or a row is no truth. Host memory: about 16 bytes a prior.
    template <backend B, assigner::detail::image_source_for<B> X>
    std::vector<result<B>> sample(const B& b, const assigner::result<B>& assignment, const X& priors,
                                  const truth_list<typename B::scalar>& truths) const {
        return samples(b, assignment, priors, truths);
    }
    /// Samples one image. Shapes: truth [N], an assigner's rows of truths or named states; priors
    /// [N, 4] or a row source; boxes [G, 4] and labels [G] of the image's truths.
    template <backend B, readable_tensor<B, std::int32_t, 1> A, assigner::detail::image_source_for<B> X,
              readable_tensor<B, typename B::scalar, 2> Y, label_tensor<B, 1> L>
    result<B> sample(const B& b, const A& truth, const X& priors, const Y& boxes, const L& labels) const {
        return std::move(samples(b, truth, priors, detail::one_image(b, op, boxes, labels)).front());
    }

private:
    static constexpr const char* op = "pseudo::sample";

    template <class B, class A, class X>
    static auto samples(const B& b, const A& assignment, const X& priors,
                        const truth_list<typename B::scalar>& truths) {
        const auto all = [](const auto&, const std::vector<index>& pool, index) { return pool; };
        return detail::sample_images(b, op, assignment, priors, truths, detail::everything, all, all, seed{},
                                     bad_truth::reject, false);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::sampler
