// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/parameter.hpp>
#include <boxgrad/overlap/iou.hpp>
#include <boxgrad/sampler/combined.hpp>

#include <cmath>

namespace boxgrad::inline BOXGRAD_ABI::sampler {

/// What a head predicts for the candidates of one image, as tensors or views: truths that are boxes first,
/// if they are added.
template <class Scores, class Boxes, class Losses>
struct score_hlr_predictions {
    Scores scores;  ///< [A + N] largest probability of a foreground class
    Boxes boxes;    ///< [A + N, 4] the box decoded for that class
    Losses losses;  ///< [A + N] classification loss as background
};
template <class S, class X, class L>
score_hlr_predictions(S, X, L) -> score_hlr_predictions<S, X, L>;

/// What score_hlr picked.
template <backend B>
struct score_hlr_result : result<B> {
    tensor_t<B, typename B::scalar, 1> neg_label_weights;  ///< [M]
};

namespace detail {

/// Predictions of one image in host memory, and the weights of what was picked.
template <class T>
struct score_hlr_image {
    std::vector<T> scores, boxes, losses, weights;

    box<T> at(index i) const {
        const T* x = boxes.data() + 4 * i;
        return {x[0], x[1], x[2], x[3]};
    }
};

/// The negatives of score_hlr. Rows of equal rank within their groups follow each other by score.
template <class T, class Sampler>
struct score_hlr_policy {
    const Sampler& parameters;
    std::vector<score_hlr_image<T>>& images;

    static constexpr bool always = true;

    template <class C>
    void check(const char* op, const C& c) const {
        const auto got = static_cast<index>(images[static_cast<std::size_t>(c.image)].scores.size());
        check_shape(op, "predictions.scores", extents<1>{{c.size()}}, extents<1>{{got}});
    }
    template <class C>
    std::vector<index> operator()(const C& c, const std::vector<index>& pool, index n) const {
        auto& x = images[static_cast<std::size_t>(c.image)];
        const index count = std::min(std::max(n, index{0}), static_cast<index>(pool.size()));
        const std::vector<index> order = by_rank(x, pool);
        const auto valid = static_cast<index>(order.size());
        std::vector<index> taken(order.begin(), order.begin() + std::min(valid, count));
        const std::vector<index> rest = c.draw(without(pool, order), count - static_cast<index>(taken.size()));
        // Importance falls with the place in the order; what was drawn at random has the least.
        const auto bound = static_cast<double>(std::max(count, valid));
        const double least = taken.empty() ? 1 : (bound - static_cast<double>(taken.size() - 1)) / bound;
        std::vector<std::pair<index, double>> weighted;
        for (std::size_t r = 0; r < taken.size(); ++r)
            weighted.emplace_back(taken[r], (bound - static_cast<double>(r)) / bound);
        for (const index i : rest) weighted.emplace_back(i, least);
        std::sort(weighted.begin(), weighted.end());
        set_weights(x, weighted, valid > 0);
        taken.insert(taken.end(), rest.begin(), rest.end());
        return taken;
    }

private:
    /// Negatives of a score above score_thr, the most important first: by rank within the group, then score.
    std::vector<index> by_rank(const score_hlr_image<T>& x, const std::vector<index>& pool) const {
        const auto score = [&](index i) { return x.scores[static_cast<std::size_t>(i)]; };
        std::vector<index> waiting;
        for (const index i : pool) {
            if (static_cast<double>(score(i)) > parameters.score_thr && is_sane(x.at(i))) waiting.push_back(i);
        }
        std::stable_sort(waiting.begin(), waiting.end(), [&](index i, index k) { return score(i) > score(k); });
        std::vector<std::pair<index, std::pair<T, index>>> ranked;
        while (!waiting.empty()) {  // a group: the best of those that wait, and what overlaps it
            const box<T> best = x.at(waiting.front());
            std::vector<index> others;
            index rank = 0;
            for (const index i : waiting) {
                if (i == waiting.front() || static_cast<double>(overlap::iou{}(best, x.at(i))) >= parameters.iou_thr) {
                    ranked.push_back({rank++, {-score(i), i}});
                } else {
                    others.push_back(i);
                }
            }
            waiting = std::move(others);
        }
        std::sort(ranked.begin(), ranked.end());
        std::vector<index> order;
        for (const auto& r : ranked) order.push_back(r.second.second);
        return order;
    }
    void set_weights(score_hlr_image<T>& x, const std::vector<std::pair<index, double>>& weighted, bool ranked) const {
        double before = 0;
        double after = 0;
        std::vector<double> weights;
        for (const auto& [row, u] : weighted) {
            weights.push_back(ranked ? std::pow(parameters.bias + (1 - parameters.bias) * u, parameters.k) : 1);
            const auto loss = static_cast<double>(x.losses[static_cast<std::size_t>(row)]);
            if (!std::isfinite(loss)) continue;
            before += loss;
            after += loss * weights.back();
        }
        const double ratio = ranked && after > 0 ? before / after : 1;
        for (const double w : weights) x.weights.push_back(static_cast<T>(w * ratio));
    }
};

}  // namespace detail

/// PISA's negatives: those that a head takes for the best detections, weighted by how good they look.
///
///     groups     of negatives with score > score_thr: the best score, and boxes of IoU >= iou_thr with it
///     order      first the best of each group, then each group's second, ...; within a rank by score
///     u(r)       (max(M, V) - r) / max(M, V) for place r = 0, 1, ... of V; picks beyond V, at random, as the last
///     weight     (bias + (1 - bias) u)^k sum(loss) / sum(loss (bias + (1 - bias) u)^k)
///
/// Without a negative above score_thr all weights are 1. Positives uniformly. A prediction of NaN or absurd
/// size is taken as below score_thr; a loss that is not finite is left out of the sums. Ties: the lower
/// row. Cao et al., Prime Sample Attention in Object Detection, CVPR 2020, equations 2 to 4; mmdetection 3.3,
/// ScoreHLRSampler.
struct score_hlr {
    index num = 512;
    double pos_fraction = 0.25;
    double neg_pos_ub = -1;
    bool add_gt_as_proposals = true;
    double k = 0.5;
    double bias = 0;
    double score_thr = 0.05;
    double iou_thr = 0.5;

