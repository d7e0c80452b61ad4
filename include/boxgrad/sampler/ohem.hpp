// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/sampler/combined.hpp>

#include <numeric>

namespace boxgrad::inline BOXGRAD_ABI::sampler {

/// Candidates of one image whose losses are asked for: K rows of its list, ascending.
template <backend B>
struct ohem_candidates {
    index image;                               ///< its number in the batch
    tensor_t<B, index, 1> indices;             ///< [K]
    tensor_t<B, typename B::scalar, 2> boxes;  ///< [K, 4]
    tensor_t<B, std::int64_t, 1> labels;       ///< [K] the truth's, num_classes for a negative
};

/// X gives losses: a function of ohem_candidates, or a tensor an image.
// clang-format off: it takes the template arguments for comparisons
template <class X, class B>
concept ohem_losses = std::invocable<const X&, const ohem_candidates<B>&> || requires(const X& x) { x[0]; };
// clang-format on

namespace pick {

/// Those of the largest loss; of equal ones the lower row, NaN last. `Losses`: see ohem_losses.
template <class Losses>
struct hardest {
    const Losses& losses;
    std::int64_t num_classes;

    template <class B, class S>
    std::vector<index> operator()(const candidates<B, S>& c, const std::vector<index>& pool, index n) const {
        const auto loss = of(c, pool);
        std::vector<index> places(pool.size());
        std::iota(places.begin(), places.end(), index{0});
        std::vector<index> taken = least(places, n, [&](index k) {
            const auto l = loss[static_cast<std::size_t>(k)];
            return l == l ? std::pair(0, -l) : std::pair(1, decltype(-l)(0));
        });
        for (index& k : taken) k = pool[static_cast<std::size_t>(k)];
        return taken;
    }
    /// Throws shape_error where a tensor of losses has not one for each candidate.
    template <class B, class S>
    void check(const char* op, const candidates<B, S>& c) const {
        if constexpr (!asked<B>) {
            if (c.image >= count<B>()) {
                raise(shape_error(complaint(op, "losses", "a tensor an image", std::to_string(count<B>()))));
            }
            check_shape(op, "losses", extents<1>{{c.size()}}, as_const_view<1>(c.b, given(c), op, "losses").extent);
        }
    }

private:
    template <class B>
    static constexpr bool one_tensor = readable_tensor<Losses, B, typename B::scalar, 1>;
    template <class B>  // a tensor may take anything for an index
    static constexpr bool asked = !one_tensor<B> && std::invocable<const Losses&, const ohem_candidates<B>&>;

    template <class B>
    index count() const {
        if constexpr (one_tensor<B>) {
            return 1;
        } else {
            return static_cast<index>(std::size(losses));
        }
    }
    template <class B, class S>
    const auto& given(const candidates<B, S>& c) const {
        if constexpr (one_tensor<B>) {
            return losses;
        } else {
            return losses[static_cast<std::size_t>(c.image)];
        }
    }
    template <class B, class S>
    std::vector<typename B::scalar> of(const candidates<B, S>& c, const std::vector<index>& pool) const {
        std::vector<typename B::scalar> loss;
        if constexpr (asked<B>) {
            std::vector<std::int64_t> label;
            for (const index i : pool) {
                const std::int32_t g = c.truth[static_cast<std::size_t>(i)];
                label.push_back(g < 0 ? num_classes : c.labels[static_cast<std::size_t>(g)]);
            }
            const auto answer = losses(
                ohem_candidates<B>{c.image, detail::upload(c.b, pool), c.boxes(pool), detail::upload(c.b, label)});
            check_shape("ohem::sample", "losses", extents<1>{{static_cast<index>(pool.size())}},
                        as_const_view<1>(c.b, answer, "ohem::sample", "losses").extent);
            loss = to_host<1>(c.b, answer);
        } else {
            const auto all = to_host<1>(c.b, given(c));
            for (const index i : pool) loss.push_back(all[static_cast<std::size_t>(i)]);
        }
        return loss;
    }
};

}  // namespace pick

/// Online hard example mining: the positives and the negatives of largest loss. `losses` is a function of
/// ohem_candidates that returns a tensor [K], asked twice an image at most and only where there is a choice;
/// or, of every image, a tensor with one for each candidate (truths that are boxes first, if they are added).
/// Shrivastava et al., CVPR 2016; mmdetection 3.3, OHEMSampler.
struct ohem {
    index num = 512;
    double pos_fraction = 0.25;
    double neg_pos_ub = -1;
    bool add_gt_as_proposals = true;
    std::int64_t num_classes = 80;  ///< the label of a negative

    /// Samples a batch; see combined::sample. `losses` is a function or a tensor an image.
    template <backend B, assigner::detail::image_source_for<B> X, ohem_losses<B> F>
    std::vector<result<B>> sample(const B& b, const assigner::result<B>& assignment, const X& priors,
                                  const truth_list<typename B::scalar>& truths, const F& losses,
                                  bad_truth policy = bad_truth::reject) const {
        return samples(b, assignment, priors, truths, losses, policy);
    }
    /// Samples one image. `losses` is a function or a tensor.
    template <backend B, readable_tensor<B, std::int32_t, 1> A, assigner::detail::image_source_for<B> X,
              readable_tensor<B, typename B::scalar, 2> Y, label_tensor<B, 1> L, class F>
    result<B> sample(const B& b, const A& truth, const X& priors, const Y& boxes, const L& labels, const F& losses,
                     bad_truth policy = bad_truth::reject) const {
        return std::move(samples(b, truth, priors, detail::one_image(b, op, boxes, labels), losses, policy).front());
    }

private:
    static constexpr const char* op = "ohem::sample";

    template <class B, class A, class X, class F>
    auto samples(const B& b, const A& assignment, const X& priors, const truth_list<typename B::scalar>& truths,
                 const F& losses, bad_truth policy) const {
        const pick::hardest<F> hardest{losses, num_classes};
        return detail::sample_images(b, op, assignment, priors, truths, detail::quota_of(*this), hardest, hardest,
                                     seed{}, policy);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::sampler
