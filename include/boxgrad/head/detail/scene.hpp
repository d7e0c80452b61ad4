// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/scene.hpp>
#include <boxgrad/coder/yolox.hpp>

namespace boxgrad::inline BOXGRAD_ABI::head::detail {

using assigner::detail::chunk;

/// Where the lanes of a chunk lie within a plane [H, W] of any strides. One plane's addresses serve
/// every channel.
template <std::size_t Width>
struct lane_offsets {
    index start = 0, step = 0;  ///< step 0: the lanes are addressed one by one
    index each[Width]{};        ///< set where step is 0

    lane_offsets() = default;

    template <class T>
    BOXGRAD_FN lane_offsets(const view<T, 4>& v, index cell, int count) {
        const index columns = v.extent[3];
        const bool flat = columns == 1 || v.extent[2] == 1 || v.stride[2] == columns * v.stride[3];
        if (flat) {
            step = columns == 1 ? v.stride[2] : v.stride[3];
            start = cell * step;
            if (count == 1 && step == 0) step = 1;
            return;
        }
        index y = cell / columns;
        index x = cell % columns;
        for (int l = 0; l < count; ++l) {
            each[l] = y * v.stride[2] + x * v.stride[3];
            if (++x == columns) {
                x = 0;
                ++y;
            }
        }
    }
    template <class V, class T>
    BOXGRAD_FN V read(const T* plane, int count) const {
        if (step != 0) return load<V>(plane + start, step, count);
        std::remove_const_t<T> buffer[Width];
        for (int l = 0; l < static_cast<int>(Width); ++l) buffer[l] = plane[each[l < count ? l : 0]];
        return load<V>(buffer, 1, width_v<V>);
    }
    template <class V, class T>
    BOXGRAD_FN void write(V x, T* plane, int count) const {
        if (step != 0) {
            store(x, plane + start, step, count);
            return;
        }
        T buffer[Width];
        store(x, buffer, 1, width_v<V>);
        for (int l = 0; l < count; ++l) plane[each[l]] = buffer[l];
    }
};

template <class V>
using lanes_at = lane_offsets<static_cast<std::size_t>(width_v<V>)>;

template <class T>
BOXGRAD_FN T* plane(const view<T, 4>& v, index image, index channel) {
    return v.data + image * v.stride[0] + channel * v.stride[1];
}

template <class T>
BOXGRAD_FN void prefetch([[maybe_unused]] const T* p) {
#if !defined(__CUDA_ARCH__)
    __builtin_prefetch(p);
#endif
}

/// The three outputs of a YOLOX head at one level, read or written in place.
template <class T>
struct level_view {
    view<T, 4> classes, boxes, objectness;  // [B, C, H, W], [B, 4, H, W], [B, 1, H, W]

    BOXGRAD_FN index cells() const { return objectness.extent[2] * objectness.extent[3]; }
};

template <class T>
struct head_view {
    per_level<level_view<T>> level;

    BOXGRAD_FN index images() const { return level[0].objectness.extent[0]; }
    BOXGRAD_FN index classes() const { return level[0].classes.extent[1]; }
    BOXGRAD_FN index priors() const {
        index n = 0;
        for (int l = 0; l < level.size(); ++l) n += level[l].cells();
        return n;
    }
    /// Level and cell of a prior.
    BOXGRAD_FN chunk prior(index n) const {
        int l = 0;
        index cell = n;
        while (cell >= level[l].cells()) cell -= level[l++].cells();
        return {n, 1, l, cell};
    }
};

/// YOLOX's predictions as SimOTA's kernels see them. A chunk never straddles two levels.
template <class V, assigner::class_cost C>
struct yolox_scene {
    using T = scalar_t<V>;
    using number = V;

    head_view<const T> head;
    per_level<stride> strides;
    coder::yolox coder;

