// SPDX-License-Identifier: Apache-2.0
/// \file
/// Assigners by overlap.

#include "golden_check/components.hpp"
#include "golden_check/components/assigners.hpp"

#include <boxgrad/assigner/approx_max_iou.hpp>
#include <boxgrad/assigner/atss.hpp>
#include <boxgrad/assigner/grid.hpp>
#include <boxgrad/assigner/max_iou.hpp>

namespace golden {

namespace {

/// One number, or a pair.
boxgrad::assigner::negative_range negatives_of(const recorded& c) {
    const parameter* const p = c.find("neg_iou_thr");
    if (!p || p->kind != parameter::list) return c.number("neg_iou_thr", 0.4);
    const std::vector<double> v = c.list("neg_iou_thr");
    if (v.size() != 2) throw bad_file("neg_iou_thr must be a number or a pair");
    return {v[0], v[1]};
}

template <class Assigner>
Assigner by_overlap(const recorded& c) {
    Assigner a;
    a.pos_iou_thr = c.number("pos_iou_thr", 0.5);
    a.neg_iou_thr = negatives_of(c);
    a.min_pos_iou = c.number("min_pos_iou", 0);
    a.gt_max_assign_all = c.flag("gt_max_assign_all", true);
    if constexpr (requires { a.match_low_quality; }) {
        using boxgrad::assigner::low_quality;
        a.match_low_quality = c.flag("match_low_quality", true) ? low_quality::reassign : low_quality::none;
        a.ignore_wrt_candidates = c.flag("ignore_wrt_candidates", true);
        a.ignore_iof_thr = c.number("ignore_iof_thr", -1);
    }
    return a;
}

}  // namespace

GOLDEN_COMPONENT(max_iou_assigner) {
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const recorded& c = k.expected();
        const auto truths = truths_of<T>(c);
        const auto priors = tensor_of<2>(b, c.input("priors"));
        report_assignment(k, b, by_overlap<boxgrad::assigner::max_iou<>>(c).assign(b, priors, truths), truths);
    });
}

GOLDEN_COMPONENT(approx_max_iou_assigner) {
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const recorded& c = k.expected();
        const auto truths = truths_of<T>(c);
        const auto squares = tensor_of<2>(b, c.input("priors"));
        const auto approxs = tensor_of<3>(b, c.input("approxs"));
        const boxgrad::assigner::approx_max_iou<> a{.matching = by_overlap<boxgrad::assigner::max_iou<>>(c)};
        report_assignment(k, b, a.assign(b, approxs, squares, truths), truths);
    });
}

GOLDEN_COMPONENT(grid_assigner) {
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const recorded& c = k.expected();
        const auto truths = truths_of<T>(c);
        const auto priors = tensor_of<2>(b, c.input("priors"));
        std::vector<std::uint8_t> flags;
        for (const std::int64_t f : whole_numbers(c.input("responsible_flags"))) flags.push_back(f != 0);
        const auto responsible =
            boxgrad::from_host(b, boxgrad::extents<2>{{1, static_cast<index>(flags.size())}}, flags.data());
        report_assignment(k, b, by_overlap<boxgrad::assigner::grid<>>(c).assign(b, priors, responsible, truths),
                          truths);
    });
}

GOLDEN_COMPONENT(atss_assigner) {
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const recorded& c = k.expected();
        const auto truths = truths_of<T>(c);
        const auto priors = tensor_of<2>(b, c.input("priors"));
        boxgrad::per_level<index> levels;
        for (const double n : c.list("num_level_priors")) levels.push_back(static_cast<index>(n));
        boxgrad::assigner::atss<> a;
        a.topk = static_cast<int>(c.whole("topk", a.topk));
        a.ignore_iof_thr = c.number("ignore_iof_thr", -1);
        const auto alpha = c.maybe_number("alpha");
        if (!alpha) {
            c.find_input("bboxes");  // without alpha the reference takes no notice either
            c.find_input("scores");
            report_assignment(k, b, a.assign(b, priors, levels, truths), truths);
            return;
        }
        a.alpha = *alpha;
        const auto boxes = tensor_of<2>(b, c.input("bboxes"));
        const auto scores = tensor_of<2>(b, c.input("scores"));
        report_assignment(k, b, a.assign(b, priors, levels, boxes, scores, truths), truths);
    });
}

}  // namespace golden
