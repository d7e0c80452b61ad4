// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/max_iou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

namespace detail {

/// The most approximations of a prior.
inline constexpr int max_approxs = 16;

/// A prior that stands for several boxes.
template <class V>
struct approximated {
    box<V> square;
    box<V> approx[max_approxs];
    int size;
};
template <class V>
BOXGRAD_FN constexpr const box<V>& frame_of(const approximated<V>& p) {
    return p.square;
}
template <plain_number V>
BOXGRAD_FN constexpr mask_t<V> is_sane(const approximated<V>& p) {
    mask_t<V> sane = boxgrad::is_sane(p.square);
    for (int a = 0; a < p.size; ++a) sane = sane && boxgrad::is_sane(p.approx[a]);
    return sane;
}

/// Squares of every image with their approximations [N, A, 4].
template <class S, class T>
struct approximated_images {
    S squares;
    view<const T, 3> approxs;

    BOXGRAD_FN constexpr index size() const { return squares.size(); }
    template <plain_number V>
    BOXGRAD_FN approximated<V> at(index b, index i, int count) const {
        approximated<V> p{};
        p.square = squares.template at<V>(b, i, count);
        p.size = static_cast<int>(approxs.extent[1]);
        for (int a = 0; a < p.size; ++a) {
            const view<const T, 2> rows(&approxs(0, a, 0), {{approxs.extent[0], 4}},
                                        {{approxs.stride[0], approxs.stride[2]}});
            p.approx[a] = load_boxes<V>(rows, i, count);
        }
        return p;
    }
};

/// The largest overlap of an approximation with the truth.
template <class O>
struct largest_of_approxs {
    O overlap;

    template <plain_number V>
    BOXGRAD_FN V operator()(const approximated<V>& p, const box<V>& truth) const {
        V o = overlap(p.approx[0], truth);
        for (int a = 1; a < p.size; ++a) o = max(o, overlap(p.approx[a], truth));
        return o;
    }
};

}  // namespace detail

/// max_iou for priors of which each stands for several boxes: guided anchoring's squares, whose shape is
/// still to be predicted.
///
///     overlap(i, g) = max over a of overlap(approx a of prior i, truth g)
///
/// Shares in ignored regions are those of the squares. All else, memory included, is as in `max_iou`.
///
/// Wang et al., Guided Anchoring, CVPR 2019, section 3.4; mmdetection 3.3, ApproxMaxIoUAssigner.
template <overlap::term Overlap = overlap::iou>
struct approx_max_iou {
    max_iou<Overlap> matching{};

    /// Assigns a batch. Shapes: approxs [N, A, 4] with A from 1 to 16; squares [N, 4] or a row source, both
    /// shared by all images (squares may be [B, N, 4]). Throws shape_error, config_error, gt_error, size_error.
    template <backend B, readable_tensor<B, typename B::scalar, 3> A, detail::image_source_for<B> X>
    result<B> assign(const B& b, const A& approxs, const X& squares, const truth_list<typename B::scalar>& truths,
                     bad_truth policy = bad_truth::reject) const {
        const char* op = "approx_max_iou::assign";
        matching.check(op);
        const auto s = detail::image_boxes(b, squares, truths.images(), op, "squares");
        const auto a = as_const_view<3>(b, approxs, op, "approxs");
        check_shape(op, "approxs", {s.size(), any_extent, 4}, a.extent);
        if (a.extent[1] < 1 || a.extent[1] > detail::max_approxs) {
            raise(shape_error(complaint(op, "approxs", "[N, 1 to " + std::to_string(detail::max_approxs) + ", 4]",
                                        to_string(a.extent))));
        }
        using S = detail::approximated_images<std::remove_const_t<decltype(s)>, typename B::scalar>;
        return matching.match(b, op, S{s, a}, detail::largest_of_approxs<Overlap>{matching.overlap}, truths, policy);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
