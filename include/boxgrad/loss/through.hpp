// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/coder/coder.hpp>
#include <boxgrad/loss/evaluate.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

namespace detail {

/// Boxes that a coder makes of the four numbers of a row.
template <class Coder, class Formula, class Priors>
struct decoded_predictions {
    Formula formula;
    Priors source;
    image_shape border;
    bool clipped;

    template <class D, class V>
    BOXGRAD_FN box<D> at(const fields<D, 4>& f, index i, int count) const {
        const auto prior = source.template at<V>(i, count);
        const box<D> x = formula.decode(prior, typename Coder::template code_of<D>{f[0], f[1], f[2], f[3]});
        return clipped ? clip(x, border) : x;
    }
};

}  // namespace detail

/// A loss of boxes taken through a coder: the prediction is what the network put out, the boxes in between are
/// never stored. Made by `through`; refers to the priors, which have to outlive the call.
///
///     l = term(decode(prior, code), target)         ∂l/∂code by the chain rule, in the same pass
///
/// Takes the place of a box term in `value` and `value_and_gradient`: prediction [N, 4] codes, target [N, 4] boxes,
/// weights as the term has them.
template <class Coder, class Term, class Priors>
struct through_coder {
    Coder coder;
    Term term;
    const Priors* priors;
    image_shape border;

    /// As a term it is one of boxes: concepts ask these.
    template <number V>
    BOXGRAD_FN constexpr auto operator()(const box<V>& p, const box<V>& t) const
        requires requires(const Term& f) { f(p, t); }
    {
        return term(p, t);
    }
    constexpr void check() const { detail::check(term); }

    constexpr const Term& formula() const { return term; }
    /// What makes boxes of `rows` codes on backend b. Throws shape_error and what the coder throws.
    template <class B>
        requires coder::detail::priors_for<Priors, B, Coder>
    auto map(const B& b, const char* op, index rows) const {
        const auto source = coder::detail::prior_source(b, coder, *priors, op);
        check_shape<1>(op, "priors", {{rows}}, {{source.size()}});
        const auto decoder = coder::detail::prepared<typename B::scalar>(coder);
        const image_shape within = coder::detail::within(coder, border);
        using D = std::remove_const_t<decltype(decoder)>;
        using S = std::remove_const_t<decltype(source)>;
        return detail::decoded_predictions<Coder, D, S>{decoder, source, within, is_bounded(within)};
    }
};

/// `term` of the boxes that `coder` decodes, against priors [N, ...] or a row source, as the coder's page says. Where
/// `border` is given, boxes are clipped to the picture as in coder::decode.
template <coder::box_coder Coder, detail::box_row_term Term, class Priors>
constexpr through_coder<Coder, Term, Priors> through(const Coder& coder, const Term& term, const Priors& priors,
                                                     image_shape border = {}) {
    return {coder, term, &priors, border};
}
template <coder::box_coder Coder, detail::box_row_term Term, class Priors>
void through(const Coder&, const Term&, const Priors&&, image_shape = {}) = delete;

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
