// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/evaluate.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Cross entropy with several positives: scores [N, C] or [N, C, ...] against numbers of the same shape, 1 for a
/// positive and 0 for a negative; classes of any other number do not take part.
///
///     u = ln Σ_neg e^x + ln Σ_pos e^-x
///     l = ln(1 + Σ_neg Σ_pos e^(x_neg - x_pos)) = ln(1 + e^u)
///     ∂l/∂x_c = σ(u)·e^x_c / Σ_neg e^x         of a negative
///             = -σ(u)·e^-x_c / Σ_pos e^-x      of a positive
///
/// A row without positives or without negatives has loss and gradient 0. The two sums are taken each from its own
/// largest number, and u from their difference: finite for every finite score, and exact where u is far from 0.
/// Pang et al., Quasi-dense similarity learning, CVPR 2021; mmdetection 3.3, MultiPosCrossEntropyLoss.
struct multi_pos_cross_entropy {
    static constexpr bool over_rows = true;

    template <class V, class T>
    BOXGRAD_FN constexpr T row(const detail::row_of<V, detail::dense_target<T>>& r) const {
        const V zero(T(0)), one(T(1)), none(-infinity<T>);
        const auto negative = [&](index c, int count) {
            return select(r.target(c, count) == zero, r.at(c, count), none);
        };
        const auto positive = [&](index c, int count) {
            return select(r.target(c, count) == one, -r.at(c, count), none);
        };
        bool some_low = false;
        bool some_high = false;
        r.for_packs([&](index c, int count) {
            const V t = r.target(c, count);
            some_low = some_low || any(t == zero);
            some_high = some_high || any(t == one);
        });
        if (!some_low || !some_high) {
            if (r.wants_gradient()) r.for_packs([&](index c, int count) { r.write(zero, c, count); });
            return T(0);
        }
        const auto keep = [](V, index, int) {};
        const auto low = detail::softmax_of<V>(r.size(), negative, keep);
        const auto high = detail::softmax_of<V>(r.size(), positive, keep);
        const T most = number_traits<T>::largest;
        const T u = max(min((low.largest + high.largest) + (log1p(low.rest) + log1p(high.rest)), most), -most);
        if (r.wants_gradient()) {
            const T factor = r.factor() * sigmoid(u);
            const V to_low(factor * low.inverse());
            const V to_high(-factor * high.inverse());
            r.for_packs([&](index c, int count) {
                const auto is_low = r.target(c, count) == zero;
                const V e = exp(select(is_low, r.at(c, count) - V(low.largest), positive(c, count) - V(high.largest)));
                r.write(select(is_low, to_low, to_high) * e, c, count);
            });
        }
        return softplus(u);
    }
};
static_assert(row_term<multi_pos_cross_entropy>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
