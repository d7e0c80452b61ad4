// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What a match cost sees, and the matrix that it fills: a row a truth, a column a query.

#include <boxgrad/assigner/detail/cost_checks.hpp>
#include <boxgrad/assigner/detail/images.hpp>
#include <boxgrad/assigner/detail/summary.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// Predictions that compete for truths: as many as a pack has lanes, of one image.
template <plain_number V>
struct query {
    box<V> bounds;                      ///< in pixels
    V image_w, image_h;                 ///< of the image, in pixels
    view<const scalar_t<V>, 2> scores;  ///< [Q, C] of the image
    index first;
    int count;

    BOXGRAD_FN index classes() const { return scores.extent[1]; }
    BOXGRAD_FN V logit(index c) const { return load<V>(&scores(first, c), scores.stride[0], count); }
};

/// A truth, the same in every lane.
template <plain_number V>
struct target {
    box<V> bounds;
    std::int32_t label;
};

namespace detail {

struct nothing {};

/// What a cost wants computed once for a query: its `prepare`, where it has one.
template <class C, class V>
BOXGRAD_FN auto prepare(const C& cost, const query<V>& q) {
    if constexpr (requires { cost.prepare(q); }) {
        return cost.prepare(q);
    } else {
        return nothing{};
    }
}
template <class C, class V, class Ready>
BOXGRAD_FN V price(const C& cost, const query<V>& q, const target<V>& g, const Ready& ready) {
    if constexpr (std::same_as<Ready, nothing>) {
        return cost(q, g);
    } else {
        return cost(q, g, ready);
    }
}

}  // namespace detail

/// What a query costs a truth: a function object on queries, one or a pack of them.
///
///     V operator()(const query<V>&, const target<V>&) const
///
/// or, where something depends on the query alone,
///
///     R prepare(const query<V>&) const
///     V operator()(const query<V>&, const target<V>&, const R&) const
///
/// A `weight` has to be finite; `void check(const char* op) const` may throw config_error for other parameters.
// clang-format off: it takes the template arguments for comparisons
template <class C>
concept match_cost = std::is_trivially_copyable_v<C> &&
    requires(const C& c, const query<float>& q, const target<float>& g) {
    { detail::price(c, q, g, detail::prepare(c, q)) } -> std::same_as<float>;
};
// clang-format on

namespace detail {

/// Costs of a pack of queries for every truth of their image; which queries are quarantined.
template <class V, class Cost, class Boxes>
struct cost_kernel {
    using T = scalar_t<V>;
    Cost cost;
    Boxes boxes;
    view<const T, 3> scores;
    view<const T, 2> image_sides;  // [B, 2]
    boxgrad::detail::truth_view<T> truths;
    view<std::int32_t, 2> truth;  // [B, Q]
    view<T, 2> out;               // [G, Q]

    BOXGRAD_FN void operator()(index item) const {
        const index packs = packs_of<V>(scores.extent[1]);
        const index b = item / packs;
        const index i = item % packs * width_v<V>;
        const int count = rows_left<V>(scores.extent[1], i);
        const query<V> q{boxes.template at<V>(b, i, count),
                         V(image_sides(b, 0)),
                         V(image_sides(b, 1)),
                         image_of(scores, b),
                         i,
                         count};
        mask_t<V> sane = is_sane(q.bounds);
        for (index c = 0; c < q.classes(); ++c) sane = sane && is_finite(q.logit(c));
        const std::int32_t bits = lane_bits(sane);
        for (int l = 0; l < count; ++l) truth(b, i + l) = (bits >> l & 1) != 0 ? background : quarantined;
        if (truths.offset(b) == truths.offset(b + 1)) return;
        const auto ready = prepare(cost, q);
        for (index g = truths.offset(b); g < truths.offset(b + 1); ++g) {
            const box<T> t = truths.at(g);
            const target<V> to{{V(t.x1), V(t.y1), V(t.x2), V(t.y2)}, truths.label(g)};
            store(select(sane, price(cost, q, to, ready), V(infinity<T>)), &out(g, i), out.stride[1], count);
        }
    }
};

/// The inputs of a set prediction, checked.
template <class B, class Boxes>
struct query_problem {
    using T = typename B::scalar;
    Boxes boxes;
    view<const T, 3> scores;  // [B, Q, C]
    boxgrad::detail::device_truths<B> truths;
    tensor_t<B, T, 2> image_sides;  // [B, 2] width, height

    index images() const { return scores.extent[0]; }
    index queries() const { return scores.extent[1]; }
    auto make_truth(const B& b) const { return b.template make<std::int32_t, 2>(extents<2>{{images(), queries()}}); }
    auto make_costs(const B& b) const { return b.template make<T, 2>(extents<2>{{truths.size(), queries()}}); }

    template <class Cost>
    void fill(const B& b, const char* op, const Cost& cost, const view<std::int32_t, 2>& truth,
              const view<T, 2>& out) const {
        using V = lanes_t<B>;
        b.for_each(images() * packs_of<V>(queries()),
                   cost_kernel<V, Cost, Boxes>{cost, boxes, scores, as_const_view<2>(b, image_sides, op, "scratch"),
                                               truths.look(b), truth, out});
    }
};

/// Throws shape_error, config_error, gt_error, size_error.
template <class B, class Cost, class X, class Y>
auto make_query_problem(const B& b, const char* op, const Cost& cost, const X& boxes, const Y& scores,
                        const truth_list<typename B::scalar>& truths, std::span<const image_shape> image_shapes,
                        bad_truth policy) {
    using T = typename B::scalar;
    check_cost(op, cost);
    const index images = truths.images();
    const auto s = image_rows<matrix::of_one_image>(b, scores, images, op, "scores");
    const auto x = image_boxes<matrix::of_one_image>(b, boxes, images, op, "boxes");
    check_shape<2>(op, "boxes", {{s.extent[1], 4}}, {{x.size(), 4}});
    if (static_cast<index>(image_shapes.size()) != images) {
        raise(shape_error(
            complaint(op, "image_shapes", std::to_string(images) + " images", std::to_string(image_shapes.size()))));
    }
    std::vector<T> sides;
    for (const image_shape& shape : image_shapes) {
        check_positive(op, "image_shapes", shape.w);
        check_positive(op, "image_shapes", shape.h);
        sides.push_back(static_cast<T>(shape.w));
        sides.push_back(static_cast<T>(shape.h));
    }
    check_sizes(op, images, s.extent[1], truths.size());
    checked_product(op, truths.size(), s.extent[1]);
    auto t = boxgrad::detail::upload_truths(b, op, truths, images, s.extent[2], policy);
    return query_problem<B, std::remove_const_t<decltype(x)>>{x, s, std::move(t),
                                                              from_host(b, extents<2>{{images, 2}}, sides.data())};
}

}  // namespace detail

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
