// SPDX-License-Identifier: Apache-2.0
//
// The row terms that the common tests run over. A new term is one line.
#include "loss_terms.hpp"

#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/cross_entropy.hpp>
#include <boxgrad/loss/dice.hpp>
#include <boxgrad/loss/distribution_focal.hpp>
#include <boxgrad/loss/kd_kl_div.hpp>
#include <boxgrad/loss/multi_pos_cross_entropy.hpp>
#include <boxgrad/loss/per_row.hpp>
#include <boxgrad/loss/softmax_focal.hpp>

#include "../docs/examples/poly1.hpp"  // the documents' own term

namespace test {

namespace {

namespace loss = boxgrad::loss;
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr unsigned classifies = nonnegative | exact_tails | any_logit;

}  // namespace

std::vector<subject> row_subjects() {
    return {
        rows<wants::label>("cross_entropy", loss::cross_entropy{}, any_label, classifies),
        rows<wants::dense>("cross_entropy, distributions", loss::cross_entropy{}, any_distribution,
                           nonnegative | any_logit),
        rows<wants::label>("own term", poly1{}, any_label, classifies),
        rows<wants::label>("softmax_focal", loss::softmax_focal{}, any_label, classifies),
        rows<wants::label>("softmax_focal, gamma 1/2", loss::softmax_focal{0.5}, any_label, classifies),
        rows<wants::dense>("softmax_focal, distributions", loss::softmax_focal{}, any_distribution,
                           nonnegative | any_logit),
        rows<wants::number>("distribution_focal", loss::distribution_focal{}, any_bin, nonnegative | any_logit,
                            {2, 8, 17}),
        rows<wants::number>("distribution_focal, weighted", loss::weighted<loss::distribution_focal>{0.25, {}}, any_bin,
                            nonnegative | any_logit, {2, 17}),
        rows<wants::dense>("kd_kl_div", loss::kd_kl_div{}, any_logits, nonnegative | zero_at_target | any_logit),
        rows<wants::dense>("kd_kl_div, T 1", loss::kd_kl_div{1}, any_logits, nonnegative | zero_at_target | any_logit),
        rows<wants::dense>("multi_pos_cross_entropy", loss::multi_pos_cross_entropy{}, any_positives, classifies),
        rows<wants::dense>("dice", loss::dice{}, hard_or_soft, nonnegative | cancels | any_logit),
        rows<wants::dense>("dice, naive", loss::dice{true, true}, hard_or_soft, nonnegative | cancels | any_logit),
        rows<wants::dense>("dice of probabilities", loss::dice{false}, hard_or_soft,
                           nonnegative | cancels | zero_at_target, {1, 3, 17}, numbers::probabilities),
        rows<wants::dense>("per_row of bce", loss::per_row<loss::bce>{}, hard_or_soft, nonnegative),
        rows<wants::label>("per_row of bce, labels", loss::per_row<loss::bce>{}, label_or_background,
                           nonnegative | exact_tails),
    };
}

std::vector<equality> row_equalities() {
    const auto labelled = [](const auto& term) { return rows<wants::label>("", term, any_label, 0); };
    const auto distributed = [](const auto& term) { return rows<wants::dense>("", term, any_distribution, 0); };
    return {
        {"gamma 0: cross_entropy", labelled(loss::softmax_focal{0}), labelled(loss::cross_entropy{}), 1},
        {"gamma 0, distributions: cross_entropy", distributed(loss::softmax_focal{0}),
         distributed(loss::cross_entropy{}), 1},
    };
}

std::vector<refusal> row_refusals() {
    return {
        {rows<wants::label>("softmax_focal", loss::softmax_focal{-1}, any_label, 0), "gamma"},
        {rows<wants::label>("softmax_focal", loss::softmax_focal{not_a_number}, any_label, 0), "gamma"},
        {rows<wants::dense>("kd_kl_div", loss::kd_kl_div{0}, any_logits, 0), "T"},
        {rows<wants::dense>("kd_kl_div", loss::kd_kl_div{-1}, any_logits, 0), "T"},
        {rows<wants::dense>("kd_kl_div", loss::kd_kl_div{not_a_number}, any_logits, 0), "T"},
        {rows<wants::dense>("dice", loss::dice{true, false, -1}, hard_or_soft, 0), "eps"},
        {rows<wants::dense>("dice", loss::dice{true, false, not_a_number}, hard_or_soft, 0), "eps"},
        {rows<wants::number>("distribution_focal", loss::distribution_focal{not_a_number}, any_bin, 0), "clamp_margin"},
    };
}

}  // namespace test
