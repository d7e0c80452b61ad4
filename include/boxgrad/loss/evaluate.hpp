// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Evaluates any term over tensors: `value` and `value_and_gradient`. The gradient is of
/// Σ upstream·loss with respect to the prediction; targets are constants. Nothing is broadcast: every
/// shape is checked before anything is written (promise P26). A row of weight 0 contributes exactly 0
/// to value and gradient, whatever it holds (promise P16).
///
/// Shapes: elementwise terms take prediction, target and weight of one shape (rank 1 to 4); box terms
/// take [N, 4] and weights [N] or [N, 4], of which the mean over a row counts. With reduction::none
/// the value and the upstream gradient have the shape of the weight: that shape, or [N].
///
/// Errors: shape_error; config_error for a negative or NaN weight (promise P13) and as reduction has
/// it. Scratch: 12 bytes for every 1024 elements.

#include <boxgrad/backend/transfer.hpp>
#include <boxgrad/backend/sum.hpp>
#include <boxgrad/core/reduction.hpp>
#include <boxgrad/loss/detail/kernel.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// No weight, or no upstream gradient: as if all were 1.
struct ones {};

template <class V, class G>
struct evaluated {
    V value;
    G gradient;
};

namespace detail {

template <class X, class B>
concept optional_tensor = std::same_as<X, ones> || looked_at<B, const X>;

/// Rank of the per-row values: elementwise terms have as many as elements, box terms one a box.
template <class Term, int R>
inline constexpr int row_rank = box_term<Term> ? 1 : R;

template <int R>
extents<1> rows_of(const extents<R>& e) {
    return {{e[0]}};
}

/// Rank of a tensor as backend B sees it; `otherwise` where only run time knows.
template <class B, class X>
constexpr int static_rank(int otherwise) {
    using V = decltype(look_at(std::declval<const B&>(), std::declval<const X&>()));
    if constexpr (is_view<V>::value) {
        return V::rank;
    } else {
        return otherwise;
    }
}

/// One evaluation: views checked, kernels launched, sums taken.
template <class Term, class B, int R>
struct evaluation {
    using T = typename B::scalar;
    using V = lanes_t<B>;
    static constexpr int Q = row_rank<Term, R>;

    const B& backend;
    const char* op;
    Term term;
    view<const T, R> prediction, target;
    kernel<Term, V, R> k{};

    evaluation(const B& b, const char* operation, const Term& t, const view<const T, R>& p,
               const view<const T, R>& y)
        : backend(b), op(operation), term(t), prediction(p), target(y) {
        if constexpr (box_term<Term>) check_shape(op, "prediction", {any_extent, 4}, p.extent);
        check_shape(op, "target", p.extent, y.extent);
        k.term = t;
        k.prediction = reader<const T, R>(p);
        k.target = reader<const T, R>(y);
        if constexpr (box_term<Term>) {
            k.rows = p.extent[0];
        } else {
            k.rows = p.size();
        }
    }

    extents<Q> row_extents() const {
        if constexpr (box_term<Term>) {
            return {{prediction.extent[0]}};
        } else {
            return prediction.extent;
        }
    }

    template <class W>
    void weigh(const W& weight) {
        if constexpr (!std::same_as<W, ones>) {
            if constexpr (box_term<Term> && static_rank<B, W>(1) == 2) {
                const auto w = as_const_view<2>(backend, weight, op, "weight");
                check_shape(op, "weight", prediction.extent, w.extent);
                k.weights = weighting::per_coordinate;
                k.weight4 = w;
            } else {
                const auto w = as_const_view<Q>(backend, weight, op, "weight");
                check_shape(op, "weight", row_extents(), w.extent);
                k.weights = weighting::per_row;
                k.weight = reader<const T, Q>(w);
            }
            refuse_bad_weights();
        }
    }

