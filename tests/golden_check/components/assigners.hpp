// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What every assigner's case has: truths, ignored regions, the assignment.

#include "golden_check/backends.hpp"

#include <boxgrad/assigner/result.hpp>

namespace golden {

/// The truths and ignored regions of a case's one image.
template <class T>
boxgrad::truth_list<T> truths_of(const recorded& c) {
    boxgrad::truth_list<T> list;
    add_truths(list, c.input("gt_bboxes"), c.input("gt_labels"));
    if (const array* const regions = c.find_input("gt_bboxes_ignore")) {
        const std::vector<T> flat = numbers<T>(*regions);
        for (std::size_t i = 0; i + 3 < flat.size(); i += 4) {
            list.ignored.push_back({flat[i], flat[i + 1], flat[i + 2], flat[i + 3]});
        }
        list.ignored_offsets.back() = static_cast<index>(list.ignored.size());
    }
    return list;
}

/// Reports an assignment as the reference numbers it, but for its overlaps.
template <class B, class R>
void report_rows(checker& k, const B& b, const R& r, const boxgrad::truth_list<typename B::scalar>& truths) {
    const auto rows = boxgrad::to_host<2>(b, r.truth);
    const auto n = static_cast<index>(rows.size());
    std::vector<std::int64_t> labels;
    for (const std::int32_t l : boxgrad::to_host<2>(b, boxgrad::assigner::labels<B>(b, r, truths))) {
        labels.push_back(l >= 0 ? l : -1);
    }
    k.output("gt_inds", {n}, gt_inds_of(rows.data(), n, boxgrad::assigner::background));
    k.output("labels", {n}, labels);
    k.output("num_gts", truths.size());
}
/// The same with overlaps.
template <class B, class R>
void report_assignment(checker& k, const B& b, const R& r, const boxgrad::truth_list<typename B::scalar>& truths) {
    report_rows(k, b, r, truths);
    const auto overlaps = boxgrad::to_host<2>(b, r.overlap);
    k.output("max_overlaps", {static_cast<index>(overlaps.size())}, overlaps);
}

}  // namespace golden
