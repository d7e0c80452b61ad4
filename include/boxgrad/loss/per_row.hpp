// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/evaluate.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// An elementwise term summed over the classes of a row: one value a row, and a mean over rows.
///
///     l_i = Σ_c term(x_ic, t_ic)           ∂l_i/∂x_ic = ∂term(x_ic, t_ic)
///
/// Prediction [N, C, ...]; target of the same shape, or labels [N, ...] up to C with scores if given.
template <elementwise_term Term>
struct per_row {
    static constexpr bool over_rows = true;
    static constexpr bool takes_background = true;
    Term term{};

    constexpr void check() const { detail::check(term); }

    template <class Row>
    BOXGRAD_FN constexpr typename Row::scalar row(const Row& r) const {
        using V = typename Row::number;
        using T = typename Row::scalar;
        detail::row_sum<V> sum;
        r.for_packs([&](index c, int count) {
            const V t = target(r, c, count);
            V l;
            if (r.wants_gradient()) {
                const auto d = term(dual<V, 1>::variable(r.at(c, count), 0), t);
                l = d.value;
                r.write(V(r.factor()) * d.partial[0], c, count);
            } else {
                l = term(r.at(c, count), t);
            }
            sum.add(detail::only_first(l, count, T(0)));
        });
        return sum.total();
    }

private:
    template <class V, class T>
    BOXGRAD_FN static constexpr V target(const detail::row_of<V, detail::dense_target<T>>& r, index c, int count) {
        return r.target(c, count);
    }
    /// The score in the label's lane, else 0.
    template <class V, class T>
    BOXGRAD_FN static constexpr V target(const detail::row_of<V, detail::label_target<T>>& r, index c, int) {
        T lanes[static_cast<std::size_t>(width_v<V>)]{};
        const index at = r.target().label - c;
        if (at < 0 || at >= width_v<V>) return V(T(0));
        lanes[at] = r.target().score;
        return load<V>(lanes, 1, width_v<V>);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
