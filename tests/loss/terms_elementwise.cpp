// SPDX-License-Identifier: Apache-2.0
//
// The elementwise terms that the common tests run over. A new term is one line.
#include "loss_terms.hpp"

#include <boxgrad/loss/balanced_l1.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/gaussian_focal.hpp>
#include <boxgrad/loss/ghm.hpp>
#include <boxgrad/loss/huber.hpp>
#include <boxgrad/loss/l1.hpp>
#include <boxgrad/loss/mse.hpp>
#include <boxgrad/loss/probability_focal.hpp>
#include <boxgrad/loss/quality_focal.hpp>
#include <boxgrad/loss/sigmoid_focal.hpp>
#include <boxgrad/loss/smooth_l1.hpp>
#include <boxgrad/loss/varifocal.hpp>

#include "../docs/examples/charbonnier.hpp"  // the documents' own term

namespace test {

namespace {

namespace loss = boxgrad::loss;
using enum numbers;
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr unsigned classifies = nonnegative | exact_tails | any_logit;
constexpr unsigned regresses = nonnegative | zero_at_target | grows;

/// Where a probability is its target.
std::vector<double> itself(double t) { return t > 0 && t < 1 ? std::vector<double>{t} : std::vector<double>{}; }

}  // namespace

std::vector<subject> elementwise_subjects() {
    return {
        elementwise("bce", loss::bce{}, logits, soft, classifies),
        elementwise("bce, weighted", loss::weighted<loss::bce>{0.5, {}}, logits, soft, classifies),
        elementwise("l1", loss::l1{}, differences, differences, regresses, around({})),
        elementwise("own term", charbonnier{1}, differences, differences, regresses),
        elementwise("mse", loss::mse{}, differences, differences, regresses),
        elementwise("smooth_l1", loss::smooth_l1{}, differences, differences, regresses, around({1})),
        elementwise("smooth_l1, beta 1/9", loss::smooth_l1{1.0 / 9}, differences, differences, regresses,
                    around({1.0 / 9})),
        elementwise("smooth_l1, beta 0", loss::smooth_l1{0}, differences, differences, regresses, around({})),
        elementwise("huber", loss::huber{}, differences, differences, regresses, around({1})),
        elementwise("huber, delta 3", loss::huber{3}, differences, differences, regresses, around({3})),
        elementwise("authentic_smooth_l1", loss::authentic_smooth_l1{1}, differences, differences, regresses),
        elementwise("balanced_l1", loss::balanced_l1{}, differences, differences, regresses, around({1})),
        elementwise("balanced_l1, beta 1/2", loss::balanced_l1{0.5, 0.5, 0.5}, differences, differences,
                    nonnegative | zero_at_target, around({0.5})),
        elementwise("sigmoid_focal", loss::sigmoid_focal{}, logits, soft, classifies),
        elementwise("sigmoid_focal, gamma 1.5", loss::sigmoid_focal{-1, 1.5}, logits, soft, classifies),
        elementwise("sigmoid_focal, gamma 1/2", loss::sigmoid_focal{0.25, 0.5}, logits, soft, classifies),
        elementwise("sigmoid_focal, gamma 0", loss::sigmoid_focal{0.5, 0}, logits, soft, classifies),
        elementwise("quality_focal", loss::quality_focal{}, logits, soft, classifies, at_target),
        elementwise("quality_focal, beta 1", loss::quality_focal{1}, logits, soft, classifies, at_target),
        elementwise("varifocal", loss::varifocal{}, logits, soft, classifies),
        elementwise("varifocal, not weighted, gamma 1", loss::varifocal{0.5, 1, false}, logits, soft, classifies),
        elementwise("probability_focal", loss::probability_focal{}, probabilities, soft, nonnegative),
        elementwise("probability_focal, gamma 1/2", loss::probability_focal{-1, 0.5}, probabilities, soft, nonnegative),
        elementwise("probability_quality_focal", loss::probability_quality_focal{}, probabilities, soft, nonnegative,
                    itself),
        elementwise("gaussian_focal", loss::gaussian_focal{}, probabilities, soft, nonnegative),
        elementwise("gaussian_focal, weighted", loss::gaussian_focal{1, 2, 0.5, 3}, probabilities, soft, nonnegative),
    };
}

std::vector<equality> elementwise_equalities() {
    const auto logit = [](const auto& term) { return elementwise("", term, logits, soft, 0); };
    const auto number = [](const auto& term) { return elementwise("", term, differences, differences, 0); };
    const auto probability = [](const auto& term) { return elementwise("", term, probabilities, soft, 0); };
    return {
        {"gamma 0, no alpha: bce", logit(loss::sigmoid_focal{-1, 0}), logit(loss::bce{}), 1},
        {"gamma 0, alpha 1/2: half of bce", logit(loss::sigmoid_focal{0.5, 0}), logit(loss::bce{}), 0.5},
        {"beta 0: bce", logit(loss::quality_focal{0}), logit(loss::bce{}), 1},
        {"beta 0: l1", number(loss::smooth_l1{0}), number(loss::l1{}), 1},
        {"huber is delta times smooth_l1", number(loss::huber{0.25}), number(loss::smooth_l1{0.25}), 0.25},
        {"gamma 0 and beta 0 of probabilities", probability(loss::probability_focal{-1, 0}),
         probability(loss::probability_quality_focal{0}), 1},
    };
}

std::vector<refusal> elementwise_refusals() {
    const auto refused = [](const char* name, const auto& term) { return elementwise(name, term, logits, soft, 0); };
    return {
        {refused("sigmoid_focal", loss::sigmoid_focal{0.25, -1}), "gamma"},
        {refused("sigmoid_focal", loss::sigmoid_focal{0.25, not_a_number}), "gamma"},
        {refused("sigmoid_focal", loss::weighted<loss::sigmoid_focal>{1, {0.25, -1}}), "gamma"},
        {refused("quality_focal", loss::quality_focal{-1}), "beta"},
        {refused("quality_focal", loss::quality_focal{not_a_number}), "beta"},
        {refused("varifocal", loss::varifocal{-1, 2}), "alpha"},
        {refused("varifocal", loss::varifocal{0.75, -1}), "gamma"},
        {refused("varifocal", loss::varifocal{0.75, not_a_number}), "gamma"},
        {refused("probability_focal", loss::probability_focal{2, 2}), "alpha"},
        {refused("probability_focal", loss::probability_focal{0.25, -1}), "gamma"},
        {refused("probability_quality_focal", loss::probability_quality_focal{-1}), "beta"},
        {refused("gaussian_focal", loss::gaussian_focal{-1}), "alpha"},
        {refused("gaussian_focal", loss::gaussian_focal{2, not_a_number}), "gamma"},
        {refused("gaussian_focal", loss::gaussian_focal{2, 4, -1}), "pos_weight"},
        {refused("gaussian_focal", loss::gaussian_focal{2, 4, 1, -1}), "neg_weight"},
        {refused("smooth_l1", loss::smooth_l1{-1}), "beta"},
        {refused("smooth_l1", loss::smooth_l1{not_a_number}), "beta"},
        {refused("authentic_smooth_l1", loss::authentic_smooth_l1{0}), "mu"},
        {refused("huber", loss::huber{0}), "delta"},
        {refused("huber", loss::huber{not_a_number}), "delta"},
        {refused("balanced_l1", loss::balanced_l1{0}), "alpha"},
        {refused("balanced_l1", loss::balanced_l1{0.5, -1}), "gamma"},
        {refused("balanced_l1", loss::balanced_l1{0.5, 1.5, 0}), "beta"},
        {refused("balanced_l1", loss::balanced_l1{0.5, 21}), "gamma / alpha"},
        {refused("balanced_l1", loss::balanced_l1{0.5, 1.5, not_a_number}), "beta"},
    };
}

}  // namespace test
