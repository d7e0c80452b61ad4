// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/boxes/rescale.hpp>
#include <boxgrad/coder/coder.hpp>

namespace boxgrad::inline BOXGRAD_ABI::coder {

/// The box coder of side-aware boundary localisation: along each side of the prior, enlarged by
/// scale_factor, lie buckets; a network chooses the bucket where the box's side lies, and its offset.
///
///     buckets a side   n = ⌈num_buckets / 2⌉          width of a bucket   b = prior's size / num_buckets
///     left   c_j = x1 + (j + 1/2)·b         right   c_j = x2 - (j + 1/2)·b         0 <= j < n
///     encode   offset_j = (c_j - side of the box) / b
///     decode   side = c_j - offset_j·b      of the bucket j with the largest score
///
/// top and bottom likewise; columns are left, right, top, bottom with n buckets each. Encode's weights:
/// offsets count in the nearest bucket, and in the next offset_topk - 1 where |offset| is below
/// offset_upperbound; scores count everywhere, except with cls_ignore_neighbor in buckets beside the
/// nearest whose |offset| is below 1. Equally near buckets: the lower number; equal scores likewise.
///
/// The gradient of decode with respect to the offset of the chosen bucket is -b, to others 0; scores choose
/// and have none. Boxes are clipped to W - 1 and H - 1.
///
/// Wang et al., SABL, ECCV 2020, section 3; mmdetection 3.3, BucketingBBoxCoder.
struct bucketing {
    int num_buckets = 14;
    double scale_factor = 3;
    int offset_topk = 2;
    double offset_upperbound = 1;  ///< in buckets
    bool cls_ignore_neighbor = true;
    bool clip_border = true;  ///< whether decode clips boxes to a picture that is given

    static constexpr int border_inset = 1;

    BOXGRAD_FN constexpr int side_num() const { return (num_buckets + 1) / 2; }
};

/// What `encode` of a bucketing coder gives, [N, 4·n] each.
template <class Tensor>
struct bucketing_targets {
    Tensor offsets, offset_weights, bucket_labels, bucket_weights;
};
/// Boxes [N, 4], and the confidence [N] of their places: the mean over sides of the largest probability,
/// plus the second largest where that is a neighbour.
template <class Boxes, class Numbers>
struct bucketing_boxes {
    Boxes boxes;
    Numbers confidence;
};

namespace detail {

/// Edges of a prior and its buckets' sizes.
template <class V>
struct bucket_frame {
    V edge[4], step[4];  ///< left, right, top, bottom; steps point inwards

    BOXGRAD_FN constexpr bucket_frame(const box<V>& p, double scale_factor, int num_buckets) {
        using T = scalar_t<V>;
        const box<V> enlarged = boxes::rescale(p, scale_factor);
        const V n(static_cast<T>(num_buckets));
        edge[0] = enlarged.x1;
        edge[1] = enlarged.x2;
        edge[2] = enlarged.y1;
        edge[3] = enlarged.y2;
        step[0] = enlarged.width() / n;
        step[1] = -step[0];
        step[2] = enlarged.height() / n;
        step[3] = -step[2];
    }
    BOXGRAD_FN constexpr V center(int side, const V& bucket) const {
        return edge[side] + product(V(scalar_t<V>(0.5)) + bucket, step[side]);
    }
    /// A bucket's size.
    BOXGRAD_FN constexpr V size(int side) const { return step[side & 2]; }
};

template <class V, class P, class S>
struct bucket_encode_kernel {
    using T = scalar_t<V>;
    bucketing coder;
    P priors;
    S boxes;
    view<T, 2> offsets, offset_weights, labels, weights;

