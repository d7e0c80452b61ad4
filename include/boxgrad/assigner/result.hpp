// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/truths.hpp>

#include <vector>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// States of a prior that is assigned to no truth.
inline constexpr std::int32_t background = -1;  ///< a negative sample
inline constexpr std::int32_t ignored = -2;     ///< neither positive nor negative

/// What an assigner says of every prior of a batch of B images with N priors each.
template <backend B>
struct result {
    tensor_t<B, std::int32_t, 2> truth;          ///< [B, N] row of the truth in its image, or background, ignored
    tensor_t<B, typename B::scalar, 2> overlap;  ///< [B, N] with that truth; 0 where there is none. Assigners by
                                                 ///< largest overlap: the largest with any truth
    std::vector<index> positives;                ///< a number per image
    std::vector<index> truth_positives;          ///< per truth, in the caller's order; 0: nobody reached it
    /// Quarantined for a NaN, infinite or absurd prediction (promise P17). `sim_ota` and
    /// `dynamic_soft_label` read, and so count, class scores of priors within reach of a truth only.
    index nonfinite_priors = 0;
    index dropped_truths = 0;  ///< by bad_truth::drop (promise P4), ignored regions included

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

namespace detail {

struct label_kernel {
    view<const std::int32_t, 2> truth;
    view<const index, 1> offset;
    view<const std::int32_t, 1> label;
    view<std::int32_t, 2> out;

    BOXGRAD_FN void operator()(index item) const {
        const index b = item / truth.extent[1];
        const index i = item % truth.extent[1];
        const std::int32_t g = truth(b, i);
        // No truth of another list is read.
        out(b, i) = g < 0 ? g : g < offset(b + 1) - offset(b) ? label(offset(b) + g) : background;
    }
};

}  // namespace detail

/// The label of each prior's truth [B, N], or `background`, `ignored`. `truths` are those of the assignment.
/// Throws shape_error.
template <backend B>
auto labels(const B& b, const result<B>& r, const truth_list<typename B::scalar>& truths) {
    const char* op = "assigner::labels";
    const auto truth = as_const_view<2>(b, r.truth, op, "truth");
    if (truths.images() != truth.extent[0] || truths.size() != static_cast<index>(r.truth_positives.size()) ||
        truths.labels.size() != truths.boxes.size() || !boxgrad::detail::are_offsets(truths.offsets, truths.size())) {
        raise(shape_error(
            complaint(op, "truths",
                      "those of the assignment: " + std::to_string(truth.extent[0]) + " images, " +
                          std::to_string(r.truth_positives.size()) + " truths",
                      std::to_string(truths.images()) + " images, " + std::to_string(truths.size()) + " truths")));
    }
    const std::vector<std::int32_t> values(truths.labels.begin(), truths.labels.end());
    const auto offset = from_host(b, extents<1>{{truth.extent[0] + 1}}, truths.offsets.data());
    const auto label = from_host(b, extents<1>{{truths.size()}}, values.data());
    auto out = b.template make<std::int32_t, 2>(truth.extent);
    b.for_each(truth.size(),
               detail::label_kernel{truth, as_const_view<1>(b, offset, op, "scratch"),
                                    as_const_view<1>(b, label, op, "scratch"), as_view<2>(b, out, op, "out")});
    return out;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