    BOXGRAD_FN index images() const { return head.images(); }
    BOXGRAD_FN index priors() const { return head.priors(); }
    BOXGRAD_FN static index chunks_of(index cells) { return (cells + width_v<V> - 1) / width_v<V>; }
    BOXGRAD_FN index chunks() const {
        index n = 0;
        for (int l = 0; l < head.level.size(); ++l) n += chunks_of(head.level[l].cells());
        return n;
    }
    BOXGRAD_FN chunk at(index c) const {
        int l = 0;
        index first = 0;
        while (c >= chunks_of(head.level[l].cells())) {
            c -= chunks_of(head.level[l].cells());
            first += head.level[l++].cells();
        }
        const index cell = c * width_v<V>;
        const index left = head.level[l].cells() - cell;
        return {first + cell, left < width_v<V> ? static_cast<int>(left) : width_v<V>, l, cell};
    }
    /// The corner of each cell: what boxes are decoded against.
    BOXGRAD_FN prior::point<V> corners(const chunk& c) const {
        return prior::points_of<V>(c.cell, c.count, head.level[c.level].objectness.extent[3],
                                   strides[c.level], 0.0);
    }
    /// The centre of each cell: what is assigned.
    BOXGRAD_FN prior::point<V> points(index, const chunk& c) const {
        return prior::points_of<V>(c.cell, c.count, head.level[c.level].objectness.extent[3],
                                   strides[c.level], 0.5);
    }
    BOXGRAD_FN coder::xywh<V> code(index image, const chunk& c) const {
        const auto& v = head.level[c.level].boxes;
        const lanes_at<V> at(v, c.cell, c.count);
        const auto channel = [&](int k) { return at.template read<V>(plane(v, image, k), c.count); };
        return {channel(0), channel(1), channel(2), channel(3)};
    }
    BOXGRAD_FN V objectness(index image, const chunk& c) const {
        const auto& v = head.level[c.level].objectness;
        const lanes_at<V> at(v, c.cell, c.count);
        return at.template read<V>(plane(v, image, 0), c.count);
    }
    BOXGRAD_FN box<V> boxes(index image, const chunk& c, mask_t<V>& sane) const {
        const auto raw = code(image, c);
        const box<V> b = coder.decode(corners(c), raw);
        sane = is_sane(b) && is_finite(raw.w) && is_finite(raw.h) && is_finite(objectness(image, c));
        return b;
    }
    /// For n chunks: Σ over classes of the cost of "not this class" where that is wanted, else NaN; infinite
    /// where a logit is not finite. Planes lie far apart, so a few classes of all chunks are fetched while
    /// those before are computed.
    BOXGRAD_FN void all_background(index image, const chunk* c, const bool* wanted, int n, V* out) const {
        using assigner::detail::chunk_group;
        constexpr index ahead = 8;
        const index classes = head.classes();
        const T* first[chunk_group<V>]{};
        index next[chunk_group<V>]{};  // from a class to the next
        lanes_at<V> at[chunk_group<V>];
        assigner::detail::logit_cost<C, V> cost[chunk_group<V>];
        V zero[chunk_group<V>]{};  // stays 0 while all is finite
        for (int i = 0; i < n; ++i) {
            const auto& v = head.level[c[i].level].classes;
            at[i] = lanes_at<V>(v, c[i].cell, c[i].count);
            first[i] = plane(v, image, 0);
            next[i] = v.stride[1];
            zero[i] = V(T(0));
            if (wanted[i]) cost[i] = assigner::detail::logit_cost<C, V>::of(objectness(image, c[i]));
            for (index k = 0; k < ahead && k < classes; ++k) prefetch(first[i] + k * next[i] + at[i].start);
        }
        for (index from = 0; from < classes; from += ahead) {
            const index to = classes < from + ahead ? classes : from + ahead;
            const index soon = classes < to + ahead ? classes : to + ahead;
            for (int i = 0; i < n; ++i) {
                for (index k = to; k < soon; ++k) prefetch(first[i] + k * next[i] + at[i].start);
                const auto logit = [&](index k) { return at[i].template read<V>(first[i] + k * next[i], c[i].count); };
                V z = zero[i];
                if (wanted[i]) {
                    auto sum = cost[i];
                    for (index k = from; k < to; ++k) {
                        const V a = logit(k);
                        z = madd(a, V(T(0)), z);
                        sum.add(a);
                    }
                    cost[i] = sum;
                } else {
                    for (index k = from; k < to; ++k) z = madd(logit(k), V(T(0)), z);
                }
                zero[i] = z;
            }
        }
        for (int i = 0; i < n; ++i) {
            out[i] = select(zero[i] == V(T(0)), wanted[i] ? cost[i].all_background() : V(not_a_number<T>), V(infinity<T>));
        }
    }
    BOXGRAD_FN V own_class(index image, const std::int32_t* prior, int count, std::int32_t label, V) const {
        T logit[width_v<V>]{};
        T objectness_of[width_v<V>]{};
        for (int l = 0; l < width_v<V>; ++l) {
            if (l >= count) {
                logit[l] = logit[0];
                objectness_of[l] = objectness_of[0];
                continue;
            }
            const chunk c = head.prior(prior[l]);
            const auto& level = head.level[c.level];
            const auto at = [&](const view<const T, 4>& v, index channel) {
                return lanes_at<T>(v, c.cell, 1).template read<T>(plane(v, image, channel), 1);
            };
            logit[l] = at(level.classes, label);
            objectness_of[l] = at(level.objectness, 0);
        }
        const auto cost = assigner::detail::logit_cost<C, V>::of(load<V>(objectness_of, 1, width_v<V>));
        return cost.own_class(load<V>(logit, 1, width_v<V>));
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::head::detail
