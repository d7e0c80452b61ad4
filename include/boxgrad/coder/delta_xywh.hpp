// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/coder/coder.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::coder {

/// How decode bounds a code.
enum class delta_clamp {
    both_sides,  ///< |w|, |h| at most |ln wh_ratio_clip|: mmdetection
    above,       ///< w, h at most that: detectron2, torchvision
    center       ///< that, and the centre moves at most ctr_clamp pixels: mmdetection's `add_ctr_clamp` (YOLOF)
};

/// What the published variants of the delta coder count as a pixel.
struct delta_convention {
    int side;    ///< added to every width and height
    int center;  ///< taken from x1 + x2 before it is halved, in decode
    int half;    ///< taken from a decoded width before it is halved
    int border;  ///< taken from the picture's width and height before boxes are clipped
};

namespace detail {

/// The coder's formula with its parameters as T.
template <delta_convention Convention, real T>
struct delta_formula {
    T mean[4]{}, deviation[4]{}, largest{}, reach{};
    bool clamp_below = true;

    template <plain_number V>
    BOXGRAD_FN constexpr xywh<V> encode(const box<V>& p, const box<V>& b) const {
        const V half(T(0.5));
        const V pw = side(p.x1, p.x2);
        const V ph = side(p.y1, p.y2);
        const V dx = ((b.x1 + b.x2) * half - (p.x1 + p.x2) * half) / pw;
        const V dy = ((b.y1 + b.y2) * half - (p.y1 + p.y2) * half) / ph;
        const V dw = log(side(b.x1, b.x2) / pw);
        const V dh = log(side(b.y1, b.y2) / ph);
        return {(dx - V(mean[0])) / V(deviation[0]), (dy - V(mean[1])) / V(deviation[1]),
                (dw - V(mean[2])) / V(deviation[2]), (dh - V(mean[3])) / V(deviation[3])};
    }

    template <number V>
    BOXGRAD_FN constexpr box<V> decode(const box<base_t<V>>& p, const xywh<V>& c) const {
        using P = base_t<V>;
        const P half(T(0.5));
        const P center(T(Convention.center));
        const P pw = side(p.x1, p.x2);
        const P ph = side(p.y1, p.y2);
        V shift_x = product(madd(c.x, V(deviation[0]), V(mean[0])), V(pw));
        V shift_y = product(madd(c.y, V(deviation[1]), V(mean[1])), V(ph));
        V dw = clamp_max(madd(c.w, V(deviation[2]), V(mean[2])), V(largest));
        V dh = clamp_max(madd(c.h, V(deviation[3]), V(mean[3])), V(largest));
        if (clamp_below) {
            dw = clamp_min(dw, V(-largest));
            dh = clamp_min(dh, V(-largest));
        }
        if (reach >= T(0)) {
            shift_x = clamp_max(clamp_min(shift_x, V(-reach)), V(reach));
            shift_y = clamp_max(clamp_min(shift_y, V(-reach)), V(reach));
        }
        const V cx = V((p.x1 + p.x2 - center) * half) + shift_x;
        const V cy = V((p.y1 + p.y2 - center) * half) + shift_y;
        const V w = (product(V(pw), exp(dw)) - V(T(Convention.half))) * V(half);
        const V h = (product(V(ph), exp(dh)) - V(T(Convention.half))) * V(half);
        return {cx - w, cy - h, cx + w, cy + h};
    }

private:
    template <plain_number V>
    BOXGRAD_FN static constexpr V side(const V& from, const V& to) {
        if constexpr (Convention.side == 0) return to - from;
        return to - from + V(T(Convention.side));
    }
};

}  // namespace detail

/// The box coder of the R-CNN family, RetinaNet and SSD: shifts relative to the prior's size, and log
/// ratios of sizes.
///
///     encode   x = (gx - px)/pw    w = ln(gw/pw)        then (d - mean)/std each; y, h likewise
///     decode   d = code·std + mean    gx = px + x·pw    gw = pw·e^w
///     ∂decode  of the corners ∓1/2·gw·std for w, pw·std for x; 0 where a clamp or the border holds
///
/// with centres px, gx and sizes pw, gw in pixels. w and h are bounded at |ln wh_ratio_clip|, on the sides
/// that `clamp` says; a clamp passes the gradient at its bound. detectron2's `weights` are 1 / target_stds,
/// its and torchvision's bound is delta_clamp::above. A prior without size gives infinities or NaN, as the
/// reference's does; a truth without size the code -inf.
///
/// Girshick et al., R-CNN, 2014, equations 1 to 4 and 6 to 9; mmdetection 3.3, DeltaXYWHBBoxCoder.
template <delta_convention Convention = delta_convention{0, 0, 0, 0}>
struct basic_delta_xywh {
    template <class V>
    using prior_of = box<V>;
    template <class V>
    using code_of = xywh<V>;
    static constexpr int border_inset = Convention.border;

    double target_means[4] = {0, 0, 0, 0};
    double target_stds[4] = {1, 1, 1, 1};
    bool clip_border = true;  ///< whether decode clips boxes to a picture that is given
    delta_clamp clamp = delta_clamp::both_sides;
    double ctr_clamp = 32;               ///< pixels, for delta_clamp::center
    double wh_ratio_clip = 16.0 / 1000;  ///< the smallest ratio of sizes, and the inverse of the largest

    /// The formula with its parameters as T. Throws config_error.
    template <real T>
    constexpr detail::delta_formula<Convention, T> prepared() const {
        check_positive("delta_xywh", "wh_ratio_clip", wh_ratio_clip);
        check_parameter("delta_xywh", "ctr_clamp", ctr_clamp >= 0, "not negative", ctr_clamp);
        detail::delta_formula<Convention, T> f{};
        for (int i = 0; i < 4; ++i) {
            check_positive("delta_xywh", "target_stds", target_stds[i]);
            check_finite("delta_xywh", "target_means", target_means[i]);
            f.mean[i] = static_cast<T>(target_means[i]);
            f.deviation[i] = static_cast<T>(target_stds[i]);
        }
        f.largest = static_cast<T>(abs(log(wh_ratio_clip)));
        f.reach = clamp == delta_clamp::center ? static_cast<T>(ctr_clamp) : T(-1);
        f.clamp_below = clamp == delta_clamp::both_sides;
        return f;
    }

    template <plain_number V>
    BOXGRAD_FN constexpr xywh<V> encode(const box<V>& prior, const box<V>& b) const {
        return prepared<scalar_t<V>>().encode(prior, b);
    }
    template <number V>
    BOXGRAD_FN constexpr box<V> decode(const box<base_t<V>>& prior, const xywh<V>& code) const {
        return prepared<scalar_t<V>>().decode(prior, code);
    }
};

using delta_xywh = basic_delta_xywh<>;
/// Of mmdetection 1.x: sides count inclusive pixels; clipped to W - 1. mmdetection 3.3,
/// LegacyDeltaXYWHBBoxCoder, whose decode does not take the pixel back either.
using legacy_delta_xywh = basic_delta_xywh<delta_convention{1, 0, 0, 1}>;
/// mmdetection 3.3, DeltaXYWHBBoxCoderForGLIP: decode takes a pixel from corner sums and sizes.
using glip_delta_xywh = basic_delta_xywh<delta_convention{0, 1, 1, 1}>;
static_assert(box_coder<delta_xywh>);

}  // namespace boxgrad::inline BOXGRAD_ABI::coder
