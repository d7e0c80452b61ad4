// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/dynamic_k_kernels.hpp>
#include <boxgrad/assigner/detail/summary.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// A result and the list of its positives, as the heads' losses read them.
template <class B>
struct matching {
    assigner::result<B> result;
    tensor_t<B, std::int32_t, 2> positive_prior, positive_truth;  // [B, N], the first positives[b]
};

/// A share of the rows of a view.
template <class T, int R>
view<T, R> rows_from(view<T, R> v, index from, index n) {
    v.data += from * v.stride[0];
    v.extent[0] = n;
    return v;
}

/// -weight·ln(overlap + eps), the cost of an overlap.
template <plain_number V>
BOXGRAD_FN V plus_distance(V cost, V overlap, scalar_t<V> weight, scalar_t<V> eps) {
    return madd(-log(overlap + V(eps)), V(weight), cost);
}

/// Assigns the priors of a scene by dynamic k (dynamic_k_kernels.hpp). Scratch and result bytes are
/// B·N·(11·sizeof(T) + 24) + 16·B·chunks + G·(topk·(3·sizeof(T) + 4) + 12) + 16·B.
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
    p.candidates = rows_from(count, 2 * images, images);
    p.incomplete = rows_from(count, 3 * images, images);
    p.truth_positives = rows_from(count, 4 * images, g);
    p.picks = rows_from(count, 4 * images + g, g);
    p.undecided = rows_from(count, 4 * images + 2 * g, g);

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
    m.result.dropped_truths = truths.dropped + truths.dropped_regions;
    return m;
}

/// What both assigners check of their parameters: throws config_error.
struct parameter_check {
    const char* op;

    void refuse(const char* name, const char* want, double got) const {
        raise(config_error(complaint(op, name, want, std::to_string(got))));
    }
    void positive(const char* name, double x) const {
        if (!(x > 0)) refuse(name, "positive", x);
    }
    void weight(const char* name, double x) const {
        if (!(x >= 0 && std::isfinite(x))) refuse(name, "finite and not negative", x);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
