// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/detail/binary.hpp>
#include <boxgrad/loss/detail/picked.hpp>
#include <boxgrad/loss/evaluate.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Focal loss of a probability p in [0, 1] against a heat map t in [0, 1] of Gaussians, which are 1 at the objects.
///
///     l(p, t) = pos_weight·(1 - p)^alpha·ℓ(p)                        for t = 1
///             + neg_weight·(1 - t)^gamma·p^alpha·ℓ(1 - p)            for every t
///     ℓ(a)    = -ln(a + eps·(1 - a)), eps = 1e-12
///
/// Finite for every p in [0, 1], the gradient too, and never negative; p and 1 - p keep their digits where they are small.
/// ℓ differs from the reference's -ln(a + eps) by less than 1e-12. Throws config_error for a parameter below 0.
/// Law and Deng, CornerNet, ECCV 2018, equation 1; mmdetection 3.3, GaussianFocalLoss.
struct gaussian_focal {
    double alpha = 2;       ///< not negative
    double gamma = 4;       ///< not negative
    double pos_weight = 1;  ///< not negative
    double neg_weight = 1;  ///< not negative

    constexpr void check() const {
        check_not_negative("loss::gaussian_focal", "alpha", alpha);
        check_not_negative("loss::gaussian_focal", "gamma", gamma);
        check_not_negative("loss::gaussian_focal", "pos_weight", pos_weight);
        check_not_negative("loss::gaussian_focal", "neg_weight", neg_weight);
    }
    template <number V>
    BOXGRAD_FN constexpr V operator()(V p, base_t<V> t) const {
        using T = scalar_t<V>;
        return select(t == base_t<V>(T(1)), positive(p), V(T(0))) + negative(p, t);
    }
    /// The first part, of t = 1.
    template <number V>
    BOXGRAD_FN constexpr V positive(V p) const {
        using T = scalar_t<V>;
        const V rest = V(T(1)) - p;
        return V(static_cast<T>(pos_weight)) *
               (power(rest, static_cast<T>(alpha)) * detail::minus_log(p, rest, T(1e-12)));
    }
    /// The second part.
    template <number V>
    BOXGRAD_FN constexpr V negative(V p, base_t<V> t) const {
        using T = scalar_t<V>;
        const base_t<V> away = power(base_t<V>(T(1)) - t, static_cast<T>(gamma));
        const V l = power(p, static_cast<T>(alpha)) * detail::minus_log(V(T(1)) - p, p, T(1e-12));
        return (base_t<V>(static_cast<T>(neg_weight)) * away) * l;
    }
};
static_assert(elementwise_term<gaussian_focal>);

namespace detail {

/// The negatives alone.
struct gaussian_negatives {
    gaussian_focal of;

    constexpr void check() const { of.check(); }
    template <number V>
    BOXGRAD_FN constexpr V operator()(V p, base_t<V> t) const {
        return of.negative(p, t);
    }
};

/// Sum of the positives in a block of cells, each as often as it was given, and their gradient on top of the negatives'.
template <class T>
struct gaussian_positives_kernel {
    static constexpr index block = 256;
    gaussian_focal of;
    view<const T, 2> prediction;
    view<const std::int64_t, 1> cells;
    view<const T, 1> times;
    view<T, 2> gradient;
    view<double, 1> partial;
    T scale = 1;

    BOXGRAD_FN index blocks() const { return (cells.extent[0] + block - 1) / block; }
    BOXGRAD_FN void operator()(index b) const {
        const index end = cells.extent[0] < (b + 1) * block ? cells.extent[0] : (b + 1) * block;
        double sum = 0;
        for (index k = b * block; k < end; ++k) {
            const index row = static_cast<index>(cells(k)) / prediction.extent[1];
            const index column = static_cast<index>(cells(k)) % prediction.extent[1];
            const auto l = of.positive(dual<T, 1>::variable(prediction(row, column), 0));
            sum += static_cast<double>(times(k) * l.value);
            if (gradient.data != nullptr) gradient(row, column) += scale * times(k) * l.partial[0];
        }
        partial(b) = sum;
    }
};

}  // namespace detail

/// The Gaussian focal loss with its positives given, reduced apart from the negatives. Made by
/// `gaussian_focal_with_pos_inds`; refers to the indices, which have to outlive the calls.
///
///     loss = R_k pos_weight·(1 - p_k)^alpha·ℓ(p_k)                     p_k = p(pos_inds(k), pos_labels(k)), M of them
///          + R_ij neg_weight·(1 - t_ij)^gamma·p_ij^alpha·ℓ(1 - p_ij)   all N·C
///
/// R is reduction::sum, mean or mean_over; the mean of no positives is 0. Prediction and target [N, C], positives [M] of
/// whole numbers. A cell may be given more than once and counts as often.
template <class I, class L>
struct gaussian_focal_at {
    const I* pos_inds;
    const L* pos_labels;
    gaussian_focal term{};

