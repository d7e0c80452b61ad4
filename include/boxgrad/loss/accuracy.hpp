// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/inplace_vector.hpp>
#include <boxgrad/core/parameter.hpp>
#include <boxgrad/loss/detail/survey.hpp>
#include <boxgrad/loss/targets.hpp>

#include <limits>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// The k of `accuracy`: up to 16.
using topk_ranks = inplace_vector<index, 16>;

namespace detail {

/// How many rows of a block have less than k classes in front of their label.
template <class T>
struct accuracy_kernel {
    static constexpr index block = 64;

    view<const T, 2> prediction;
    label_reader<1> labels;
    ignoring ignored;
    topk_ranks topk;
    T threshold;  ///< scores above it count
    view<index, 2> hits;

    BOXGRAD_FN index blocks() const { return (prediction.extent[0] + block - 1) / block; }

    BOXGRAD_FN void operator()(index b) const {
        const index rows = prediction.extent[0];
        const index end = rows < (b + 1) * block ? rows : (b + 1) * block;
        for (int k = 0; k < topk.size(); ++k) hits(b, k) = 0;
        for (index i = b * block; i < end; ++i) {
            const auto label = static_cast<index>(labels.at(i));
            if (ignored(label)) continue;
            const T own = prediction(i, label);
            if (!(own > threshold)) continue;
            index in_front = 0;
            for (index c = 0; c < prediction.extent[1]; ++c) {
                const T x = prediction(i, c);
                in_front += !(x <= own) || (x == own && c < label) ? 1 : 0;  // NaN is in front
            }
            for (int k = 0; k < topk.size(); ++k) hits(b, k) += in_front < topk[k] ? 1 : 0;
        }
    }
};

}  // namespace detail

/// Per cent of rows whose label is among the k classes of the largest scores, for every k of `topk` in turn: scores
/// [N, C] against labels [N] of whole numbers, or `targets(labels).ignore_index(i)`, whose rows then do not count.
///
///     100/N·#{ i : #{ c : x_ic in front of x_iy } < k and x_iy > threshold }
///
/// In front is what is larger, or equal with a lower index, or NaN; a label whose own score is NaN is never found.
/// Without rows the result is 0. Throws shape_error, and config_error for a label that is no class, with its row, and
/// for k outside of 1 to C. mmdetection 3.3, accuracy(pred, target, topk, thresh), where PyTorch leaves the order of
/// equal scores open.
template <backend B, detail::numbers_for<B> X, detail::target_for<B> Y>
numbers accuracy(const B& b, const X& prediction, const Y& target, const topk_ranks& topk = {1},
                 double threshold = -std::numeric_limits<double>::infinity()) {
    using T = typename B::scalar;
    constexpr const char* op = "loss::accuracy";
    const auto y = detail::described(target);
    using tensor = std::remove_cvref_t<decltype(*y.tensor)>;
    static_assert(detail::labels_for<tensor, B>, "accuracy needs labels");
    const auto x = as_const_view<2>(b, prediction, op, "prediction");
    const auto labels = as_const_view<1>(b, *y.tensor, op, "target");
    check_shape(op, "target", extents<1>{{x.extent[0]}}, labels.extent);
    for (const index k : topk) {
        check_parameter(op, "topk", k >= 1 && k <= x.extent[1], "from 1 to the number of classes", k);
    }
    check_not_nan(op, "threshold", threshold);

    using reading = detail::reader<std::remove_pointer_t<decltype(labels.data)>, 1>;
    detail::label_reader<1> read;
    if constexpr (std::same_as<typename decltype(labels)::value_type, std::int64_t>) {
        read.wide = reading(labels);
    } else {
        read.narrow = reading(labels);
    }
    const detail::ignoring ignored{y.ignored.value_or(0), y.ignored.has_value(), y.negatives_ignored};
    detail::survey_kernel<T, 1, 1, detail::any_target> s;
    s.labels = read;
    s.ignored = ignored;
    s.highest_label = x.extent[1] - 1;
    s.rows = x.extent[0];
    const index counted = detail::survey(b, op, s).valid;

    detail::accuracy_kernel<T> k{x, read, ignored, topk, static_cast<T>(threshold), {}};
    auto hits = b.template make<index, 2>(extents<2>{{k.blocks(), topk.size()}});
    k.hits = as_view<2>(b, hits, op, "scratch");
    b.for_each(k.blocks(), k);
    const auto host = to_host<2>(b, hits);
    numbers percent;
    for (int j = 0; j < topk.size(); ++j) {
        index sum = 0;
        for (index block = 0; block < k.blocks(); ++block)
            sum += host[static_cast<std::size_t>(block * topk.size() + j)];
        percent.push_back(counted > 0 ? 100.0 * static_cast<double>(sum) / static_cast<double>(counted) : 0.0);
    }
    return percent;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