    BOXGRAD_FN void operator()(index n) const {
        const index i = n * width_v<V>;
        const int count = rows_left<V>(offsets.extent[0], i);
        const bucket_frame<V> frame(priors.template at<V>(i, count), coder.scale_factor, coder.num_buckets);
        const box<V> b = boxes.template at<V>(i, count);
        const V side_of_box[4] = {b.x1, b.x2, b.y1, b.y2};
        const V zero(T(0));
        const V one(T(1));
        const int m = coder.side_num();
        const auto put = [&](V x, const view<T, 2>& to, index column) {
            store(x, &to(i, column), to.stride[0], count);
        };
        for (int side = 0; side < 4; ++side) {
            const auto offset = [&](int j) {
                return (frame.center(side, V(static_cast<T>(j))) - side_of_box[side]) / frame.size(side);
            };
            for (int j = 0; j < m; ++j) {
                const V o = offset(j);
                const V a = abs(o);
                V nearer = zero;
                for (int k = 0; k < m; ++k) {
                    if (k == j) continue;
                    const V d = abs(offset(k));
                    nearer = nearer + select(k < j ? !(a < d) : d < a, one, zero);
                }
                const auto nearest = nearer == zero;
                const auto taken =
                    nearer < V(static_cast<T>(coder.offset_topk)) && a < V(static_cast<T>(coder.offset_upperbound));
                const index column = index{side} * m + j;
                put(o, offsets, column);
                put(select(nearest || taken, one, zero), offset_weights, column);
                put(select(nearest, one, zero), labels, column);
                put(select(!nearest && a < one, coder.cls_ignore_neighbor ? zero : one, one), weights, column);
            }
        }
    }
};

/// The bucket of the largest score of a side, as a number, and its offset.
template <class V>
struct chosen_bucket {
    V number, offset, confidence;
};

template <class V, class P, bool Gradient>
struct bucket_decode_kernel {
    using T = scalar_t<V>;
    bucketing coder;
    P priors;
    view<const T, 2> scores, offsets, upstream;
    view<T, 2> out;  // boxes, or the gradient of offsets
    view<T, 1> confidence;
    image_shape border;
    bool clipped;

