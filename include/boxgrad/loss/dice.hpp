// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/evaluate.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Dice loss of masks: 1 minus the overlap of predicted and target pixels of a row. p = σ(x), or x where the prediction
/// is `activate`d already (then `activate` is false).
///
///     squared    l = 1 - 2·Σ p·t / (Σ p² + ε + Σ t² + ε)
///                  = (S + 2ε) / (S + 2ε + 2·Σ p·t),         S = Σ (p - t)²
///     naive      l = 1 - (2·Σ p·t + ε) / (Σ p + Σ t + ε)
///                  = S / (S + 2·Σ p·t + ε),                 S = Σ p·(1 - t) + t·(1 - p)
///
/// computed in the second form of each: not negative, and nothing cancels. Prediction and target [N, D], the pixels
/// of a mask in a row; target in [0, 1]; value [N]. Where ε = 0 and a naive row holds nothing at all, l = 0.
///
/// Milletari et al., V-Net, 3DV 2016, equation of section 3 (squared); mmdetection 3.3, DiceLoss. Throws config_error
/// for eps < 0.
struct dice {
    static constexpr bool over_rows = true;
    bool activate = true;     ///< the prediction is a logit
    bool naive_dice = false;  ///< sums in the denominator are not squared
    double eps = 1e-3;

    constexpr void check() const {
        detail::check_parameter("loss::dice", "eps", eps >= 0 && eps <= largest_finite<double>,
                                "finite and not negative", eps);
    }

    template <class V, class T>
    BOXGRAD_FN constexpr T row(const detail::row_of<V, detail::dense_target<T>>& r) const {
        using D = dual<double, 2>;
        detail::lane_sum<V> apart, common;
        r.for_packs([&](index c, int count) {
            const pixel<V> e(*this, r.at(c, count), r.target(c, count));
            apart.add(detail::only_first(e.apart(naive_dice), count, T(0)));
            common.add(detail::only_first(e.p * e.t, count, T(0)));
        });
        const D l = of_sums(D::variable(apart.finish(), 0), D::variable(common.finish(), 1));
        if (r.wants_gradient()) {
            const V by_apart(r.factor() * static_cast<T>(l.partial[0]));
            const V by_common(r.factor() * static_cast<T>(l.partial[1]));
            r.for_packs([&](index c, int count) {
                const pixel<V> e(*this, r.at(c, count), r.target(c, count));
                r.write((by_apart * e.slope_of_apart(naive_dice) + by_common * e.t) * e.slope, c, count);
            });
        }
        return static_cast<T>(l.value);
    }

private:
    /// p, 1 - p, and dp/dx.
    template <class V>
    struct pixel {
        V p, q, t, slope;

        BOXGRAD_FN constexpr pixel(const dice& d, V x, V target) : t(target) {
            const V one(scalar_t<V>(1));
            p = d.activate ? sigmoid(x) : x;
            q = d.activate ? sigmoid(-x) : one - x;
            slope = d.activate ? p * q : one;
        }
        BOXGRAD_FN constexpr V rest() const { return V(scalar_t<V>(1)) - t; }
        /// p - t.
        BOXGRAD_FN constexpr V error() const { return rest() * p - t * q; }
        BOXGRAD_FN constexpr V apart(bool naive) const { return naive ? rest() * p + t * q : error() * error(); }
        BOXGRAD_FN constexpr V slope_of_apart(bool naive) const {
            return naive ? rest() - t : V(scalar_t<V>(2)) * error();
        }
    };

    /// a / (a + b) by the ratio of the smaller to the larger, so that no derivative takes 1 minus a number near 1.
    template <class D>
    BOXGRAD_FN constexpr D of_sums(const D& apart, const D& common) const {
        const D a = naive_dice ? apart : apart + D(2 * eps);
        const D b = D(2.0) * common + D(naive_dice ? eps : 0.0);
        const bool apart_is_less = a <= b;
        const D larger = apart_is_less ? b : a;
        const D ratio = (apart_is_less ? a : b) / (larger.value == 0 ? D(1.0) : larger);
        return (apart_is_less ? ratio : D(1.0)) / (D(1.0) + ratio);
    }
};
static_assert(row_term<dice>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
