// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/cross_entropy.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Distribution focal loss: logits [N, n + 1] of the whole numbers 0 to n, against a number [N] between two of them.
///
///     k = floor(y)
///     l = (k + 1 - y)·ce(k) + (y - k)·ce(k + 1)           ce(c) = ln Σ e^x - x_c
///     ∂l/∂x_c = p_c - (k + 1 - y)·[c = k] - (y - k)·[c = k + 1]
///
/// Targets lie in [0, n): others are a config_error which names the row (promise P14). With a margin m they are
/// clamped to [0, n - m] as they are read, NaN alone is an error; ultralytics has m = 0.01, mmdetection's heads 0.1.
/// Finite for every finite logit. Li et al., Generalized focal loss, NeurIPS 2020, equation 6; mmdetection 3.3,
/// DistributionFocalLoss.
struct distribution_focal {
    static constexpr bool over_rows = true;
    double clamp_margin = -1;  ///< negative: targets outside are errors

    constexpr void check() const { check_finite("loss::distribution_focal", "clamp_margin", clamp_margin); }

    template <class T>
    BOXGRAD_FN constexpr bool accepts(T y, index columns) const {
        const T n = static_cast<T>(columns - 1);
        return columns > 1 && (clamp_margin < 0 ? y >= T(0) && y < n : y == y);
    }
    template <class V, class T>
    BOXGRAD_FN constexpr T row(const detail::row_of<V, detail::number_target<T>>& r) const {
        const index n = r.size() - 1;
        T y = r.target().number;
        if (clamp_margin >= 0) y = max(min(y, static_cast<T>(n) - static_cast<T>(clamp_margin)), T(0));
        index k = static_cast<index>(y);
        if (k == n) --k;  // where the margin is rounded away
        const index at[2] = {k, k + 1};
        const T weight[2] = {static_cast<T>(k + 1) - y, y - static_cast<T>(k)};
        return detail::over_softmax<cross_entropy>{}.template few<V>(r, at, weight);
    }
};
static_assert(row_term<distribution_focal>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
