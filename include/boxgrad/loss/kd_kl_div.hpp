// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/evaluate.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Knowledge distillation: logits x [N, C] or [N, C, ...] against those of a teacher, s, of the same shape.
///
///     t = softmax(s/T), p = softmax(x/T)
///     l = T²/C·Σ t_c·ln(t_c / p_c)             the divergence KL(t ‖ p), averaged over classes
///     ∂l/∂x_c = T/C·(p_c - t_c)
///
/// Not as differences of logarithms, which leave no digits where student and teacher agree: with z = (x - s)/T less
/// its mean under t, KL = ln(1 + Σ t·(e^z - 1 - z)), a sum of parts >= 0, and p - t = t·(e^(z - KL) - 1). Never
/// negative, exactly 0 with gradient 0 for equal logits, finite for every finite logit. Hinton et al., Distilling the
/// knowledge in a neural network, 2015; mmdetection 3.3, KnowledgeDistillationKLDivLoss.
struct kd_kl_div {
    static constexpr bool over_rows = true;
    double T = 10;  ///< temperature, positive

    constexpr void check() const { check_positive("loss::kd_kl_div", "T", T); }

    template <class V, class S>
    BOXGRAD_FN constexpr S row(const detail::row_of<V, detail::dense_target<S>>& r) const {
        const V heat(static_cast<S>(T)), one(S(1));
        const V bound(S(1e30));  // keeps differences of the largest logits finite
        const auto student = [&](index c, int count) { return max(min(r.at(c, count) / heat, bound), -bound); };
        const auto teacher = [&](index c, int count) { return max(min(r.target(c, count) / heat, bound), -bound); };
        const auto keep = [](V, index, int) {};
        const auto p = detail::softmax_of<V>(r.size(), student, keep);
        const auto t = detail::softmax_of<V>(r.size(), teacher, keep);
        const auto weight = [&](index c, int count) { return exp(teacher(c, count) - V(t.largest)) * V(t.inverse()); };
        const V shift(p.largest - t.largest);
        const auto apart = [&](index c, int count) {
            const V z = (r.at(c, count) - r.target(c, count)) / heat;
            return max(min(z, bound + bound), -(bound + bound)) - shift;
        };

        detail::row_sum<V> sum;
        r.for_packs(
            [&](index c, int count) { sum.add(detail::only_first(weight(c, count) * apart(c, count), count, S(0))); });
        const V mean(sum.total());
        // t·e^z is e^(x - largest + most).
        const S most = -sum.total() - log1p(t.rest);
        S kl = log1p(p.rest) + most;
        if (!(most > S(40))) {
            detail::row_sum<V> parts;
            r.for_packs([&](index c, int count) {
                const V w = weight(c, count);
                const V z = apart(c, count) - mean;
                const auto small = z < V(S(40));
                const V e = exp(select(small, z, (student(c, count) - V(p.largest)) + V(most)));
                const V far = select(small, w * (e - (one + z)), e - w * (one + z));
                parts.add(detail::only_first(select(is_near(z), w * excess(z), far), count, S(0)));
            });
            kl = log1p(max(parts.total(), S(0)));
        }
        const S scale = static_cast<S>(T) / static_cast<S>(r.size());
        if (r.wants_gradient()) {
            const V factor(r.factor() * scale);
            // Where KL is large, z less its mean and KL has lost digits that ln p - ln t has.
            const S lost[2] = {log1p(p.rest), log1p(t.rest)};
            const bool wide = abs(sum.total()) + kl > lost[0] + lost[1];
            const auto ratio = [&](index c, int count) {
                if (!wide) return (apart(c, count) - mean) - V(kl);
                return ((student(c, count) - V(p.largest)) - (teacher(c, count) - V(t.largest))) - V(lost[0] - lost[1]);
            };
            r.for_packs([&](index c, int count) {
                const V w = weight(c, count);
                const V y = ratio(c, count);
                const auto small = y < V(S(4));
                const V e = exp(select(small, y, student(c, count) - V(p.largest)));
                const V far = select(small, w * (e - one), e * V(p.inverse()) - w);
                r.write(factor * select(is_near(y), w * (y + excess(y)), far), c, count);
            });
        }
        return static_cast<S>(T) * scale * kl;
    }

private:
    template <class V>
    BOXGRAD_FN static constexpr mask_t<V> is_near(V z) {
        return abs(z) < V(scalar_t<V>(0.5));
    }
    /// e^z - 1 - z for |z| < 1/2: z²/2·(1 + z/3·(1 + z/4·(...))).
    template <class V>
    BOXGRAD_FN static constexpr V excess(V z) {
        using S = scalar_t<V>;
        V sum(S(1));
        for (int n = sizeof(S) == 4 ? 9 : 16; n > 2; --n) sum = V(S(1)) + z * V(S(1) / static_cast<S>(n)) * sum;
        return V(S(0.5)) * z * z * sum;
    }
};
static_assert(row_term<kd_kl_div>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
