// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What every sampler does with a batch: make each image's candidates, pick, gather.

#include <boxgrad/core/parameter.hpp>
#include <boxgrad/sampler/candidates.hpp>

namespace boxgrad::inline BOXGRAD_ABI::sampler::detail {

/// How many to pick, and whether truths are candidates themselves.
struct quota {
    index num;
    double pos_fraction, neg_pos_ub;
    bool add_gt_as_proposals;

    void check(const char* op) const {
        check_parameter(op, "num", num >= 0 && num <= index{1} << 53, "from 0 to 2^53", num);
        check_parameter(op, "pos_fraction", pos_fraction >= 0 && pos_fraction <= 1, "from 0 to 1", pos_fraction);
        check_not_nan(op, "neg_pos_ub", neg_pos_ub);
    }
    index positives() const { return static_cast<index>(static_cast<double>(num) * pos_fraction); }
    index negatives(index pos) const {
        const double cap = neg_pos_ub * static_cast<double>(pos > 1 ? pos : 1);
        const index rest = num - pos;
        return cap >= 0 && cap < static_cast<double>(rest) ? static_cast<index>(cap) : rest;
    }
};
template <class Sampler>
quota quota_of(const Sampler& s) {
    return {s.num, s.pos_fraction, s.neg_pos_ub, s.add_gt_as_proposals};
}
inline constexpr quota everything{index{1} << 53, 0.5, -1, false};

/// An assignment as it is read: of a batch, or the rows of one image without overlaps.
template <class T>
struct assignment_view {
    view<const std::int32_t, 2> truth;  // [B, N]
    view<const T, 2> overlap;           // [B, N]
};
template <class B>
assignment_view<typename B::scalar> look_at_assignment(const B& b, const char* op, const assigner::result<B>& a) {
    const auto truth = as_const_view<2>(b, a.truth, op, "assignment.truth");
    const auto overlap = as_const_view<2>(b, a.overlap, op, "assignment.overlap");
    check_shape(op, "assignment.overlap", truth.extent, overlap.extent);
    return {truth, overlap};
}
template <class B, readable_tensor<B, std::int32_t, 1> X>
assignment_view<typename B::scalar> look_at_assignment(const B& b, const char* op, const X& rows) {
    const auto t = as_const_view<1>(b, rows, op, "truth");
    return {view<const std::int32_t, 2>(t.data, {{1, t.extent[0]}}, {{0, t.stride[0]}}), {}};
}

/// Rows of candidates, ascending.
struct picks {
    std::vector<index> positive, negative;
};

/// A policy's choice. One with `always` is asked even where there is nothing to choose.
template <class C, class Policy>
std::vector<index> take(const C& c, const Policy& policy, const std::vector<index>& pool, index n) {
    if constexpr (!requires { Policy::always; }) {
        if (n >= static_cast<index>(pool.size())) return pool;
        if (n <= 0) return {};
    }
    std::vector<index> taken = policy(c, pool, n);
    std::sort(taken.begin(), taken.end());
    return taken;
}

/// A policy's objections to its own parameters, or to what it is given beside the candidates.
template <class Policy>
void check_policy(const char* op, const Policy& policy) {
    if constexpr (requires { policy.check(op); }) policy.check(op);
}
template <class Policy, class C>
void check_policy(const char* op, const Policy& policy, const C& c) {
    if constexpr (requires { policy.check(op, c); }) policy.check(op, c);
}

template <class C, class Pos, class Neg>
picks pick(C& c, const quota& q, const Pos& pos, const Neg& neg) {
    std::vector<index> positive;
    std::vector<index> negative;
    for (index i = 0; i < c.size(); ++i) {
        const std::int32_t g = c.truth[static_cast<std::size_t>(i)];
        if (g >= 0) positive.push_back(i);
        if (g == assigner::background) negative.push_back(i);
    }
    picks p;
    c.negative = false;
    p.positive = take(c, pos, positive, q.positives());
    c.negative = true;
    p.negative = take(c, neg, negative, q.negatives(static_cast<index>(p.positive.size())));
    return p;
}

template <class B, class S>
result<B> gather(const candidates<B, S>& c, const picks& p, bool avg_factor_with_neg) {
    const B& b = c.b;
    std::vector<index> matched;
    std::vector<std::int64_t> label;
    std::vector<std::uint8_t> is_gt;
    for (const index i : p.positive) {
        matched.push_back(c.truth[static_cast<std::size_t>(i)]);
        label.push_back(c.labels[static_cast<std::size_t>(matched.back())]);
        is_gt.push_back(i < static_cast<index>(c.added.size()) ? 1 : 0);
    }
    auto assigned = upload(b, matched);
    auto boxes = gather_rows(b, as_const_view<2>(b, c.truth_boxes, "sampler", "truths"), assigned);
    return {upload(b, p.positive),
            upload(b, p.negative),
            c.boxes(p.positive),
            c.boxes(p.negative),
            upload(b, is_gt),
            std::move(assigned),
            std::move(boxes),
            upload(b, label),
            static_cast<index>(p.positive.size()),
            static_cast<index>(p.negative.size()),
            static_cast<index>(c.labels.size()),
            avg_factor_with_neg};
}

/// Every image's candidates, without truths.
template <class B, class S>
std::vector<candidates<B, S>> candidates_of(const B& b, const assignment_view<typename B::scalar>& a, const S& priors,
                                            const seed& s) {
    using T = typename B::scalar;
    const auto truth = to_host<2>(b, a.truth);
    const index n = a.truth.extent[1];
    std::vector<candidates<B, S>> images;
    for (index i = 0; i < a.truth.extent[0]; ++i) {
        const auto row = truth.begin() + i * n;
        const view<const T, 1> overlap(a.overlap.data + i * a.overlap.stride[0], extents<1>{{a.overlap.extent[1]}},
                                       extents<1>{{a.overlap.stride[1]}});
        images.push_back(
            {b, i, {row, row + n}, {}, {}, b.template make<T, 2>(extents<2>{{0, 4}}), overlap, priors, s.of_image(i)});
    }
    return images;
}

/// Throws shape_error for a row that is no truth.
inline void check_rows(const char* op, const std::vector<std::int32_t>& truth, index truths, index image, bool batch) {
    const auto bad = std::find_if(truth.begin(), truth.end(), [&](std::int32_t g) { return g >= truths; });
    if (bad == truth.end()) return;
    raise(shape_error(complaint(op, "truth", "a row of " + std::to_string(truths) + " truths",
                                std::to_string(*bad) + " at prior " + std::to_string(bad - truth.begin()) +
                                    (batch ? " of image " + std::to_string(image) : ""))));
}

/// Rows of an image's truths that are candidates. Throws gt_error for one that is no box, or leaves it out.
template <class T>
std::vector<index> added_truths(const char* op, std::span<const std::array<T, 4>> boxes, index image,
                                bad_truth policy) {
    std::vector<index> rows;
    for (std::size_t g = 0; g < boxes.size(); ++g) {
        const auto row = static_cast<index>(g);
        if (boxgrad::detail::is_box(boxes[g])) {
            rows.push_back(row);
        } else if (policy == bad_truth::reject) {
            raise(gt_error(std::string(op) + ": ground truth of image " + std::to_string(image) + ", row " +
                               std::to_string(row) + " must be finite with x1 < x2 and y1 < y2, got " +
                               boxgrad::detail::describe(boxes[g]),
                           image, row));
        }
    }
    return rows;
}

/// Every image's candidates. Throws shape_error, gt_error.
template <class B, class S>
std::vector<candidates<B, S>> candidates_of(const B& b, const char* op, const assignment_view<typename B::scalar>& a,
                                            const S& priors, const truth_list<typename B::scalar>& truths,
                                            bool add_truths, const seed& s, bad_truth policy) {
    using T = typename B::scalar;
    const auto expect = [op](const char* name, const std::string& what, index want, index got) {
        if (want != got) raise(shape_error(complaint(op, name, std::to_string(want) + what, std::to_string(got))));
    };
    expect("truths", " images", a.truth.extent[0], truths.images());
    expect("truths", " labels", truths.size(), static_cast<index>(truths.labels.size()));
    expect("priors", " rows", a.truth.extent[1], priors.size());
    if (!boxgrad::detail::are_offsets(truths.offsets, truths.size())) {
        raise(shape_error(complaint(op, "truths", "offsets ascending from 0 to the number of boxes", "others")));
    }
    auto images = candidates_of(b, a, priors, s);
    for (candidates<B, S>& c : images) {
        const auto first = static_cast<std::size_t>(truths.offsets[static_cast<std::size_t>(c.image)]);
        const auto count = static_cast<std::size_t>(truths.offsets[static_cast<std::size_t>(c.image) + 1]) - first;
        const std::span<const std::array<T, 4>> boxes(truths.boxes.data() + first, count);
        check_rows(op, c.truth, static_cast<index>(count), c.image, images.size() > 1);
        if (add_truths) c.added = added_truths(op, boxes, c.image, policy);
        c.truth.insert(c.truth.begin(), c.added.begin(), c.added.end());
        c.labels = std::span(truths.labels.data() + first, count);
        std::vector<T> flat;
        for (const auto& x : boxes) flat.insert(flat.end(), x.begin(), x.end());
        c.truth_boxes = from_host(b, extents<2>{{static_cast<index>(count), 4}}, flat.data());
    }
    return images;
}

/// Every image's picks as results. Policies come by value, as the standard library's function objects do.
template <class B, class A, class X, class Pos, class Neg>
std::vector<result<B>> sample_images(const B& b, const char* op, const A& assignment, const X& priors,
                                     const truth_list<typename B::scalar>& truths, const quota& q, Pos pos, Neg neg,
                                     const seed& s, bad_truth policy, bool avg_factor_with_neg = true) {
    q.check(op);
    check_policy(op, pos);
    check_policy(op, neg);
    const auto a = look_at_assignment(b, op, assignment);
    const auto source = assigner::detail::image_boxes(b, priors, a.truth.extent[0], op, "priors");
    auto images = candidates_of(b, op, a, source, truths, q.add_gt_as_proposals, s, policy);
    for (const auto& c : images) {
        check_policy(op, pos, c);
        check_policy(op, neg, c);
    }
    std::vector<result<B>> results;
    for (auto& c : images) results.push_back(gather(c, pick(c, q, pos, neg), avg_factor_with_neg));
    return results;
}

/// The truths of one image, from tensors.
template <class B, class Y, class L>
truth_list<typename B::scalar> one_image(const B& b, const char* op, const Y& boxes, const L& labels) {
    check_shape(op, "boxes", {any_extent, 4}, as_const_view<2>(b, boxes, op, "boxes").extent);
    check_shape(op, "labels", extents<1>{{as_const_view<2>(b, boxes, op, "boxes").extent[0]}},
                as_const_view<1>(b, labels, op, "labels").extent);
    truth_list<typename B::scalar> t;
    const auto rows = boxgrad::detail::boxes_to_host(b, boxes);
    const auto values = to_host<1>(b, labels);
    t.template add_image<typename std::remove_cvref_t<decltype(values)>::value_type>(std::span(rows),
                                                                                     std::span(values));
    return t;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::sampler::detail
