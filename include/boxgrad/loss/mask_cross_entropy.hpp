// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/detail/picked.hpp>
#include <boxgrad/loss/evaluate.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

namespace detail {

/// Sum over, and gradient of, a piece of a mask; of the planes of other classes the gradient, 0.
template <class V>
struct mask_kernel {
    using T = scalar_t<V>;
    static constexpr index piece = 256;

    view<const T, 4> prediction;
    view<const T, 3> target;
    view<T, 4> gradient;
    reader<const T, 2> prediction_plane, target_plane;  ///< the first
    reader<T, 2> gradient_plane;
    label_reader<1> labels;
    view<double, 1> partial;  ///< a piece of a mask each
    T scale = 1;

    BOXGRAD_FN index plane() const { return prediction.extent[2] * prediction.extent[3]; }
    BOXGRAD_FN index pieces() const { return (plane() + piece - 1) / piece; }
    BOXGRAD_FN index planes() const { return gradient.data != nullptr ? prediction.extent[1] : 1; }
    BOXGRAD_FN index count() const { return prediction.extent[0] * planes() * pieces(); }

    BOXGRAD_FN void operator()(index i) const {
        const index p = i % pieces();
        const index mask = i / pieces() / planes();
        const index label = static_cast<index>(labels.at(mask));
        const index channel = gradient.data != nullptr ? i / pieces() % planes() : label;
        const index first = p * piece;
        const index last = plane() < first + piece ? plane() : first + piece;
        reader<const T, 2> x = prediction_plane;
        reader<const T, 2> t = target_plane;
        reader<T, 2> g = gradient_plane;
        x.v.data += mask * prediction.stride[0] + channel * prediction.stride[1];
        t.v.data += mask * target.stride[0];
        if (gradient.data != nullptr) g.v.data += mask * gradient.stride[0] + channel * gradient.stride[1];
        if (channel != label) {
            for (index k = first; k < last; k += width_v<V>) g.template write<V>(V(T(0)), k, rows_left<V>(last, k));
            return;
        }
        lane_sum<V> sum;
        for (index k = first; k < last; k += width_v<V>) {
            const int n = rows_left<V>(last, k);
            const auto l = bce{}(dual<V, 1>::variable(x.template read<V>(k, n), 0), t.template read<V>(k, n));
            if (gradient.data != nullptr) g.template write<V>(V(scale) * l.partial[0], k, n);
            sum.add(n == width_v<V> ? l.value : select(first_lanes<V>(n), l.value, V(T(0))));
        }
        partial(mask * pieces() + p) = sum.finish();
    }
};

}  // namespace detail

/// Binary cross entropy of masks, of each the channel of its label alone: prediction [N, C, H, W] of logits, target
/// [N, H, W] in [0, 1], labels [N] in [0, C).
///
///     loss = weight·R_nhw bce(x(n, labels(n), h, w), t(n, h, w))
///     ∂loss/∂x is 0 in all other channels
///
/// R is reduction::mean, over N·H·W and 0 for N = 0, as mmdetection has it, or sum or mean_over. mmdetection 3.3,
/// CrossEntropyLoss(use_mask=True); its class_weight, one number that multiplies the mean, is `weight`.
struct mask_cross_entropy {
    double weight = 1;

    /// Throws shape_error; config_error for a label that is no channel, with its row.
    template <backend B, detail::plain_reduction Red, detail::numbers_for<B> X, detail::numbers_for<B> Y,
              detail::labels_for<B> L>
    typename B::scalar value(const B& b, const Red& red, const X& prediction, const Y& target, const L& labels) const {
        return run(b, red, prediction, target, labels, 1, static_cast<ones*>(nullptr));
    }
    /// The loss, and the gradient of `upstream` times it, written into the caller's tensor [N, C, H, W].
    template <backend B, detail::plain_reduction Red, detail::numbers_for<B> X, detail::numbers_for<B> Y,
              detail::labels_for<B> L, detail::numbers_for<B> G>
        requires is_mutable<G, B>
    typename B::scalar value_and_gradient_into(const B& b, const Red& red, const X& prediction, const Y& target,
                                               const L& labels, G& gradient, double upstream = 1) const {
        return run(b, red, prediction, target, labels, upstream, &gradient);
    }
    template <backend B, detail::plain_reduction Red, detail::numbers_for<B> X, detail::numbers_for<B> Y,
              detail::labels_for<B> L>
    auto value_and_gradient(const B& b, const Red& red, const X& prediction, const Y& target, const L& labels,
                            double upstream = 1) const {
        const auto p = as_const_view<4>(b, prediction, op, "prediction");
        auto gradient = b.template make<typename B::scalar, 4>(p.extent);
        const auto v = run(b, red, prediction, target, labels, upstream, &gradient);
        return evaluated<typename B::scalar, decltype(gradient)>{v, std::move(gradient)};
    }

private:
    static constexpr const char* op = "loss::mask_cross_entropy";

    /// Of a tensor of masks [.., H, W], the first plane.
    template <class T, int R>
    static detail::reader<T, 2> plane_of(const view<T, R>& v) {
        return detail::reader<T, 2>(
            view<T, 2>(v.data, {{v.extent[R - 2], v.extent[R - 1]}}, {{v.stride[R - 2], v.stride[R - 1]}}));
    }
    template <class B, class Red, class X, class Y, class L, class G>
    auto run(const B& b, const Red& red, const X& prediction, const Y& target, const L& labels, double upstream,
             G* gradient) const {
        using T = typename B::scalar;
        check_not_negative(op, "weight", weight);
        detail::mask_kernel<lanes_t<B>> k;
        k.prediction = as_const_view<4>(b, prediction, op, "prediction");
        const extents<4> e = k.prediction.extent;
        k.target = as_const_view<3>(b, target, op, "target");
        check_shape(op, "target", extents<3>{{e[0], e[2], e[3]}}, k.target.extent);
        detail::checked_indices(b, op, "labels", labels, extents<1>{{e[0]}}, e[1]);
        k.prediction_plane = plane_of(k.prediction);
        k.target_plane = plane_of(k.target);
        k.labels = detail::read_labels<1>(b, op, "labels", labels, {{e[0]}});
        if constexpr (!std::same_as<G, ones>) {
            const auto g = as_view<4>(b, *gradient, op, "gradient");
            check_shape(op, "gradient", e, g.extent);
            check_output(op, "gradient", g);
            check_apart(op, "gradient", g, "prediction", k.prediction);
            check_apart(op, "gradient", g, "target", k.target);
            check_apart(op, "gradient", g, "labels", as_const_view<1>(b, labels, op, "labels"));
            k.gradient = g;
            k.gradient_plane = plane_of(g);
        }
        const index n = k.target.size();
        const double scale = weight * reduction::scale(red, {n, n, static_cast<double>(n)});
        k.scale = static_cast<T>(scale * upstream);
        const index parts = e[0] * k.pieces();
        auto partial = b.template make<double, 1>(extents<1>{{parts}});
        k.partial = as_view<1>(b, partial, op, "scratch");
        summation<B> sum(b, parts);
        b.for_each(k.count(), k);
        return static_cast<T>(sum(k.partial) * scale);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