    /// Samples a batch; see combined::sample. `predictions[i]`: score_hlr_predictions of image i. Throws as it does.
    /// Time O(V groups) an image; host memory: 4 + 8 sizeof(T) bytes a prior more.
    template <backend B, assigner::detail::image_source_for<B> X, class P>
    std::vector<score_hlr_result<B>> sample(const B& b, const assigner::result<B>& assignment, const X& priors,
                                            const truth_list<typename B::scalar>& truths, const P& predictions,
                                            const seed& s, bad_truth policy = bad_truth::reject) const {
        using T = typename B::scalar;
        const char* const op = "score_hlr::sample";
        check_parameter(op, "k", k >= 0, "at least 0", k);
        check_parameter(op, "bias", bias >= 0 && bias <= 1, "from 0 to 1", bias);
        check_not_nan(op, "score_thr", score_thr);
        check_parameter(op, "iou_thr", iou_thr > 0, "positive", iou_thr);
        const index images = as_const_view<2>(b, assignment.truth, op, "assignment.truth").extent[0];
        if (static_cast<index>(std::size(predictions)) != images) {
            raise(shape_error(complaint(op, "predictions", std::to_string(images) + " images",
                                        std::to_string(std::size(predictions)))));
        }
        std::vector<detail::score_hlr_image<T>> host;
        for (const auto& p : predictions) {
            const auto n = as_const_view<1>(b, p.scores, op, "predictions.scores").extent;
            check_shape(op, "predictions.boxes", {n[0], 4},
                        as_const_view<2>(b, p.boxes, op, "predictions.boxes").extent);
            check_shape(op, "predictions.losses", n, as_const_view<1>(b, p.losses, op, "predictions.losses").extent);
            host.push_back({to_host<1>(b, p.scores), to_host<2>(b, p.boxes), to_host<1>(b, p.losses), {}});
        }
        const detail::score_hlr_policy<T, score_hlr> ranked{*this, host};
        auto sampled = detail::sample_images(b, op, assignment, priors, truths, detail::quota_of(*this),
                                             pick::uniform{}, ranked, s, policy);
        std::vector<score_hlr_result<B>> results;
        for (std::size_t i = 0; i < host.size(); ++i) {
            results.push_back({std::move(sampled[i]), detail::upload(b, host[i].weights)});
        }
        return results;
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::sampler
