// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/result.hpp>
#include <boxgrad/core/truths.hpp>
#include <boxgrad/head/detail/scene.hpp>
#include <boxgrad/loss/term.hpp>

namespace boxgrad::inline BOXGRAD_ABI::head::detail {

/// Clears a gradient, a block of elements at a time.
template <class V>
struct clear_kernel {
    using T = scalar_t<V>;
    static constexpr index block = 1 << 14;
    view<T, 4> out;
    bool dense;  // without gaps: order does not matter

    BOXGRAD_FN void operator()(index n) const {
        const index end = out.size() < (n + 1) * block ? out.size() : (n + 1) * block;
        index i = n * block;
        if (!dense) {
            for (; i < end; ++i) out.at_flat(i) = T(0);
            return;
        }
        for (; i + width_v<V> <= end; i += width_v<V>) store(V(T(0)), out.data + i, 1, width_v<V>);
        for (; i < end; ++i) out.data[i] = T(0);
    }
};

template <class V, class B>
void clear(const B& b, view<scalar_t<V>, 4> out) {
    const auto span = memory_span(out);
    const bool dense = span.second - span.first == out.size();
    if (dense) out.data = span.first;
    b.for_each((out.size() + clear_kernel<V>::block - 1) / clear_kernel<V>::block,
               clear_kernel<V>{out, dense});
}

/// Objectness of every prior: 1 where it is assigned, 0 elsewhere; ignored ones weigh nothing. One partial sum
/// a chunk.
template <class Scene, class Term>
struct objectness_kernel {
    using V = typename Scene::number;
    using T = scalar_t<V>;

    Scene scene;
    Term term;
    view<const std::int32_t, 2> truth;
    view<double, 1> partial;
    head_view<T> gradient;
    T scale;
    bool with_gradient;
    bool with_regions;  ///< some prior may be ignored

    BOXGRAD_FN void operator()(index item) const {
        const index b = item / scene.chunks();
        const chunk c = scene.at(item % scene.chunks());
        T target[width_v<V>]{};
        mask_t<V> counted = first_lanes<V>(c.count);
        for (int l = 0; l < c.count; ++l) target[l] = truth(b, c.first + l) >= 0 ? T(1) : T(0);
        if (with_regions) counted = counted && !ignored_lanes(b, c);
        const V t = load<V>(target, 1, width_v<V>);
        const V x = scene.objectness(b, c);
        V loss;
        if (with_gradient) {
            const auto r = term(dual<V, 1>::variable(x, 0), t);
            loss = r.value;
            const auto& v = gradient.level[c.level].objectness;
            const lanes_at<V> at(v, c.cell, c.count);
            const V d = V(scale) * r.partial[0];
            at.write(with_regions ? select(counted, d, V(T(0))) : d, plane(v, b, 0), c.count);
        } else {
            loss = term(x, t);
        }
        partial(item) = sum_lanes(select(counted, loss, V(T(0))));
    }

private:
    BOXGRAD_FN mask_t<V> ignored_lanes(index b, const chunk& c) const {
        T ignored[width_v<V>]{};
        for (int l = 0; l < c.count; ++l) ignored[l] = truth(b, c.first + l) == assigner::ignored ? T(1) : T(0);
        return load<V>(ignored, 1, width_v<V>) > V(T(0));
    }
};

/// Class, box and L1 terms of one positive. Three partial sums each.
template <class Scene, class Classes, class Box, class L1>
struct positive_kernel {
    using V = typename Scene::number;
    using T = scalar_t<V>;
    using D = dual<T, 4>;

    Scene scene;
    Classes class_term;
    Box box_term;
    L1 l1_term;
    boxgrad::detail::truth_view<T> truths;
    view<const std::int32_t, 2> prior, truth;  // [B, N] of the positives
    view<const T, 2> overlap;                  // [B, N] of the priors
    view<const index, 1> offset;               // [B + 1] of the positives
    view<double, 2> partial;                   // [3, P]
    head_view<T> gradient;
    T class_scale, box_scale, l1_scale;
    bool with_gradient;

