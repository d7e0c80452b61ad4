// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/sim_ota_kernels.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

namespace detail {

/// A result and the list of its positives, as the heads' losses read them.
template <class B>
struct matching {
    assigner::result<B> result;
    tensor_t<B, std::int32_t, 2> positive_prior, positive_truth;  // [B, N], the first positives[b]
};

}  // namespace detail

/// SimOTA: each truth takes the k cheapest of the priors within reach, k being the sum of its best
/// overlaps.
///
///     reach     some truth's box, or the square of center_radius strides about some truth's centre
///     cost      cls_weight·Σ_c BCE(p_c, [c = label]) - iou_weight·ln(iou + 1e-7)
///               + 1e5 unless the prior lies in both the truth's box and its centre square
///     k         max(1, ⌊Σ of the candidate_topk largest ious⌋), at most the priors within reach
///     conflict  a prior that several truths pick goes to the truth of least cost, of all truths
///
/// with p = sqrt(σ(class)·σ(objectness)). Ties go to the lower prior, then the lower truth. A truth may
/// end without priors; `truth_positives` tells. Nothing of size N x G is stored; scratch and result bytes are
/// B·N·(11·sizeof(T) + 24) + 16·B·chunks + G·(candidate_topk·(3·sizeof(T) + 4) + 12) + 16·B, with at most
/// N/lanes + levels chunks.
///
/// Ge et al., OTA, CVPR 2021; Ge et al., YOLOX, 2021, section 2.1; mmdetection 3.3, SimOTAAssigner.
/// `sim_ota<megvii_rules>` and `sim_ota<cjm_rules>` are the variants of those code bases.
template <class Rules = mmdetection_rules, overlap::term Overlap = typename Rules::overlap>
struct sim_ota {
    using rules = Rules;

    double center_radius = Rules::center_radius;  ///< in strides; > 0
    int candidate_topk = 10;                      ///< > 0
    double iou_weight = 3.0;                      ///< >= 0
    double cls_weight = 1.0;                      ///< >= 0
    Overlap overlap = default_overlap();

    /// Assigns the priors of one image. Shapes: priors [N, 4] = x, y, stride across, stride down;
    /// boxes [N, 4] decoded, in pixels; scores [N, C] probabilities; truths of one image.
    /// Throws shape_error, config_error, gt_error, size_error.
    template <backend B, readable_tensor<B, typename B::scalar, 2> X,
              readable_tensor<B, typename B::scalar, 2> Y, readable_tensor<B, typename B::scalar, 2> Z>
    result<B> assign(const B& b, const X& priors, const Y& boxes, const Z& scores,
                     const truth_list<typename B::scalar>& truths,
                     bad_truth policy = bad_truth::reject) const {
        using scene = detail::list_scene<lanes_t<B>, Rules::class_cost>;
        const char* op = "sim_ota::assign";
        const scene s{as_const_view<2>(b, priors, op, "priors"), as_const_view<2>(b, boxes, op, "boxes"),
                      as_const_view<2>(b, scores, op, "scores")};
        check_shape(op, "priors", {any_extent, 4}, s.prior_rows.extent);
        check_shape(op, "boxes", s.prior_rows.extent, s.box_rows.extent);
        check_shape(op, "scores", {s.prior_rows.extent[0], any_extent}, s.score_rows.extent);
        const auto t = boxgrad::detail::upload_truths(b, op, truths, 1, s.score_rows.extent[1], policy);
        auto matched = match(b, op, s, t);
        return std::move(matched.result);
    }

