// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// The steps of YOLOX's loss, each callable alone, for inspection, for tests, and for inference. The
/// loss itself stores none of these tensors.

#include <boxgrad/core/truths.hpp>
#include <boxgrad/head/detail/step_kernels.hpp>
#include <boxgrad/head/yolox_loss.hpp>
#include <boxgrad/prior/mlvl_point_generator.hpp>
#include <boxgrad/sampler/pseudo.hpp>

namespace boxgrad::inline BOXGRAD_ABI::yolox {

namespace detail {

template <class B>
using scene = head::detail::yolox_scene<lanes_t<B>, assigner::class_cost::bce>;

template <class B, class H>
scene<B> scene_of(const B& b, const char* op, const H& h, const per_level<stride>& strides,
                  const coder::yolox& coder) {
    if (std::size(h.classes) == 0) raise(shape_error(complaint(op, "classes", "at least one level", "none")));
    const auto first = as_view<4>(b, *std::begin(h.classes), op, "classes.0");
    return {head::detail::look_at_head<const typename B::scalar>(b, op, h, strides.size(), first.extent[1]),
            strides, coder};
}

}  // namespace detail

/// Levels [B, C, H, W] as one tensor [B, N, C], priors level by level, row by row.
template <backend B, class Levels>
auto flatten_levels(const B& b, const Levels& levels) {
    using T = typename B::scalar;
    const char* op = "yolox::flatten_levels";
    std::vector<view<const T, 4>> views;
    index priors = 0;
    for (const auto& level : levels) {
        views.push_back(as_const_view<4>(b, level, op, "level"));
        const auto& e = views.back().extent;
        check_shape(op, "level", {{views.front().extent[0], views.front().extent[1], any_extent, any_extent}}, e);
        priors += e[2] * e[3];
    }
    if (views.empty()) raise(shape_error(complaint(op, "levels", "at least one level", "none")));
    const index images = views.front().extent[0];
    auto out = b.template make<T, 3>(extents<3>{{images, priors, views.front().extent[1]}});
    const auto o = as_view<3>(b, out, op, "out");
    index first = 0;
    for (const auto& v : views) {
        const index cells = v.extent[2] * v.extent[3];
        b.for_each(images * cells, head::detail::flatten_kernel<T>{v, o, first});
        first += cells;
    }
    return out;
}

/// Every decoded box, x1 y1 x2 y2 in pixels. Shapes: a head -> [B, N, 4].
template <backend B, readable_head<B> H>
auto decode(const B& b, const H& h, const per_level<stride>& strides, const coder::yolox& coder = {}) {
    const auto s = detail::scene_of(b, "yolox::decode", h, strides, coder);
    auto out = b.template make<typename B::scalar, 3>(extents<3>{{s.images(), s.priors(), 4}});
    b.for_each(s.images() * s.chunks(),
               head::detail::decode_kernel<detail::scene<B>>{s, as_view<3>(b, out, "yolox::decode", "out")});
    return out;
}

/// The priors of all levels, [N, 4] = x, y, stride across, stride down: corners of cells for decoding
/// (offset 0) or centres for assignment (offset 0.5).
template <backend B, readable_head<B> H>
auto priors(const B& b, const H& h, const per_level<stride>& strides, double offset = 0) {
    const auto s = detail::scene_of(b, "yolox::priors", h, strides, {});
    const prior::with_strides grid{{strides, offset}};
    auto out = b.template make<typename B::scalar, 2>(extents<2>{{s.priors(), 4}});
    const auto all = as_view<2>(b, out, "yolox::priors", "out");
    index first = 0;
    for (int l = 0; l < strides.size(); ++l) {
        const auto& e = s.head.level[l].objectness.extent;
        auto rows = all;
        rows.data += first * all.stride[0];
        rows.extent[0] = e[2] * e[3];
        prior::fill(b, grid, rows, {e[2], e[3]}, l);
        first += rows.extent[0];
    }
    return out;
}

/// What a head detects in one image, before non-maximum suppression, in the order of priors.
template <backend B>
struct detections {
    tensor_t<B, typename B::scalar, 2> boxes;   ///< [K, 4]
    tensor_t<B, typename B::scalar, 1> scores;  ///< [K] σ(best class)·σ(objectness)
    tensor_t<B, std::int64_t, 1> labels;        ///< [K] ties to the lower class
};

/// The detections of every image whose score reaches the threshold.
template <backend B, readable_head<B> H>
std::vector<detections<B>> predict(const B& b, const H& h, const per_level<stride>& strides,
                                   double score_threshold, const coder::yolox& coder = {}) {
    using T = typename B::scalar;
    const char* op = "yolox::predict";
    const auto s = detail::scene_of(b, op, h, strides, coder);
    const index n = s.priors();
    auto scores = b.template make<T, 2>(extents<2>{{s.images(), n}});
    auto labels = b.template make<std::int64_t, 2>(extents<2>{{s.images(), n}});
    b.for_each(s.images() * s.chunks(),
               head::detail::score_kernel<detail::scene<B>>{s, as_view<2>(b, scores, op, "scores"),
                                                            as_view<2>(b, labels, op, "labels")});
    auto boxes = decode(b, h, strides, coder);
    const auto all = as_const_view<3>(b, boxes, op, "boxes");
    const auto score = as_const_view<2>(b, scores, op, "scores");
    const auto label = as_const_view<2>(b, labels, op, "labels");
    const auto host = to_host<2>(b, scores);
    std::vector<detections<B>> out;
    for (index i = 0; i < s.images(); ++i) {
        std::vector<index> kept;
        for (index k = 0; k < n; ++k) {
            if (host[static_cast<std::size_t>(i * n + k)] >= static_cast<T>(score_threshold)) kept.push_back(k);
        }
        const auto rows = from_host(b, extents<1>{{static_cast<index>(kept.size())}}, kept.data());
        const view<const T, 2> image_boxes(all.data + i * all.stride[0], extents<2>{{n, 4}},
                                           extents<2>{{all.stride[1], all.stride[2]}});
        const auto row_of = [&](const auto& v) {
            using E = typename std::remove_cvref_t<decltype(v)>::element;
            return view<E, 1>(v.data + i * v.stride[0], extents<1>{{n}}, extents<1>{{v.stride[1]}});
        };
        out.push_back({sampler::gather_rows(b, image_boxes, rows), sampler::gather_rows(b, row_of(score), rows),
                       sampler::gather_rows(b, row_of(label), rows)});
    }
    return out;
}

/// The targets of one image: P positives, N priors, C classes.
template <backend B>
struct targets {
    tensor_t<B, std::uint8_t, 1> foreground_mask;      ///< [N]
    tensor_t<B, typename B::scalar, 2> classes;        ///< [P, C] the overlap at the label
    tensor_t<B, typename B::scalar, 1> objectness;     ///< [N]
    tensor_t<B, typename B::scalar, 1> objectness_weight;  ///< [N] 0 in ignored regions, else 1
    tensor_t<B, typename B::scalar, 2> boxes;          ///< [P, 4] x1 y1 x2 y2
    tensor_t<B, typename B::scalar, 2> l1;             ///< [P, 4] encoded boxes
    index num_pos = 0;                                 ///< P
};

/// The targets that the loss uses for image `image`, after `loss.count`.
template <backend B, class Loss, readable_head<B> H>
targets<B> targets_of(const B& b, const Loss& loss, const H& h, const yolox_count<B>& counted, index image) {
    using T = typename B::scalar;
    const char* op = "yolox::targets_of";
    const auto s = detail::scene_of(b, op, h, loss.strides, loss.coder);
    if (image < 0 || image >= s.images()) {
        raise(shape_error(complaint(op, "image", "in [0, " + std::to_string(s.images()) + ")", std::to_string(image))));
    }
    const auto& m = counted.matching;
    const index p = m.result.positives[static_cast<std::size_t>(image)];
    const auto truth = as_const_view<2>(b, m.result.truth, op, "assignment");
    check_shape(op, "assignment", {{s.images(), s.priors()}}, truth.extent);
    targets<B> t{b.template make<std::uint8_t, 1>(extents<1>{{s.priors()}}),
                 b.template make<T, 2>(extents<2>{{p, loss.classes}}),
                 b.template make<T, 1>(extents<1>{{s.priors()}}),
                 b.template make<T, 1>(extents<1>{{s.priors()}}),
                 b.template make<T, 2>(extents<2>{{p, 4}}),
                 b.template make<T, 2>(extents<2>{{p, 4}}),
                 p};
    b.for_each(s.priors(), head::detail::foreground_kernel<T>{truth, image, as_view<1>(b, t.foreground_mask, op, "mask"),
                                                              as_view<1>(b, t.objectness, op, "objectness"),
                                                              as_view<1>(b, t.objectness_weight, op, "weight")});
    b.for_each(p, head::detail::target_kernel<T>{
                      s.head, loss.strides, loss.coder, counted.truths.look(b),
                      as_const_view<2>(b, m.positive_prior, op, "positives"),
                      as_const_view<2>(b, m.positive_truth, op, "positives"),
                      as_const_view<2>(b, m.result.overlap, op, "overlap"), image,
                      as_view<2>(b, t.classes, op, "classes"), as_view<2>(b, t.boxes, op, "boxes"),
                      as_view<2>(b, t.l1, op, "l1")});
    return t;
}

/// The assigned priors of one image as a sampling result, as the reference hands them on.
template <backend B, readable_head<B> H, readable_tensor<B, typename B::scalar, 2> Y,
          readable_tensor<B, std::int64_t, 1> L>
auto sample(const B& b, const H& h, const per_level<stride>& strides, const assigner::result<B>& assignment,
            index image, const Y& boxes, const L& labels) {
    const auto grid = priors(b, h, strides);
    const auto truth = as_const_view<2>(b, assignment.truth, "yolox::sample", "assignment");
    const view<const std::int32_t, 1> row(truth.data + image * truth.stride[0], extents<1>{{truth.extent[1]}},
                                          extents<1>{{truth.stride[1]}});
    return sampler::pseudo{}.sample(b, row, grid, boxes, labels);
}

/// YOLOX's L1 target: `coder::encode` under the name that the reference gives it.
template <backend B, readable_tensor<B, typename B::scalar, 2> X, readable_tensor<B, typename B::scalar, 2> Y>
auto l1_target(const B& b, const X& positive_priors, const Y& positive_boxes, const coder::yolox& coder = {}) {
    return coder::encode(b, coder, positive_priors, positive_boxes);
}

}  // namespace boxgrad::inline BOXGRAD_ABI::yolox
