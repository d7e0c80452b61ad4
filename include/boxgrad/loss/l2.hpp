// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/parameter.hpp>
#include <boxgrad/loss/detail/objects.hpp>
#include <boxgrad/sampler/seed.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

namespace detail {

/// (clamp(x - margin, 0, 1) - t)², the margin by the target's class.
struct margin_square {
    double pos_margin, neg_margin;

    template <number V>
    BOXGRAD_FN constexpr V clamped(V x, base_t<V> t) const {
        using P = base_t<V>;
        using S = scalar_t<V>;
        const P zero(S(0)), one(S(1));
        const P margin = select(t == one, P(pos_margin > 0 ? static_cast<S>(pos_margin) : S(0)),
                                select(t == zero, P(neg_margin > 0 ? static_cast<S>(neg_margin) : S(0)), zero));
        return clamp_max(clamp_min(x - V(margin), V(zero)), V(one));
    }
    template <number V>
    BOXGRAD_FN constexpr V operator()(V x, base_t<V> t) const {
        const V d = clamped(x, t) - V(t);
        return d * d;
    }
};

/// Sorts elements for mining: the loss of negatives, -1 for positives, -2 for what is neither.
template <class T>
struct l2_cost_kernel {
    margin_square term;
    view<const T, 2> prediction, target;
    matrix_weights<T> weight;
    view<T, 2> out;

    BOXGRAD_FN void operator()(index e) const {
        const T t = target.at_flat(e);
        const T x = prediction.at_flat(e);
        T cost = T(-2);
        if (weight.at(e) > 0 && t == T(1)) cost = T(-1);
        if (weight.at(e) > 0 && t == T(0)) cost = x == x ? term(x, t) : infinity<T>;
        out.at_flat(e) = cost;
    }
};

/// Weights as given, 0 where left out; and how many are positive.
template <class T>
struct l2_weight_kernel {
    static constexpr index block = 1024;
    matrix_weights<T> weight;
    view<const std::uint8_t, 1> left_out;  ///< or none
    view<T, 2> out;
    view<double, 1> counted;

    BOXGRAD_FN index blocks() const { return (out.size() + block - 1) / block; }
    BOXGRAD_FN void operator()(index b) const {
        const index end = out.size() < (b + 1) * block ? out.size() : (b + 1) * block;
        double n = 0;
        for (index e = b * block; e < end; ++e) {
            const bool out_of_it = left_out.data != nullptr && left_out(e) != 0;
            const T w = out_of_it ? T(0) : weight.at(e);
            out.at_flat(e) = w;
            if (w > 0) n += 1;
        }
        counted(b) = n;
    }
};

}  // namespace detail

/// Squared error of similarities with targets 1 (positive) and 0 (negative), with a margin, and with negatives mined.
///
///     x' = clamp(x - margin, 0, 1)       pos_margin for positives, neg_margin for negatives, where above 0
///     l  = loss_weight·w·(x' - t)²       ∂l/∂x = 2·loss_weight·w·(x' - t) where x - margin is in [0, 1], else 0
///     mean: Σ l / (elements of w > 0 + 2^-23)
///
/// neg_pos_ub > 0: where there are more than neg_pos_ub·positives negatives, ⌊neg_pos_ub·positives⌋ of them stay: with
/// hard_mining those of the greatest error, of equals the first; else a uniform draw that `seed` repeats on every
/// backend. All others weigh 0, none counts that weighs 0.
///
/// Prediction and target [N, M]; weight none, [N] or [N, M]; reduction::mean, or none for l [N, M]. There is no average
/// factor, and so no sum, in the reference either. Inputs are only read, where mmdetection writes to prediction, target
/// and weight. Errors: shape_error; config_error for a negative or NaN weight. Scratch: a weight for every element;
/// with neg_pos_ub an element's cost and a byte, and as much on the host.
///
/// mmdetection 3.3, L2Loss (with hard mining: QDTrack; Pang et al., Quasi-Dense Similarity Learning, CVPR 2021).
struct l2 {
    double neg_pos_ub = -1;
    double pos_margin = -1;
    double neg_margin = -1;
    bool hard_mining = false;
    double loss_weight = 1;

    constexpr void check() const {
        for (const double x : {neg_pos_ub, pos_margin, neg_margin, loss_weight}) {
            check_finite("loss::l2", "neg_pos_ub, pos_margin, neg_margin, loss_weight", x);
        }
    }

