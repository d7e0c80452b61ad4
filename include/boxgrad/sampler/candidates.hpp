// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/images.hpp>
#include <boxgrad/assigner/result.hpp>
#include <boxgrad/sampler/result.hpp>
#include <boxgrad/sampler/seed.hpp>

#include <span>

namespace boxgrad::inline BOXGRAD_ABI::sampler {

/// In the place of priors where only an assignment is thinned out.
struct no_priors {};

namespace detail {

/// Candidates by number: i from 0 a prior, below 0 the truth -1 - i.
template <class T, class Priors>
struct candidate_kernel {
    Priors priors;
    index image;
    view<const T, 2> truths;
    view<const index, 1> which;
    view<T, 2> out;

    BOXGRAD_FN void operator()(index k) const {
        const index i = which(k);
        if (i < 0) {
            for (index c = 0; c < 4; ++c) out(k, c) = truths(-1 - i, c);
        } else {
            store_fields<T, 4>(fields_of(priors.template at<T>(image, i, 1)), out, k, 1);
        }
    }
};

template <class B, class T>
auto upload(const B& b, const std::vector<T>& v) {
    return from_host(b, extents<1>{{static_cast<index>(v.size())}}, v.data());
}

}  // namespace detail

/// One image as a policy sees it: the truths that were added, then the priors. A policy says which of a
/// pool of candidates to take:
///
///     std::vector<index> operator()(const auto& candidates, const std::vector<index>& pool, index n) const
///
/// returns n different rows of the pool, in any order. It is asked only where the pool holds more than n.
/// One that reads overlaps has `static constexpr bool needs_overlap = true`.
template <backend B, class Priors = no_priors>
struct candidates {
    using T = typename B::scalar;
    const B& b;
    index image;                           ///< its number in the batch
    std::vector<std::int32_t> truth;       ///< per candidate: row of the truth, or background, ignored
    std::vector<index> added;              ///< rows of the truths that come first
    std::span<const std::int64_t> labels;  ///< of all truths of the image
    tensor_t<B, T, 2> truth_boxes;         ///< [G, 4]
    view<const T, 1> prior_overlap;        ///< [N]
    Priors priors;
    seed random;            ///< the image's own
    bool negative = false;  ///< what is being drawn

    index size() const { return static_cast<index>(truth.size()); }

    /// n of the pool, every subset as likely as any other. A policy that draws more than once gives each
    /// draw a stage of its own.
    std::vector<index> draw(const std::vector<index>& pool, index n, std::uint8_t stage = 0) const {
        const auto purpose = static_cast<std::uint8_t>(2 * stage + (negative ? 1 : 0));
        return least(pool, n, [&](index row) { return random.bits(row, purpose); });
    }
    /// The overlaps of all candidates; 1 for an added truth.
    std::vector<T> overlaps() const {
        std::vector<T> all(added.size(), T(1));
        const auto rest = to_host<1>(b, prior_overlap);
        all.insert(all.end(), rest.begin(), rest.end());
        return all;
    }
    /// Boxes of candidates [K, 4].
    auto boxes(const std::vector<index>& rows) const {
        const auto m = static_cast<index>(added.size());
        std::vector<index> which;
        for (const index r : rows) which.push_back(r < m ? -1 - added[static_cast<std::size_t>(r)] : r - m);
        const auto w = detail::upload(b, which);
        auto out = b.template make<T, 2>(extents<2>{{static_cast<index>(rows.size()), 4}});
        b.for_each(static_cast<index>(rows.size()),
                   detail::candidate_kernel<T, Priors>{
                       priors, image, as_const_view<2>(b, truth_boxes, "sampler", "truths"),
                       as_const_view<1>(b, w, "sampler", "scratch"), as_view<2>(b, out, "sampler", "out")});
        return out;
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::sampler