    BOXGRAD_FN void operator()(index p) const {
        index b = 0;
        while (offset(b + 1) <= p) ++b;
        const index g = truth(b, p - offset(b));
        const chunk c = scene.head.prior(prior(b, p - offset(b)));
        partial(0, p) = partial(1, p) = partial(2, p) = 0;
        if constexpr (!std::same_as<Classes, loss::none>) {
            partial(0, p) = classes(b, c, truths.label(g), overlap(b, c.first));
        }
        if constexpr (!std::same_as<Box, loss::none> || !std::same_as<L1, loss::none>) {
            boxes(p, b, c, truths.at(g));
        }
    }

private:
    BOXGRAD_FN index offset_in(const view<const T, 4>& v, index b, const chunk& c) const {
        return v.offset(b, 0, c.cell / v.extent[3], c.cell % v.extent[3]);
    }
    BOXGRAD_FN index offset_in(const view<T, 4>& v, index b, const chunk& c) const {
        return v.offset(b, 0, c.cell / v.extent[3], c.cell % v.extent[3]);
    }
    /// Every class of the prior, a pack of classes at a time; the target is the overlap at the label.
    BOXGRAD_FN double classes(index b, const chunk& c, std::int32_t label, T iou) const {
        const auto& in = scene.head.level[c.level].classes;
        const auto& out = gradient.level[c.level].classes;
        const T* x = in.data + offset_in(in, b, c);
        T* d = with_gradient ? out.data + offset_in(out, b, c) : nullptr;
        double sum = 0;
        for (index k = 0; k < in.extent[1]; k += width_v<V>) {
            const index left = in.extent[1] - k;
            const int count = left < width_v<V> ? static_cast<int>(left) : width_v<V>;
            T target[width_v<V>]{};
            if (label >= k && label < k + count) target[label - k] = iou;
            const V t = load<V>(target, 1, width_v<V>);
            const V logit = load<V>(x + k * in.stride[1], in.stride[1], count);
            V loss;
            if (with_gradient) {
                const auto r = class_term(dual<V, 1>::variable(logit, 0), t);
                loss = r.value;
                store(V(class_scale) * r.partial[0], d + k * out.stride[1], out.stride[1], count);
            } else {
                loss = class_term(logit, t);
            }
            sum += sum_lanes(select(first_lanes<V>(count), loss, V(T(0))));
        }
        return sum;
    }
    /// Box and L1 terms, differentiated with respect to the four raw numbers in one pass.
    BOXGRAD_FN void boxes(index p, index b, const chunk& c, const box<T>& target) const {
        const auto& in = scene.head.level[c.level].boxes;
        const T* x = in.data + offset_in(in, b, c);
        const index s = in.stride[1];
        const T raw[4] = {x[0], x[s], x[2 * s], x[3 * s]};
        const auto corner = prior::points_of<T>(c.cell, 1, in.extent[3], scene.strides[c.level], 0.0);
        if (with_gradient) {
            const coder::xywh<D> code{D::variable(raw[0], 0), D::variable(raw[1], 1),
                                            D::variable(raw[2], 2), D::variable(raw[3], 3)};
            const D zero(T(0));
            D terms[2] = {zero, zero};
            evaluate(terms, code, corner, target);
            const auto& out = gradient.level[c.level].boxes;
            T* d = out.data + offset_in(out, b, c);
            for (int k = 0; k < 4; ++k) {
                d[k * out.stride[1]] = box_scale * terms[0].partial[k] + l1_scale * terms[1].partial[k];
            }
            partial(1, p) = static_cast<double>(terms[0].value);
            partial(2, p) = static_cast<double>(terms[1].value);
        } else {
            T terms[2] = {T(0), T(0)};
            evaluate(terms, coder::xywh<T>{raw[0], raw[1], raw[2], raw[3]}, corner, target);
            partial(1, p) = static_cast<double>(terms[0]);
            partial(2, p) = static_cast<double>(terms[1]);
        }
    }
    template <class N>
    BOXGRAD_FN void evaluate(N (&terms)[2], const coder::xywh<N>& code, const prior::point<T>& corner,
                             const box<T>& target) const {
        if constexpr (!std::same_as<Box, loss::none>) {
            terms[0] = box_term(scene.coder.decode(corner, code), as_constants<N>(target));
        }
        if constexpr (!std::same_as<L1, loss::none>) {
            const auto t = scene.coder.encode(corner, target);
            terms[1] = (l1_term(code.x, t.x) + l1_term(code.y, t.y)) + (l1_term(code.w, t.w) + l1_term(code.h, t.h));
        }
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::head::detail
