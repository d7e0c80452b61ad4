// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/coder/coder.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::coder {

/// The box coder of YOLOv5 and v7, from raw outputs: a place less than a stride from the prior's centre, a size
/// of less than four times the prior's.
///
///     decode   gx = px + (2·σ(x) - 1)·s           gw = pw·(2·σ(w))²            y, h likewise
///     encode   x = logit(((gx - px)/s + 1)/2)     w = logit(√(gw/pw)/2)
///
/// with centres px, gx, sizes pw, gw and the stride s, in pixels. What decode cannot reach is encoded as
/// the nearest that it can: probabilities are kept in [eps, 1 - eps]. Priors [N, 4] share `stride`; [N, 5]
/// have theirs in the last column.
///
/// Wang et al., Scaled-YOLOv4, CVPR 2021, section 4 (the exponential replaced); encode is its inverse.
struct yolov5 {
    template <class V>
    using prior_of = strided_box<V>;
    template <class V>
    using code_of = xywh<V>;

    double stride = 1;  ///< pixels a cell
    double eps = 1e-6;  ///< of a probability

    constexpr void check() const {
        check_parameter("yolov5", "stride", stride > 0 && stride < infinity<double>, "positive", stride);
        check_parameter("yolov5", "eps", eps > 0 && eps < 0.5, "in (0, 1/2)", eps);
    }

    template <plain_number V>
    BOXGRAD_FN constexpr xywh<V> encode(const strided_box<V>& prior, const box<V>& b) const {
        using T = scalar_t<V>;
        const box<V>& p = prior.box;
        const V half(T(0.5));
        const V one(T(1));
        const V low(static_cast<T>(eps));
        const V high(static_cast<T>(1 - eps));
        const auto logit = [&](V q) {
            const V s = clamp_max(clamp_min(q, low), high);
            return log(s / (one - s));
        };
        const auto place = [&](V g, V q) { return logit(((g - q) * half / prior.stride + one) * half); };
        const auto size = [&](V g, V q) { return logit(sqrt(clamp_min(g / q, V(T(0)))) * half); };
        return {place(b.x1 + b.x2, p.x1 + p.x2), place(b.y1 + b.y2, p.y1 + p.y2), size(b.width(), p.width()),
                size(b.height(), p.height())};
    }

    template <number V>
    BOXGRAD_FN constexpr box<V> decode(const strided_box<base_t<V>>& prior, const xywh<V>& c) const {
        using T = scalar_t<V>;
        const auto& p = prior.box;
        const base_t<V> half(T(0.5));
        const V one(T(1));
        const V two(T(2));
        const auto size = [&](const base_t<V>& side, const V& raw) {
            const V q = two * sigmoid(raw);
            return product(V(side * half), q * q);
        };
        const V cx = madd(two * sigmoid(c.x) - one, V(prior.stride), V((p.x1 + p.x2) * half));
        const V cy = madd(two * sigmoid(c.y) - one, V(prior.stride), V((p.y1 + p.y2) * half));
        const V w = size(p.width(), c.w);
        const V h = size(p.height(), c.h);
        return {cx - w, cy - h, cx + w, cy + h};
    }
};
static_assert(box_coder<yolov5>);

}  // namespace boxgrad::inline BOXGRAD_ABI::coder
