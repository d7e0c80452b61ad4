// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/result.hpp>
#include <boxgrad/core/truths.hpp>
#include <boxgrad/head/detail/scene.hpp>

namespace boxgrad::inline BOXGRAD_ABI::head::detail {

/// Channel by channel of every prior: [B, C, H, W] of each level to [B, N, C].
template <class T>
struct flatten_kernel {
    view<const T, 4> from;
    view<T, 3> to;
    index first;  // prior of cell 0

    BOXGRAD_FN void operator()(index item) const {
        const index cells = from.extent[2] * from.extent[3];
        const index b = item / cells;
        const index cell = item % cells;
        for (index c = 0; c < from.extent[1]; ++c) {
            to(b, first + cell, c) = from(b, c, cell / from.extent[3], cell % from.extent[3]);
        }
    }
};

template <class Scene>
struct decode_kernel {
    using V = typename Scene::number;
    Scene scene;
    view<scalar_t<V>, 3> out;

    BOXGRAD_FN void operator()(index item) const {
        const index b = item / scene.chunks();
        const chunk c = scene.at(item % scene.chunks());
        mask_t<V> sane = first_lanes<V>(c.count);
        const box<V> x = scene.boxes(b, c, sane);
        const V field[4] = {x.x1, x.y1, x.x2, x.y2};
        for (int k = 0; k < 4; ++k) store(field[k], &out(b, c.first, k), out.stride[1], c.count);
    }
};

/// σ(best class)·σ(objectness), and which class; ties to the lower class.
template <class Scene>
struct score_kernel {
    using V = typename Scene::number;
    using T = scalar_t<V>;
    Scene scene;
    view<T, 2> score;
    view<std::int64_t, 2> label;

    BOXGRAD_FN void operator()(index item) const {
        const index b = item / scene.chunks();
        const chunk c = scene.at(item % scene.chunks());
        const auto& v = scene.head.level[c.level].classes;
        const lanes_at<V> at(v, c.cell, c.count);
        V best = at.template read<V>(plane(v, b, 0), c.count);
        V which(T(0));
        for (index k = 1; k < v.extent[1]; ++k) {
            const V a = at.template read<V>(plane(v, b, k), c.count);
            which = select(a > best, V(static_cast<T>(k)), which);
            best = select(a > best, a, best);
        }
        store(sigmoid(best) * sigmoid(scene.objectness(b, c)), &score(b, c.first), score.stride[1], c.count);
        T labels[width_v<V>];
        store(which, labels, 1, width_v<V>);
        for (int l = 0; l < c.count; ++l) label(b, c.first + l) = static_cast<std::int64_t>(labels[l]);
    }
};

/// Foreground mask, objectness target and its weight of one image.
template <class T>
struct foreground_kernel {
    view<const std::int32_t, 2> truth;
    index image;
    view<std::uint8_t, 1> mask;
    view<T, 1> objectness, weight;

    BOXGRAD_FN void operator()(index n) const {
        const bool positive = truth(image, n) >= 0;
        mask(n) = positive ? 1 : 0;
        objectness(n) = positive ? T(1) : T(0);
        weight(n) = truth(image, n) == assigner::ignored ? T(0) : T(1);
    }
};

/// Class, box and L1 targets of the positives of one image.
template <class T>
struct target_kernel {
    head_view<const T> head;
    per_level<stride> strides;
    coder::yolox coder;
    boxgrad::detail::truth_view<T> truths;
    view<const std::int32_t, 2> prior, truth;
    view<const T, 2> overlap;
    index image;
    view<T, 2> classes, boxes, l1;

    BOXGRAD_FN void operator()(index p) const {
        const chunk c = head.prior(prior(image, p));
        const index g = truth(image, p);
        const box<T> t = truths.at(g);
        for (index k = 0; k < classes.extent[1]; ++k) classes(p, k) = T(0);
        classes(p, truths.label(g)) = overlap(image, c.first);
        const auto code = coder.encode(
            prior::points_of<T>(c.cell, 1, head.level[c.level].objectness.extent[3], strides[c.level], 0.0), t);
        const T box_fields[4] = {t.x1, t.y1, t.x2, t.y2};
        const T code_fields[4] = {code.x, code.y, code.w, code.h};
        for (int k = 0; k < 4; ++k) {
            boxes(p, k) = box_fields[k];
            l1(p, k) = code_fields[k];
        }
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::head::detail