    BOXGRAD_FN void operator()(index n) const {
        const index i = n * width_v<V>;
        const int count = rows_left<V>(out.extent[0], i);
        const bucket_frame<V> frame(priors.template at<V>(i, count), coder.scale_factor, coder.num_buckets);
        using D = dual<V, 4>;
        const int m = coder.side_num();
        chosen_bucket<V> best[4];
        D side[4];
        for (int s = 0; s < 4; ++s) {
            best[s] = choose(i, count, index{s} * m, m);
            const D o = D::variable(best[s].offset, s);
            side[s] = D(frame.center(s, best[s].number)) - product(o, D(frame.size(s)));
        }
        const box<D> sides{side[0], side[2], side[1], side[3]};
        const box<D> b = clipped ? clip(sides, border) : sides;
        if constexpr (Gradient) {
            const auto u = load_fields<V, 4>(upstream, i, count);
            const V slope[4] = {u[0] * b.x1.partial[0], u[2] * b.x2.partial[1], u[1] * b.y1.partial[2],
                                u[3] * b.y2.partial[3]};
            for (int s = 0; s < 4; ++s) {
                for (int j = 0; j < m; ++j) {
                    const V g = select(best[s].number == V(static_cast<T>(j)), slope[s], V(T(0)));
                    store(g, &out(i, index{s} * m + j), out.stride[0], count);
                }
            }
        } else {
            store_fields<V, 4>(fields<V, 4>{{b.x1.value, b.y1.value, b.x2.value, b.y2.value}}, out, i, count);
            const V sum = (best[0].confidence + best[1].confidence) + (best[2].confidence + best[3].confidence);
            store(sum * V(T(0.25)), &confidence(i), confidence.stride[0], count);
        }
    }

private:
    BOXGRAD_FN chosen_bucket<V> choose(index i, int count, index first, int m) const {
        const auto at = [&](const view<const T, 2>& v, int j) { return load<V>(&v(i, first + j), v.stride[0], count); };
        const V one(T(1));
        V largest = at(scores, 0);
        V second(-infinity<T>);
        V number(T(0));
        V runner_up(T(-2));
        V offset = at(offsets, 0);
        for (int j = 1; j < m; ++j) {
            const V s = at(scores, j);
            const V here(static_cast<T>(j));
            const auto better = largest < s;
            const auto next = !better && second < s;
            second = select(better, largest, select(next, s, second));
            runner_up = select(better, number, select(next, here, runner_up));
            largest = select(better, s, largest);
            number = select(better, here, number);
            offset = select(better, at(offsets, j), offset);
        }
        V sum(T(0));
        for (int j = 0; j < m; ++j) sum = sum + exp(at(scores, j) - largest);
        const auto beside = abs(number - runner_up) == one;
        return {number, offset, select(beside, one + exp(second - largest), one) / sum};
    }
};

inline void check_bucketing(const char* op, const bucketing& c) {
    if (c.num_buckets < 1) raise(config_error(complaint(op, "num_buckets", "positive", std::to_string(c.num_buckets))));
    if (c.offset_topk < 1 || c.offset_topk > c.side_num()) {
        raise(config_error(complaint(op, "offset_topk", "in [1, " + std::to_string(c.side_num()) + "]",
                                     std::to_string(c.offset_topk))));
    }
    if (!(c.scale_factor > 0 && c.scale_factor < infinity<double>)) {
        raise(config_error(complaint(op, "scale_factor", "positive", std::to_string(c.scale_factor))));
    }
}

template <class B>
using bucket_tensor = tensor_t<B, typename B::scalar, 2>;

/// Priors, scores and offsets of a decode, checked.
template <bool Gradient, class B, class X, class Y, class Z>
auto bucket_decoder(const B& b, const char* op, const bucketing& coder, const X& priors, const Y& scores,
                    const Z& offsets, image_shape border) {
    using V = lanes_t<B>;
    check_bucketing(op, coder);
    const auto p = box_source(b, priors, op, "priors");
    const auto s = as_const_view<2>(b, scores, op, "cls_preds");
    const auto o = as_const_view<2>(b, offsets, op, "offset_preds");
    check_shape(op, "cls_preds", {p.size(), index{4} * coder.side_num()}, s.extent);
    check_shape(op, "offset_preds", s.extent, o.extent);
    const image_shape image = within(coder, border);
    return bucket_decode_kernel<V, std::remove_const_t<decltype(p)>, Gradient>{
        coder, p, s, o, {}, {}, {}, image, is_bounded(image)};
}

}  // namespace detail

/// What a network should predict for boxes [N, 4] against priors [N, 4] or a row source. Throws
/// shape_error, config_error.
template <backend B, boxes_for<B> X, boxes_for<B> Y>
bucketing_targets<detail::bucket_tensor<B>> encode(const B& b, const bucketing& coder, const X& priors,
                                                   const Y& boxes) {
    using V = lanes_t<B>;
    const char* op = "coder::encode";
    detail::check_bucketing(op, coder);
    const auto p = box_source(b, priors, op, "priors");
    const auto x = box_source(b, boxes, op, "boxes");
    check_shape<2>(op, "boxes", {{p.size(), 4}}, {{x.size(), 4}});
    const extents<2> e{{p.size(), index{4} * coder.side_num()}};
    const auto make = [&] { return b.template make<typename B::scalar, 2>(e); };
    bucketing_targets<detail::bucket_tensor<B>> r{make(), make(), make(), make()};
    const auto see = [&](auto& t) { return as_view<2>(b, t, op, "out"); };
    b.for_each(packs_of<V>(p.size()),
               detail::bucket_encode_kernel<V, std::remove_const_t<decltype(p)>, std::remove_const_t<decltype(x)>>{
                   coder, p, x, see(r.offsets), see(r.offset_weights), see(r.bucket_labels), see(r.bucket_weights)});
    return r;
}

/// Boxes and confidences from scores (before the softmax) and offsets, [N, 4·n] each. Throws shape_error,
/// config_error.
template <backend B, boxes_for<B> X, readable_tensor<B, typename B::scalar, 2> Y,
          readable_tensor<B, typename B::scalar, 2> Z>
auto decode(const B& b, const bucketing& coder, const X& priors, const Y& cls_preds, const Z& offset_preds,
            image_shape border = {}) {
    using T = typename B::scalar;
    const char* op = "coder::decode";
    auto k = detail::bucket_decoder<false>(b, op, coder, priors, cls_preds, offset_preds, border);
    const index n = k.priors.size();
    bucketing_boxes<tensor_t<B, T, 2>, tensor_t<B, T, 1>> r{b.template make<T, 2>(extents<2>{{n, 4}}),
                                                            b.template make<T, 1>(extents<1>{{n}})};
    k.out = as_view<2>(b, r.boxes, op, "boxes");
    k.confidence = as_view<1>(b, r.confidence, op, "confidence");
    b.for_each(packs_of<lanes_t<B>>(n), k);
    return r;
}

/// The gradient of Σ upstream·boxes, upstream [N, 4], with respect to the offsets [N, 4·n]. Throws
/// shape_error, config_error.
template <backend B, boxes_for<B> X, readable_tensor<B, typename B::scalar, 2> Y,
          readable_tensor<B, typename B::scalar, 2> Z, readable_tensor<B, typename B::scalar, 2> U>
auto decode_gradient(const B& b, const bucketing& coder, const X& priors, const Y& cls_preds, const Z& offset_preds,
                     const U& upstream, image_shape border = {}) {
    const char* op = "coder::decode_gradient";
    auto k = detail::bucket_decoder<true>(b, op, coder, priors, cls_preds, offset_preds, border);
    k.upstream = as_const_view<2>(b, upstream, op, "upstream");
    check_shape(op, "upstream", {k.priors.size(), 4}, k.upstream.extent);
    auto out = b.template make<typename B::scalar, 2>(k.scores.extent);
    k.out = as_view<2>(b, out, op, "out");
    b.for_each(packs_of<lanes_t<B>>(k.priors.size()), k);
    return out;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::coder
