// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Matching of queries and truths by least total cost, image by image: what the Hungarian assigners share.

#include <boxgrad/assigner/detail/assignment_problem.hpp>
#include <boxgrad/assigner/detail/ignored.hpp>
#include <boxgrad/assigner/match_cost.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// No extra field of the result.
struct no_metric {
    template <class T>
    BOXGRAD_FN void operator()(index, index, index, T) const {}
};

/// Says of each query what it is: matched, ignored or background. metric(b, i, g, overlap) follows, g = -1 where
/// there is no truth.
template <class Boxes, class T, class Metric>
struct settle_queries_kernel {
    Boxes boxes;
    boxgrad::detail::truth_view<T> truths;
    view<const std::int32_t, 2> match;  // [B, Q] number of the truth within its image
    T ignore_iof_thr;
    Metric metric;
    view<std::int32_t, 2> truth;
    view<T, 2> overlap;

    BOXGRAD_FN void operator()(index item) const {
        const index b = item / truth.extent[1];
        const index i = item % truth.extent[1];
        const std::int32_t m = match(b, i);
        const index g = m < 0 ? -1 : truths.offset(b) + m;
        T o(0);
        if (truth(b, i) != quarantined) {
            const box<T> x = boxes.template at<T>(b, i, 1);
            if (g >= 0) o = boxgrad::overlap::iou{}(x, truths.at(g));
            truth(b, i) = g >= 0 ? m : is_ignored(truths, b, x, ignore_iof_thr) ? ignored : background;
        }
        overlap(b, i) = o;
        metric(b, i, g, o);
    }
};

/// Matches a batch; every truth may take up to `copies` queries.
template <class B, class Problem, class Cost, class Metric>
result<B> match_queries(const B& b, const char* op, const Problem& p, const Cost& cost, index copies,
                        double ignore_iof_thr, const Metric& metric) {
    using T = typename B::scalar;
    check_not_nan(op, "ignore_iof_thr", ignore_iof_thr);
    auto truth = p.make_truth(b);
    auto overlap = b.template make<T, 2>(extents<2>{{p.images(), p.queries()}});
    auto counts = b.template make<std::int32_t, 1>(extents<1>{{count_size(p.images(), p.truths.size())}});
    auto costs = p.make_costs(b);
    const auto t = as_view<2>(b, truth, op, "scratch");
    p.fill(b, op, cost, t, as_view<2>(b, costs, op, "scratch"));

    const std::vector<T> host = to_host<2>(b, costs);
    std::vector<std::int32_t> match;
    match.reserve(static_cast<std::size_t>(p.images() * p.queries()));
    assignment_problem problem;
    for (std::size_t i = 0; i < static_cast<std::size_t>(p.images()); ++i) {
        const index first = p.truths.host_offset[i];
        const index n = p.truths.host_offset[i + 1] - first;
        for (const index g :
             problem.solve(view<const T, 2>(host.data() + first * p.queries(), {{n, p.queries()}}), copies)) {
            match.push_back(static_cast<std::int32_t>(g));
        }
    }
    const auto m = from_host(b, extents<2>{{p.images(), p.queries()}}, match.data());
    using kernel = settle_queries_kernel<std::remove_const_t<decltype(p.boxes)>, T, Metric>;
    b.for_each(t.size(), kernel{p.boxes, p.truths.look(b), as_const_view<2>(b, m, op, "scratch"),
                                static_cast<T>(ignore_iof_thr), metric, t, as_view<2>(b, overlap, op, "scratch")});
    return summarise(b, std::move(truth), std::move(overlap), p.truths, counts);
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