    /// Throws shape_error; config_error for an index that is no row or a label that is no column, with the position.
    template <backend B, detail::plain_reduction Red, detail::numbers_for<B> X, detail::numbers_for<B> Y>
        requires detail::labels_for<I, B> && detail::labels_for<L, B>
    typename B::scalar value(const B& b, const Red& red, const X& prediction, const Y& target) const {
        return run(b, red, prediction, target, 1, static_cast<ones*>(nullptr));
    }
    /// The loss, and the gradient of `upstream` times it, written into the caller's tensor [N, C].
    template <backend B, detail::plain_reduction Red, detail::numbers_for<B> X, detail::numbers_for<B> Y,
              detail::numbers_for<B> G>
        requires detail::labels_for<I, B> && detail::labels_for<L, B> && is_mutable<G, B>
    typename B::scalar value_and_gradient_into(const B& b, const Red& red, const X& prediction, const Y& target,
                                               G& gradient, double upstream = 1) const {
        return run(b, red, prediction, target, upstream, &gradient);
    }
    template <backend B, detail::plain_reduction Red, detail::numbers_for<B> X, detail::numbers_for<B> Y>
        requires detail::labels_for<I, B> && detail::labels_for<L, B>
    auto value_and_gradient(const B& b, const Red& red, const X& prediction, const Y& target,
                            double upstream = 1) const {
        const auto p = as_const_view<2>(b, prediction, op, "prediction");
        auto gradient = b.template make<typename B::scalar, 2>(p.extent);
        const auto v = run(b, red, prediction, target, upstream, &gradient);
        return evaluated<typename B::scalar, decltype(gradient)>{v, std::move(gradient)};
    }

private:
    static constexpr const char* op = "loss::gaussian_focal_with_pos_inds";

    template <class B, class Red, class X, class Y, class G>
    auto run(const B& b, const Red& red, const X& prediction, const Y& target, double upstream, G* gradient) const {
        using T = typename B::scalar;
        term.check();
        detail::gaussian_positives_kernel<T> k;
        k.of = term;
        k.prediction = as_const_view<2>(b, prediction, op, "prediction");
        const auto rows =
            detail::checked_indices(b, op, "pos_inds", *pos_inds, extents<1>{{any_extent}}, k.prediction.extent[0]);
        const index m = static_cast<index>(rows.size());
        const auto columns =
            detail::checked_indices(b, op, "pos_labels", *pos_labels, extents<1>{{m}}, k.prediction.extent[1]);
        const auto [cells, times] = detail::counted_cells<T>(rows, columns, k.prediction.extent[1]);
        const index n = static_cast<index>(cells.size());
        const auto device_cells = from_host<std::int64_t>(b, extents<1>{{n}}, cells.data());
        const auto device_times = from_host<T>(b, extents<1>{{n}}, times.data());
        k.cells = as_const_view<1>(b, device_cells, op, "scratch");
        k.times = as_const_view<1>(b, device_times, op, "scratch");
        auto partial = b.template make<double, 1>(extents<1>{{k.blocks()}});
        k.partial = as_view<1>(b, partial, op, "scratch");
        summation<B> sum(b, k.blocks());
        const double scale = reduction::scale(red, {m, m, static_cast<double>(m)});
        k.scale = static_cast<T>(scale * upstream);

        const detail::gaussian_negatives negatives{term};
        T loss;
        if constexpr (std::same_as<G, ones>) {
            loss = loss::value(b, negatives, red, prediction, target);
        } else {
            loss = loss::value_and_gradient_into(b, negatives, red, prediction, target, *gradient, ones{}, upstream);
            k.gradient = as_view<2>(b, *gradient, op, "gradient");
        }
        b.for_each(k.blocks(), k);
        return loss + static_cast<T>(sum(k.partial) * scale);
    }
};

template <class I, class L>
constexpr gaussian_focal_at<I, L> gaussian_focal_with_pos_inds(const I& pos_inds, const L& pos_labels,
                                                               const gaussian_focal& term = {}) {
    return {&pos_inds, &pos_labels, term};
}
template <class I, class L>
void gaussian_focal_with_pos_inds(const I&&, const L&, const gaussian_focal& = {}) = delete;
template <class I, class L>
void gaussian_focal_with_pos_inds(const I&, const L&&, const gaussian_focal& = {}) = delete;
template <class I, class L>
void gaussian_focal_with_pos_inds(const I&&, const L&&, const gaussian_focal& = {}) = delete;

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
