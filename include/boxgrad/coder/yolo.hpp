// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/coder/yolox.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::coder {

/// The box coder of YOLOv3. Codes x and y are probabilities: the network's sigmoid is applied before.
///
///     encode   x = min(max((gx - px)/s + 1/2, eps), 1 - eps)    w = ln(max(gw/pw, eps))
///     decode   gx = px + (x - 1/2)·s                            gw = pw·e^w            y, h likewise
///
/// with centres px, gx, sizes pw, gw and the stride s, in pixels. Priors [N, 4] share `stride`; [N, 5] have
/// theirs in the last column. A log size beyond yolox::largest_log_size saturates, gradient 0 (promise P8).
///
/// Redmon and Farhadi, YOLOv3, 2018, section 2.1; mmdetection 3.3, YOLOBBoxCoder.
struct yolo {
    template <class V>
    using prior_of = strided_box<V>;
    template <class V>
    using code_of = xywh<V>;

    double stride = 1;  ///< pixels a cell
    double eps = 1e-6;

    constexpr void check() const {
        check_parameter("yolo", "stride", stride > 0 && stride < infinity<double>, "positive", stride);
        check_parameter("yolo", "eps", eps > 0 && eps < 0.5, "in (0, 1/2)", eps);
    }

    template <plain_number V>
    BOXGRAD_FN constexpr xywh<V> encode(const strided_box<V>& prior, const box<V>& b) const {
        using T = scalar_t<V>;
        const box<V>& p = prior.box;
        const V half(T(0.5));
        const V low(static_cast<T>(eps));
        const V high(static_cast<T>(1 - eps));
        const auto place = [&](V g, V q) {
            return clamp_max(clamp_min((g - q) * half / prior.stride + half, low), high);
        };
        return {place(b.x1 + b.x2, p.x1 + p.x2), place(b.y1 + b.y2, p.y1 + p.y2),
                log(clamp_min(b.width() / p.width(), low)), log(clamp_min(b.height() / p.height(), low))};
    }

    template <number V>
    BOXGRAD_FN constexpr box<V> decode(const strided_box<base_t<V>>& prior, const xywh<V>& c) const {
        using T = scalar_t<V>;
        constexpr T largest = yolox::largest_log_size<T>;
        const auto& p = prior.box;
        const base_t<V> half_base(T(0.5));
        const V half(half_base);
        const V cx = madd(c.x - half, V(prior.stride), V((p.x1 + p.x2) * half_base));
        const V cy = madd(c.y - half, V(prior.stride), V((p.y1 + p.y2) * half_base));
        const V w = product(V(p.width() * half_base), exp(clamp_max(c.w, V(largest))));
        const V h = product(V(p.height() * half_base), exp(clamp_max(c.h, V(largest))));
        return {cx - w, cy - h, cx + w, cy + h};
    }
};
static_assert(box_coder<yolo>);

}  // namespace boxgrad::inline BOXGRAD_ABI::coder
