// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/states.hpp>
#include <boxgrad/prior/calc_region.hpp>
#include <boxgrad/prior/grid.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// A flag for each prior: [N], which all images share, or [B, N].
template <class X, class B>
concept flags_for = readable_tensor<X, B, std::uint8_t, 1> || readable_tensor<X, B, std::uint8_t, 2>;

/// x as [B, N]; flags that are shared have stride 0 across images. Throws shape_error.
template <class B, class X>
view<const std::uint8_t, 2> image_flags(const B& b, const X& x, index images, index priors, const char* op) {
    const auto shared = [&](const view<const std::uint8_t, 1>& v) {
        check_shape(op, "valid_flags", {priors}, v.extent);
        return view<const std::uint8_t, 2>(v.data, {{images, priors}}, {{0, v.stride[0]}});
    };
    const auto own = [&](const view<const std::uint8_t, 2>& v) {
        check_shape(op, "valid_flags", {images, priors}, v.extent);
        return v;
    };
    using V = std::remove_const_t<decltype(look_at(b, x))>;
    if constexpr (!is_view<V>::value) {
        return look_at(b, x).rank == 1 ? shared(as_const_view<1>(b, x, op, "valid_flags"))
                                       : own(as_const_view<2>(b, x, op, "valid_flags"));
    } else if constexpr (V::rank == 1) {
        return shared(as_const_view<1>(b, x, op, "valid_flags"));
    } else {
        return own(as_const_view<2>(b, x, op, "valid_flags"));
    }
}

/// What the cells ask of a truth, row by row: its level, then regions of four bounds, all inclusive.
struct region_places {
    static constexpr int center = 1;  ///< on its level
    static constexpr int around = 5;  ///< on the level below, its own, the level above
    static constexpr std::size_t rows = 17;
};

template <class V, class Priors>
struct region_kernel {
    using T = scalar_t<V>;
    Priors priors;
    boxgrad::detail::truth_view<T> truths;
    view<const std::uint8_t, 2> valid;
    view<const std::int32_t, 2> places;  // [region_places::rows, G]
    view<const T, 2> pictures;           // [B, 2] = width, height
    per_level<featmap_size> sizes;
    per_level<T> strides;
    T border, ignore_iof_thr;
    view<std::int32_t, 2> truth;

    BOXGRAD_FN void operator()(index n) const {
        const index packs = packs_of<V>(priors.size());
        const index b = n / packs;
        const index i = n % packs * width_v<V>;
        const int count = rows_left<V>(priors.size(), i);
        const box<V> p = priors.template at<V>(b, i, count);
        const std::int32_t free =
            write_states<V>(truth, b, i, count, boxgrad::is_sane(p), is_ignored(truths, b, p, ignore_iof_thr));
        const V edge(border);
        const std::int32_t inside = lane_bits(p.x1 >= -edge && p.y1 >= -edge && p.x2 < V(pictures(b, 0)) + edge &&
                                              p.y2 < V(pictures(b, 1)) + edge);
        for (int l = 0; l < count; ++l) {
            if ((free >> l & 1) == 0) continue;
            const bool is_valid = valid(b, i + l) != 0 && (border < T(0) || (inside >> l & 1) != 0);
            truth(b, i + l) = is_valid ? state(b, i + l) : ignored;
        }
    }

private:
    BOXGRAD_FN std::int32_t state(index b, index i) const {
        const box<T> p = priors.template at<T>(b, i, 1);
        int level = 0;
        while (i >= sizes[level].cells()) i -= sizes[level++].cells();
        const T stride = strides[level];
        const T x = (p.x1 / stride + p.x2 / stride) * T(0.5);
        const T y = (p.y1 / stride + p.y2 / stride) * T(0.5);
        std::int32_t s = background;
        for (index g = truths.offset(b); g < truths.offset(b + 1); ++g) {
            const int beside = level - places(0, g);
            if (beside < -1 || beside > 1) continue;
            const bool around = holds(region_places::around + 4 * (beside + 1), g, x, y);
            if (beside != 0) {
                if (around) return ignored;
            } else if (holds(region_places::center, g, x, y)) {
                s = static_cast<std::int32_t>(g - truths.offset(b));
            } else if (around) {
                s = ignored;
            }
        }
        return s;
    }
    BOXGRAD_FN bool holds(int at, index g, T x, T y) const {
        const auto bound = [&](int k) { return static_cast<T>(places(at + k, g)); };
        return bound(0) <= x && bound(1) <= y && x <= bound(2) && y <= bound(3);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
