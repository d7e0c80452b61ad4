// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/result.hpp>
#include <boxgrad/backend/transfer.hpp>
#include <boxgrad/sampler/result.hpp>

namespace boxgrad::inline BOXGRAD_ABI::sampler {

/// Takes every prior: the assigned ones as positives, the background as negatives, ignored ones not at
/// all. No random numbers. mmdetection 3.3, PseudoSampler.
struct pseudo {
    /// Samples one image. Shapes: truth [N], an assigner's rows of truths or named states; priors
    /// [N, 4]; boxes [G, 4] and labels [G] of the image's truths. Throws shape_error where the shapes
    /// differ or a row is no truth. Host memory: 16 bytes a prior.
    template <backend B, readable_tensor<B, std::int32_t, 1> A, readable_tensor<B, typename B::scalar, 2> X,
              readable_tensor<B, typename B::scalar, 2> Y, readable_tensor<B, std::int64_t, 1> L>
    result<B> sample(const B& b, const A& truth, const X& priors, const Y& boxes, const L& labels) const {
        const char* op = "pseudo::sample";
        const auto p = as_const_view<2>(b, priors, op, "priors");
        const auto g = as_const_view<2>(b, boxes, op, "boxes");
        const auto l = as_const_view<1>(b, labels, op, "labels");
        check_shape(op, "priors", {any_extent, 4}, p.extent);
        check_shape(op, "truth", extents<1>{{p.extent[0]}}, as_const_view<1>(b, truth, op, "truth").extent);
        check_shape(op, "boxes", {any_extent, 4}, g.extent);
        check_shape(op, "labels", extents<1>{{g.extent[0]}}, l.extent);

        std::vector<index> positive;
        std::vector<index> negative;
        std::vector<index> matched;
        const auto rows = to_host<1>(b, truth);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            if (rows[i] >= g.extent[0]) {
                raise(shape_error(complaint(op, "truth", "a row of " + std::to_string(g.extent[0]) + " truths",
                                            std::to_string(rows[i]) + " at prior " + std::to_string(i))));
            }
            if (rows[i] >= 0) {
                positive.push_back(static_cast<index>(i));
                matched.push_back(rows[i]);
            } else if (rows[i] == assigner::background) {
                negative.push_back(static_cast<index>(i));
            }
        }
        const auto list = [&](const std::vector<index>& v) {
            return from_host(b, extents<1>{{static_cast<index>(v.size())}}, v.data());
        };
        auto pos = list(positive);
        auto neg = list(negative);
        auto assigned = list(matched);
        auto pos_priors = gather_rows(b, p, pos);
        auto neg_priors = gather_rows(b, p, neg);
        auto pos_boxes = gather_rows(b, g, assigned);
        auto pos_labels = gather_rows(b, l, assigned);
        std::vector<std::uint8_t> added(positive.size(), 0);
        auto pos_is_gt = from_host(b, extents<1>{{static_cast<index>(added.size())}}, added.data());
        return {std::move(pos), std::move(neg), std::move(pos_priors), std::move(neg_priors),
                std::move(pos_is_gt), std::move(assigned), std::move(pos_boxes), std::move(pos_labels),
                static_cast<index>(positive.size()), static_cast<index>(negative.size()), g.extent[0], false};
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::sampler
