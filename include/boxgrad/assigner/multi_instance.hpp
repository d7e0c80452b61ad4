// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/max_iou.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// What `multi_instance` says of every prior of a batch: K instances each, best first.
template <backend B>
struct multi_instance_result {
    tensor_t<B, std::int32_t, 3> truth;  ///< [B, N, K] row of the truth, or background, ignored
    tensor_t<B, typename B::scalar, 3>
        overlap;                         ///< [B, N, K] with the K truths of largest overlap, 0 where there are fewer
    std::vector<index> positives;        ///< instances of each image
    std::vector<index> truth_positives;  ///< per truth, in the caller's order
    index nonfinite_priors = 0;
    index dropped_truths = 0;
};

namespace detail {

/// The most instances of a prior.
inline constexpr int max_instances = 4;

template <class V, class S, class O>
struct multi_instance_kernel {
    using T = scalar_t<V>;
    S priors;
    O overlap;
    boxgrad::detail::truth_view<T> truths;
    T pos_iou_thr, neg_iou_thr;
    view<std::int32_t, 3> truth;
    view<T, 3> best;
    view<std::int32_t, 2> insane;  // [B, N]

    BOXGRAD_FN void operator()(index item) const {
        const index packs = packs_of<V>(truth.extent[1]);
        const index b = item / packs;
        const index i = item % packs * width_v<V>;
        const int count = rows_left<V>(truth.extent[1], i);
        const int instances = static_cast<int>(truth.extent[2]);
        const box<V> p = priors.template at<V>(b, i, count);
        const mask_t<V> sane = is_sane(p);
        const V lowest(-number_traits<T>::largest);
        V most[max_instances];
        V which[max_instances];
        for (int k = 0; k < max_instances; ++k) {
            most[k] = lowest;
            which[k] = V(T(-1));
        }
        const index first = truths.offset(b);
        for (index g = first; g < truths.offset(b + 1); ++g) {
            const box<T> t = truths.at(g);
            V o = select(sane, overlap(p, spread<V>(t)), lowest);
            V at(static_cast<T>(g - first));
            for (int k = 0; k < instances; ++k) {  // what is pushed out goes down the list
                const mask_t<V> better = most[k] < o;
                const V down = select(better, most[k], o);
                const V down_at = select(better, which[k], at);
                most[k] = select(better, o, most[k]);
                which[k] = select(better, at, which[k]);
                o = down;
                at = down_at;
            }
        }
        V share(T(0));  // the largest in a region
        for (index r = truths.ignored_offset(b); r < truths.ignored_offset(b + 1); ++r) {
            const box<T> g = truths.region(r);
            share = max(share, overlap::iof{}(p, spread<V>(g)));
        }
        const V zero(T(0));
        for (int k = 0; k < instances; ++k) {
            const V o = select(which[k] >= zero, most[k], zero);
            V s = select(o < V(neg_iou_thr), V(T(background)), V(T(ignored)));
            s = select(share > o && o < V(pos_iou_thr) && share >= V(pos_iou_thr), V(T(ignored)), s);
            s = select(which[k] >= zero && o >= V(pos_iou_thr), which[k], s);
            s = select(sane, s, V(T(background)));
            T lanes[width_v<V>];
            store(s, lanes, 1, width_v<V>);
            for (int l = 0; l < count; ++l) {
                const auto g = static_cast<std::int32_t>(lanes[l]);
                truth(b, i + l, k) = g >= 0 ? truths.row(first + g) : g;
            }
            store(select(sane, o, zero), &best(b, i, k), best.stride[1], count);
        }
        const std::int32_t bits = lane_bits(sane);
        for (int l = 0; l < count; ++l) insane(b, i + l) = (bits >> l & 1) != 0 ? 0 : 1;
    }
};

}  // namespace detail

/// Several truths a prior, for crowds: its K truths of largest overlap, each judged by itself.
///
///     positive    overlap >= pos_iou_thr; ties to the lower truth
///     background  overlap < neg_iou_thr
///     ignored     neither; or not positive, with a larger share of the prior in an ignored region, at least
///                 pos_iou_thr
///
/// Bytes: B·N·(K·(sizeof(T) + 4) + 4). Chu et al., CrowdDet, CVPR 2020, section 3; mmdetection 3.3,
/// MultiInstanceAssigner.
template <overlap::term Overlap = overlap::iou>
struct multi_instance {
    int num_instance = 2;  ///< K, from 1 to 4
    double pos_iou_thr = 0.5;
    double neg_iou_thr = 0.5;  ///< at most pos_iou_thr
    Overlap overlap{};

    /// Assigns a batch. Shapes: priors [N, 4] or a row source, shared by all images, or [B, N, 4]; truths of B
    /// images. Throws shape_error, config_error, gt_error, size_error.
    template <backend B, detail::image_source_for<B> X>
    multi_instance_result<B> assign(const B& b, const X& priors, const truth_list<typename B::scalar>& truths,
                                    bad_truth policy = bad_truth::reject) const {
        using T = typename B::scalar;
        using V = lanes_t<B>;
        const char* op = "multi_instance::assign";
        if (num_instance < 1 || num_instance > detail::max_instances) {
            raise(config_error(complaint(op, "num_instance", "from 1 to " + std::to_string(detail::max_instances),
                                         std::to_string(num_instance))));
        }
        check_finite(op, "pos_iou_thr", pos_iou_thr);
        check_finite(op, "neg_iou_thr", neg_iou_thr);
        if (neg_iou_thr > pos_iou_thr) {
            raise(config_error(complaint(op, "neg_iou_thr", "at most pos_iou_thr " + std::to_string(pos_iou_thr),
                                         std::to_string(neg_iou_thr))));
        }
        const index images = truths.images();
        const auto source = detail::image_boxes(b, priors, images, op, "priors");
        const index n = source.size();
        const auto t = boxgrad::detail::upload_truths(b, op, truths, images, boxgrad::detail::any_label, policy);
        detail::check_sizes(op, images, n, t.size());
        detail::check_truth_numbers(op, t);
        auto truth = b.template make<std::int32_t, 3>(extents<3>{{images, n, num_instance}});
        auto best = b.template make<T, 3>(extents<3>{{images, n, num_instance}});
        auto insane = b.template make<std::int32_t, 2>(extents<2>{{images, n}});
        using K = detail::multi_instance_kernel<V, std::remove_const_t<decltype(source)>, Overlap>;
        b.for_each(images * packs_of<V>(n),
                   K{source, overlap, t.look(b), static_cast<T>(pos_iou_thr), static_cast<T>(neg_iou_thr),
                     as_view<3>(b, truth, op, "scratch"), as_view<3>(b, best, op, "scratch"),
                     as_view<2>(b, insane, op, "scratch")});
        multi_instance_result<B> r{std::move(truth), std::move(best), {}, {}};
        const auto rows = to_host<3>(b, r.truth);
        const auto bad = to_host<2>(b, insane);
        r.positives.assign(static_cast<std::size_t>(images), 0);
        r.truth_positives.assign(static_cast<std::size_t>(truths.size()), 0);
        const auto each = static_cast<std::size_t>(n * num_instance);
        for (std::size_t k = 0; k < rows.size(); ++k) {
            if (rows[k] < 0) continue;
            ++r.positives[k / each];
            ++r.truth_positives[static_cast<std::size_t>(truths.offsets[k / each] + rows[k])];
        }
        for (const std::int32_t x : bad) r.nonfinite_priors += x;
        r.dropped_truths = t.dropped + t.dropped_regions;
        return r;
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
