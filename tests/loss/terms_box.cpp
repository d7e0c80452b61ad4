// SPDX-License-Identifier: Apache-2.0
//
// The box terms that the common tests run over. A new term is one line.
#include "loss_terms.hpp"

#include <boxgrad/loss/alpha_iou.hpp>
#include <boxgrad/loss/bounded_iou.hpp>
#include <boxgrad/loss/ciou.hpp>
#include <boxgrad/loss/diou.hpp>
#include <boxgrad/loss/eiou.hpp>
#include <boxgrad/loss/focal_eiou.hpp>
#include <boxgrad/loss/giou.hpp>
#include <boxgrad/loss/iou.hpp>
#include <boxgrad/loss/overlap_loss.hpp>
#include <boxgrad/loss/siou.hpp>

namespace test {

namespace {

namespace loss = boxgrad::loss;
namespace overlap = boxgrad::overlap;
using loss::iou_mode;
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr unsigned draws = nonnegative | grows | pulls;

/// Where the bounds of bounded_iou switch: beta, equal centres or sizes, centres on the border.
double to_bounds(const double* p, const double* t) {
    double d = to_symmetry(p, t);
    for (int k = 0; k < 2; ++k) {
        const double a = p[k + 2] - p[k];
        const double b = t[k + 2] - t[k];
        const double off = std::abs(t[k] + t[k + 2] - p[k] - p[k + 2]) / 2;
        const double place = 4 * off / (b + 2 * off);
        const double size = std::abs(a - b) / std::max(a, b);
        d = std::min(
            {d, b * std::abs(place - 0.2) / 4, b * std::abs(place - 1) / 4, std::max(a, b) * std::abs(size - 0.2) / 2});
    }
    return d;
}
/// Where the extended IoU loss ends its square, 0.1; boxes of some 10 pixels.
double to_smooth_point(const double* p, const double* t) {
    const boxgrad::box<double> a{p[0], p[1], p[2], p[3]}, b{t[0], t[1], t[2], t[3]};
    return 10 * std::abs(1 - overlap::eiou{}(a, b) - 0.1);
}
/// Where inverted SIoU is clamped: it grows beyond 1.
double to_clamp(const double* p, const double* t) {
    const auto at = [&](int k, double by) {
        boxgrad::box<double> a{p[0], p[1], p[2], p[3]};
        (k == 0 ? a.x1 : k == 1 ? a.y1 : k == 2 ? a.x2 : a.y2) += by;
        return loss::inverted_siou{}(a, boxgrad::box<double>{t[0], t[1], t[2], t[3]});
    };
    bool clamped = false, free = false;
    for (int k = 0; k < 4; ++k) {
        for (const double by : {-0.05, 0.0, 0.05}) (at(k, by) > 0 && at(k, by) < 2 ? free : clamped) = true;
    }
    return clamped && free ? 0.0 : to_symmetry(p, t);
}

}  // namespace

std::vector<subject> box_subjects() {
    return {
        boxes("iou linear", loss::iou<iou_mode::linear>{}, nonnegative | grows),
        boxes("iou square", loss::iou<iou_mode::square>{}, nonnegative | grows),
        boxes("iou log", loss::iou<iou_mode::log>{}, nonnegative | grows),
        boxes("giou", loss::giou{}, draws),
        boxes("cjm_giou_square", loss::cjm_giou_square{}, nonnegative),
        boxes("diou", loss::diou{}, draws),
        boxes("ciou", loss::ciou{}, draws),
        boxes("ciou, plain", loss::overlap_loss<overlap::basic_ciou<overlap::alpha_rule::plain>>{},
              nonnegative | pulls),
        boxes("eiou", loss::eiou{}, draws | along_axes, to_smooth_point),
        boxes("siou", loss::siou{}, draws, to_symmetry),
        boxes("siou, inverted", loss::inverted_siou{}, nonnegative, to_clamp),
        boxes("efficient_iou", loss::efficient_iou{}, nonnegative),  // as the hull grows, unlike sizes count for less
        boxes("focal_eiou", loss::focal_eiou{}, nonnegative),
        boxes("alpha_iou", loss::alpha_iou<>{}, nonnegative | grows),
        boxes("alpha_iou of giou", loss::alpha_iou<overlap::giou>{}, draws),
        boxes("alpha_iou of diou, 1/2", loss::alpha_iou<overlap::diou>{0.5}, draws, to_symmetry),
        boxes("alpha_iou of ciou", loss::alpha_iou<overlap::ciou>{}, draws),
        boxes("bounded_iou", loss::bounded_iou{}, nonnegative | grows | cancels, to_bounds),
        boxes("bounded_iou, weighted", loss::weighted<loss::bounded_iou>{2, {}}, nonnegative | grows | cancels,
              to_bounds),
    };
}

std::vector<equality> box_equalities() {
    return {
        {"overlap_loss of giou: giou", boxes("", loss::overlap_loss<overlap::giou>{}, 0), boxes("", loss::giou{}, 0),
         1},
        {"alpha 1: the overlap's own loss", boxes("", loss::alpha_iou<overlap::giou>{1}, 0), boxes("", loss::giou{}, 0),
         1},
        {"gamma 0: efficient_iou", boxes("", loss::focal_eiou{0}, 0), boxes("", loss::efficient_iou{}, 0), 1},
    };
}

std::vector<refusal> box_refusals() {
    return {
        {boxes("alpha_iou", loss::alpha_iou<>{0}, 0), "alpha"},
        {boxes("alpha_iou", loss::alpha_iou<>{not_a_number}, 0), "alpha"},
        {boxes("alpha_iou", loss::alpha_iou<>{3, {}, 0}, 0), "eps"},
        {boxes("bounded_iou", loss::bounded_iou{-0.1}, 0), "beta"},
        {boxes("bounded_iou", loss::bounded_iou{not_a_number}, 0), "beta"},
        {boxes("bounded_iou", loss::weighted<loss::bounded_iou>{2, {-1}}, 0), "beta"},
        {boxes("focal_eiou", loss::focal_eiou{-0.1}, 0), "gamma"},
        {boxes("focal_eiou", loss::focal_eiou{not_a_number}, 0), "gamma"},
    };
}

}  // namespace test
