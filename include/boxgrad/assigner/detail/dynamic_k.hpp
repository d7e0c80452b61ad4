// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/dynamic_k_kernels.hpp>
#include <boxgrad/assigner/detail/summary.hpp>

#include <algorithm>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// A result and the list of its positives, as the heads' losses read them.
template <class B>
struct matching {
    assigner::result<B> result;
    tensor_t<B, std::int32_t, 2> positive_prior, positive_truth;  // [B, N], the first positives[b]
};

/// -weight·ln(overlap + eps), the cost of an overlap.
template <plain_number V>
BOXGRAD_FN V plus_distance(V cost, V overlap, scalar_t<V> weight, scalar_t<V> eps) {
    return madd(-log(overlap + V(eps)), V(weight), cost);
}

/// Assigns the priors of a scene by dynamic k (dynamic_k_kernels.hpp). Scratch and result bytes are
/// B·N·(11·sizeof(T) + 24) + 16·B·chunks + G·(k·(3·sizeof(T) + 4) + 12) + 16·B, k = min(topk, N).
template <class B, class Scene, class Pricing>
matching<B> match_by_dynamic_k(const B& b, const char* op, const Scene& scene,
                               const boxgrad::detail::device_truths<B>& truths, const Pricing& pricing, int topk,
                               double reg_max) {
    using T = typename B::scalar;
    using P = dynamic_k_problem<Scene, Pricing>;
    const index images = scene.images();
    const index priors = scene.priors();
    const index chunks = scene.chunks();
    const index g = truths.size();
    topk = static_cast<int>(std::min<index>(topk, priors));
    check_sizes(op, images, priors, g);
    checked_product(op, images * priors, P::fields);

    const auto ints = [&](index m, index n) { return b.template make<std::int32_t, 2>(extents<2>{{m, n}}); };
    const auto numbers = [&](index m, index n) { return b.template make<T, 2>(extents<2>{{m, n}}); };
    auto truth = ints(images, priors);
    auto overlaps = numbers(images, priors);
    auto positive_prior = ints(images, priors);
    auto positive_truth = ints(images, priors);
    auto by_chunk = ints(4 * images, chunks);
    auto by_candidate = ints(3 * images, priors);
    auto owner_overlap = numbers(images, priors);
    auto kept = b.template make<T, 3>(extents<3>{{images, P::fields, priors}});
    auto lists = numbers(3 * g, topk);
    auto pick = ints(g, topk);
    auto counts = b.template make<std::int32_t, 1>(extents<1>{{4 * images + 3 * g}});

    const auto look2 = [&](auto& t) { return as_view<2>(b, t, op, "scratch"); };
    P p{};
    p.scene = scene;
    p.truths = truths.look(b);
    p.pricing = pricing;
    p.topk = topk;
    p.reg_max = static_cast<T>(reg_max);
    p.truth = look2(truth);
    p.assigned_overlap = look2(overlaps);
    p.positive_prior = look2(positive_prior);
    p.positive_truth = look2(positive_truth);
    p.reached = rows_from(look2(by_chunk), 0, images);
    p.start = rows_from(look2(by_chunk), images, images);
    p.insane = rows_from(look2(by_chunk), 2 * images, images);
    p.unpenalised = rows_from(look2(by_chunk), 3 * images, images);
    p.prior_of = rows_from(look2(by_candidate), 0, images);
    p.claims = rows_from(look2(by_candidate), images, images);
    p.owner = rows_from(look2(by_candidate), 2 * images, images);
    p.owner_overlap = look2(owner_overlap);
    p.kept = as_view<3>(b, kept, op, "scratch");
    p.best_overlap = rows_from(look2(lists), 0, g);
    p.pick_cost = rows_from(look2(lists), g, g);
    p.pick_overlap = rows_from(look2(lists), 2 * g, g);
    p.pick = look2(pick);
    const auto count = as_view<1>(b, counts, op, "scratch");
    p.positives = rows_from(count, 0, images);
    p.quarantined = rows_from(count, images, images);
    p.truth_positives = rows_from(count, 2 * images, g);
    const index own = count_size(images, g);
    p.candidates = rows_from(count, own, images);
    p.incomplete = rows_from(count, own + images, images);
    p.picks = rows_from(count, own + 2 * images, g);
    p.undecided = rows_from(count, own + 2 * images + g, g);

    const index groups = images * chunk_list<lanes_t<B>>::groups(chunks);
    b.for_each(images * chunks, mark_kernel<P>{p});
    b.for_each(images, number_kernel<P>{p});
    b.for_each(groups, keep_kernel<P>{p});
    b.for_each(g, pick_kernel<P, among::free>{p});
    if constexpr (Pricing::penalised) {
        b.for_each(images, incomplete_kernel<P>{p});
        b.for_each(groups, complete_kernel<P>{p});
        b.for_each(g, pick_kernel<P, among::all>{p});
    }
    b.for_each(images, claim_kernel<P>{p});
    b.for_each(images * chunks, settle_kernel<P>{p});
    b.for_each(images, list_kernel<P>{p});

    matching<B> m{
        {std::move(truth), std::move(overlaps), {}, {}}, std::move(positive_prior), std::move(positive_truth)};
    tell_counts(m.result, to_host<1>(b, counts), images, truths);
    return m;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