    /// Sums over blocks of a fixed size, combined in order: the same bits for any thread count.
    double run() {
        auto partial = backend.template make<double, 1>(extents<1>{{k.blocks()}});
        summation<B> sum(backend, k.blocks());
        k.partial = as_view<1>(backend, partial, op, "scratch");
        backend.for_each(k.blocks(), k);
        return sum(k.partial);
    }

private:
    void refuse_bad_weights() {
        auto bad = backend.template make<std::int32_t, 1>(extents<1>{{k.blocks()}});
        const auto flags = as_view<1>(backend, bad, op, "scratch");
        backend.for_each(k.blocks(), weight_check<Term, V, R>{k, flags});
        for (const auto f : to_host<1>(backend, bad)) {
            if (f) raise(config_error(complaint(op, "weight", "not negative", "a negative or NaN entry")));
        }
    }
};

/// value (always) and gradient (where `gradient` is a view) of one evaluation.
template <bool WithGradient, class B, class Term, class Red, class X, class Y, class W, class U,
          class G>
auto evaluate(const B& backend, const char* op, const Term& term, const Red& red, const X& prediction,
              const Y& target, const W& weight, const U& upstream, G* gradient) {
    using T = typename B::scalar;
    constexpr int R = box_term<Term> ? 2 : static_rank<B, X>(4);
    evaluation<Term, B, R> e(backend, op, term, as_const_view<R>(backend, prediction, op, "prediction"),
                             as_const_view<R>(backend, target, op, "target"));
    constexpr int Q = row_rank<Term, R>;
    const double scale = reduction::scale(red, e.k.rows);
    e.k.scale = static_cast<T>(scale);
    e.k.upstream_scale = e.k.scale;
    if constexpr (std::same_as<Red, reduction::none>) {
        if constexpr (!std::same_as<U, ones>) {
            const auto u = as_const_view<Q>(backend, upstream, op, "upstream");
            check_shape(op, "upstream", e.row_extents(), u.extent);
            e.k.upstream = reader<const T, Q>(u);
            e.k.has_upstream = true;
        }
    } else if constexpr (!std::same_as<U, ones>) {
        e.k.upstream_scale = static_cast<T>(scale * static_cast<double>(upstream));
    }
    e.weigh(weight);
    if constexpr (WithGradient) {
        const auto g = as_view<R>(backend, *gradient, op, "gradient");
        check_shape(op, "gradient", e.prediction.extent, g.extent);
        check_output(op, "gradient", g);
        check_apart(op, "gradient", g, "prediction", e.prediction);
        check_apart(op, "gradient", g, "target", e.target);
        check_apart(op, "gradient", g, "weight", e.k.weight.v);
        check_apart(op, "gradient", g, "weight", e.k.weight4);
        check_apart(op, "gradient", g, "upstream", e.k.upstream.v);
        e.k.gradient = reader<T, R>(g);
        e.k.with_gradient = true;
    }
    if constexpr (std::same_as<Red, reduction::none>) {
        auto out = backend.template make<T, Q>(e.row_extents());
        e.k.value = reader<T, Q>(as_view<Q>(backend, out, op, "value"));
        e.k.with_value = true;
        e.run();
        return out;
    } else {
        const double total = e.run();
        return static_cast<T>(total * scale);
    }
}

}  // namespace detail

/// The loss: a tensor for reduction::none, else one scalar (shape conventions at the file's head).
template <backend B, term Term, reduction::kind Red, class X, class Y, class W = ones>
    requires looked_at<B, const X> && has_element<const X, B, typename B::scalar> &&
             looked_at<B, const Y> && has_element<const Y, B, typename B::scalar>
auto value(const B& backend, const Term& loss, const Red& red, const X& prediction, const Y& target,
           const W& weight = {}) {
    return detail::evaluate<false>(backend, "loss::value", loss, red, prediction, target, weight,
                                   ones{}, static_cast<ones*>(nullptr));
}

/// The loss, and its gradient written into the caller's tensor of the prediction's shape.
template <backend B, term Term, reduction::kind Red, class X, class Y, class G, class W = ones,
          class U = ones>
    requires looked_at<B, const X> && has_element<const X, B, typename B::scalar> &&
             looked_at<B, const Y> && has_element<const Y, B, typename B::scalar> &&
             looked_at<B, G> && has_element<G, B, typename B::scalar> && is_mutable<G, B>
auto value_and_gradient_into(const B& backend, const Term& loss, const Red& red, const X& prediction,
                             const Y& target, G& gradient, const W& weight = {},
                             const U& upstream = {}) {
    return detail::evaluate<true>(backend, "loss::value_and_gradient", loss, red, prediction, target,
                                  weight, upstream, &gradient);
}

/// The loss, and its gradient in a tensor that the backend makes.
template <backend B, term Term, reduction::kind Red, class X, class Y, class W = ones, class U = ones>
    requires looked_at<B, const X> && has_element<const X, B, typename B::scalar> &&
             looked_at<B, const Y> && has_element<const Y, B, typename B::scalar>
auto value_and_gradient(const B& backend, const Term& loss, const Red& red, const X& prediction,
                        const Y& target, const W& weight = {}, const U& upstream = {}) {
    constexpr int R = box_term<Term> ? 2 : detail::static_rank<B, X>(4);
    const auto p = as_const_view<R>(backend, prediction, "loss::value_and_gradient", "prediction");
    auto gradient = backend.template make<typename B::scalar, R>(p.extent);
    auto v = value_and_gradient_into(backend, loss, red, prediction, target, gradient, weight, upstream);
    return evaluated<decltype(v), decltype(gradient)>{std::move(v), std::move(gradient)};
}

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