    /// Assigns the priors of any scene: what the heads' losses call.
    template <class B, class Scene>
    detail::matching<B> match(const B& b, const char* op, const Scene& scene,
                              const boxgrad::detail::device_truths<B>& truths) const {
        check(op);
        using T = typename B::scalar;
        using P = detail::sim_ota_problem<Scene, Rules, Overlap>;
        const index images = scene.images();
        const index priors = scene.priors();
        const index chunks = scene.chunks();
        const index g = truths.size();
        if (priors > std::numeric_limits<std::int32_t>::max() || g > std::numeric_limits<std::int32_t>::max()) {
            raise(size_error(std::string(op) + ": more than 2^31 priors or truths"));
        }
        checked_product(op, checked_product(op, images, priors), P::fields);

        const auto ints = [&](index m, index n) {
            return b.template make<std::int32_t, 2>(extents<2>{{m, n}});
        };
        const auto numbers = [&](index m, index n) { return b.template make<T, 2>(extents<2>{{m, n}}); };
        auto truth = ints(images, priors);
        auto overlaps = numbers(images, priors);
        auto positive_prior = ints(images, priors);
        auto positive_truth = ints(images, priors);
        auto by_chunk = ints(4 * images, chunks);
        auto by_candidate = ints(3 * images, priors);
        auto owner_overlap = numbers(images, priors);
        auto kept = b.template make<T, 3>(extents<3>{{images, P::fields, priors}});
        auto lists = numbers(3 * g, candidate_topk);
        auto pick = ints(g, candidate_topk);
        auto counts = b.template make<std::int32_t, 1>(extents<1>{{4 * images + 3 * g}});

        const auto look2 = [&](auto& t) { return as_view<2>(b, t, op, "scratch"); };
        const auto rows = [](auto v, index from, index n) {
            v.data += from * v.stride[0];
            v.extent[0] = n;
            return v;
        };
        P p{};
        p.scene = scene;
        p.truths = truths.look(b);
        p.overlap = overlap;
        p.center_radius = static_cast<T>(center_radius);
        p.iou_weight = static_cast<T>(iou_weight);
        p.cls_weight = static_cast<T>(cls_weight);
        p.topk = candidate_topk;
        p.truth = look2(truth);
        p.assigned_overlap = look2(overlaps);
        p.positive_prior = look2(positive_prior);
        p.positive_truth = look2(positive_truth);
        p.reached = rows(look2(by_chunk), 0, images);
        p.start = rows(look2(by_chunk), images, images);
        p.insane = rows(look2(by_chunk), 2 * images, images);
        p.unpenalised = rows(look2(by_chunk), 3 * images, images);
        p.prior_of = rows(look2(by_candidate), 0, images);
        p.claims = rows(look2(by_candidate), images, images);
        p.owner = rows(look2(by_candidate), 2 * images, images);
        p.owner_overlap = look2(owner_overlap);
        p.kept = as_view<3>(b, kept, op, "scratch");
        p.best_overlap = rows(look2(lists), 0, g);
        p.pick_cost = rows(look2(lists), g, g);
        p.pick_overlap = rows(look2(lists), 2 * g, g);
        p.pick = look2(pick);
        const auto count = as_view<1>(b, counts, op, "scratch");
        p.positives = rows(count, 0, images);
        p.quarantined = rows(count, images, images);
        p.candidates = rows(count, 2 * images, images);
        p.incomplete = rows(count, 3 * images, images);
        p.truth_positives = rows(count, 4 * images, g);
        p.picks = rows(count, 4 * images + g, g);
        p.undecided = rows(count, 4 * images + 2 * g, g);

        using list = detail::chunk_list<lanes_t<B>>;
        b.for_each(images * chunks, detail::mark_kernel<P>{p});
        b.for_each(images, detail::number_kernel<P>{p});
        b.for_each(images * list::groups(chunks), detail::keep_kernel<P>{p});
        b.for_each(g, detail::pick_kernel<P, detail::among::free>{p});
        b.for_each(images, detail::incomplete_kernel<P>{p});
        b.for_each(images * list::groups(chunks), detail::complete_kernel<P>{p});
        b.for_each(g, detail::pick_kernel<P, detail::among::all>{p});
        b.for_each(images, detail::claim_kernel<P>{p});
        b.for_each(images * chunks, detail::settle_kernel<P>{p});
        b.for_each(images, detail::list_kernel<P>{p});

        detail::matching<B> m{{std::move(truth), std::move(overlaps), {}, {}},
                              std::move(positive_prior),
                              std::move(positive_truth)};
        const auto host = to_host<1>(b, counts);
        const auto at = [&](index i) { return static_cast<index>(host[static_cast<std::size_t>(i)]); };
        for (index i = 0; i < images; ++i) {
            m.result.positives.push_back(at(i));
            m.result.nonfinite_priors += at(images + i);
        }
        m.result.truth_positives.assign(static_cast<std::size_t>(g + truths.dropped), 0);
        for (index i = 0; i < g; ++i) {
            m.result.truth_positives[static_cast<std::size_t>(truths.kept[static_cast<std::size_t>(i)])] =
                at(4 * images + i);
        }
        m.result.dropped_truths = truths.dropped;
        return m;
    }

private:
    static constexpr Overlap default_overlap() {
        if constexpr (std::same_as<Overlap, typename Rules::overlap>) {
            return Rules::default_overlap;
        } else {
            return Overlap{};
        }
    }
    void check(const char* op) const {
        const auto refuse = [&](const char* name, const char* want, double got) {
            raise(config_error(complaint(op, name, want, std::to_string(got))));
        };
        if (!(center_radius > 0)) refuse("center_radius", "positive", center_radius);
        if (candidate_topk < 1) refuse("candidate_topk", "positive", candidate_topk);
        if (!(iou_weight >= 0 && std::isfinite(iou_weight))) refuse("iou_weight", "finite and not negative", iou_weight);
        if (!(cls_weight >= 0 && std::isfinite(cls_weight))) refuse("cls_weight", "finite and not negative", cls_weight);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