    template <backend B, detail::own_mean Red, detail::numbers_for<B> X, detail::numbers_for<B> Y,
              detail::optional_numbers<B> W = ones>
    auto value(const B& b, const Red& red, const X& prediction, const Y& target, const W& weight = {},
               sampler::seed seed = {}) const {
        return run(b, "l2::value", red, prediction, target, weight, seed,
                   [&](const auto& term, const auto& r, const auto& w) {
                       return loss::value(b, term, r, prediction, target, w);
                   });
    }
    template <backend B, detail::own_mean Red, detail::numbers_for<B> X, detail::numbers_for<B> Y,
              detail::optional_numbers<B> W = ones, class U = ones>
    auto value_and_gradient(const B& b, const Red& red, const X& prediction, const Y& target, const W& weight = {},
                            sampler::seed seed = {}, const U& upstream = {}) const {
        return run(b, "l2::value_and_gradient", red, prediction, target, weight, seed,
                   [&](const auto& term, const auto& r, const auto& w) {
                       return loss::value_and_gradient(b, term, r, prediction, target, w, upstream);
                   });
    }

private:
    template <class B, class Red, class X, class Y, class W, class F>
    auto run(const B& b, const char* op, const Red&, const X& prediction, const Y& target, const W& weight,
             const sampler::seed& seed, const F& evaluate) const {
        using T = typename B::scalar;
        check();
        const auto p = as_const_view<2>(b, prediction, op, "prediction");
        const auto t = as_const_view<2>(b, target, op, "target");
        check_shape(op, "target", p.extent, t.extent);
        const detail::margin_square term{pos_margin, neg_margin};
        detail::l2_weight_kernel<T> k{detail::weights_of_matrix(b, op, "weight", weight, p.extent), {}, {}, {}};
        auto left_out = b.template make<std::uint8_t, 1>(extents<1>{{0}});
        if (neg_pos_ub > 0) {
            auto cost = b.template make<T, 2>(p.extent);
            b.for_each(p.size(), detail::l2_cost_kernel<T>{term, p, t, k.weight, as_view<2>(b, cost, op, "scratch")});
            const auto flags = mined(to_host<2>(b, cost), seed);
            left_out = from_host(b, extents<1>{{p.size()}}, flags.data());
            if (p.size() > 0) k.left_out = as_const_view<1>(b, left_out, op, "scratch");
        }
        auto weights = b.template make<T, 2>(p.extent);
        k.out = as_view<2>(b, weights, op, "scratch");
        auto counted = b.template make<double, 1>(extents<1>{{k.blocks()}});
        k.counted = as_view<1>(b, counted, op, "scratch");
        b.for_each(k.blocks(), k);
        summation<B> sum(b, k.blocks());
        const double n = sum(k.counted);
        const weighted<detail::margin_square> scaled{loss_weight, term};
        if constexpr (std::same_as<Red, reduction::mean>) {
            return evaluate(scaled, reduction::mean_over{n}, view<const T, 2>(k.out));
        } else {
            return evaluate(scaled, reduction::none{}, view<const T, 2>(k.out));
        }
    }

    /// 1 for negatives that are left out.
    template <class T>
    std::vector<std::uint8_t> mined(const std::vector<T>& cost, const sampler::seed& seed) const {
        std::vector<index> negatives;
        double positives = 0;
        for (std::size_t e = 0; e < cost.size(); ++e) {
            if (cost[e] >= T(0)) negatives.push_back(static_cast<index>(e));
            if (cost[e] == T(-1)) positives += 1;
        }
        std::vector<std::uint8_t> out(cost.size(), 0);
        const double most = std::floor(neg_pos_ub * positives);
        if (static_cast<double>(negatives.size()) <= most) return out;
        const auto n = static_cast<index>(most);
        const auto kept =
            hard_mining ? sampler::least(negatives, n, [&](index e) { return -cost[static_cast<std::size_t>(e)]; })
                        : sampler::least(negatives, n, [&](index e) { return seed.bits(e, 0); });
        for (const index e : negatives) out[static_cast<std::size_t>(e)] = 1;
        for (const index e : kept) out[static_cast<std::size_t>(e)] = 0;
        return out;
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
