// SPDX-License-Identifier: Apache-2.0
/// \file
/// Assigners by place: core regions, nearest predictions, points and cells.

#include "golden_check/backends.hpp"
#include "golden_check/components.hpp"
#include "golden_check/components/levels.hpp"

#include <boxgrad/assigner/center_region.hpp>
#include <boxgrad/assigner/point.hpp>
#include <boxgrad/assigner/region.hpp>
#include <boxgrad/assigner/uniform.hpp>

namespace golden {

namespace {

/// The truths of the one image, and regions where the case has them.
template <class T>
boxgrad::truth_list<T> truths_of(const recorded& c) {
    boxgrad::truth_list<T> truths;
    add_truths(truths, c.input("gt_bboxes"), c.input("gt_labels"));
    if (const array* const regions = c.find_input("gt_bboxes_ignore")) {
        const std::vector<T> flat = numbers<T>(*regions);
        for (std::size_t k = 0; k < flat.size(); k += 4) {
            truths.ignored.push_back({flat[k], flat[k + 1], flat[k + 2], flat[k + 3]});
        }
        truths.ignored_offsets.back() = static_cast<index>(truths.ignored.size());
    }
    return truths;
}

template <class B>
void report_rows(checker& k, const B& b, const boxgrad::assigner::result<B>& r,
                 const boxgrad::truth_list<typename B::scalar>& truths) {
    const auto rows = boxgrad::to_host<2>(b, r.truth);
    const auto n = static_cast<index>(rows.size());
    std::vector<std::int64_t> label;
    for (const std::int32_t l : boxgrad::to_host<2>(b, boxgrad::assigner::labels(b, r, truths))) {
        label.push_back(l < 0 ? -1 : l);
    }
    k.output("gt_inds", {n}, gt_inds_of(rows.data(), n, boxgrad::assigner::background));
    k.output("labels", {n}, label);
    k.output("num_gts", truths.size());
}

}  // namespace

GOLDEN_COMPONENT(center_region_assigner) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        boxgrad::assigner::center_region a;
        a.pos_scale = c.number("pos_scale", a.pos_scale);
        a.neg_scale = c.number("neg_scale", a.neg_scale);
        a.min_pos_iof = c.number("min_pos_iof", a.min_pos_iof);
        a.ignore_gt_scale = c.number("ignore_gt_scale", a.ignore_gt_scale);
        a.foreground_dominate = c.flag("foreground_dominate", a.foreground_dominate);
        const auto priors = tensor_of<2>(b, c.input("priors"));
        const auto truths = truths_of<typename std::remove_cvref_t<decltype(b)>::scalar>(c);
        const auto r = a.assign(b, priors, truths);
        report_rows(k, b, r, truths);
        const auto rows = boxgrad::to_host<2>(b, r.shadowed_labels);
        k.output("shadowed_labels", {static_cast<index>(rows.size()) / 2, 2},
                 std::vector<std::int64_t>(rows.begin(), rows.end()));
    });
}

GOLDEN_COMPONENT(uniform_assigner) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        boxgrad::assigner::uniform a;
        a.pos_ignore_thr = c.number("pos_ignore_thr", a.pos_ignore_thr);
        a.neg_ignore_thr = c.number("neg_ignore_thr", a.neg_ignore_thr);
        a.match_times = static_cast<int>(c.whole("match_times", a.match_times));
        const auto priors = tensor_of<2>(b, c.input("priors"));
        const auto predictions = tensor_of<2>(b, c.input("decoder_priors"));
        const auto truths = truths_of<typename std::remove_cvref_t<decltype(b)>::scalar>(c);
        const auto r = a.assign(b, priors, predictions, truths);
        report_rows(k, b, r, truths);
        report<1>(k, b, "max_overlaps", r.truth_overlap);  // a number a truth there as well
        report<1>(k, b, "pos_idx", r.pos_idx);
        report<2>(k, b, "pos_predicted_boxes", r.pos_predicted_boxes);
        report<2>(k, b, "target_boxes", r.target_boxes);
    });
}

GOLDEN_COMPONENT(point_assigner) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        boxgrad::assigner::point a;
        a.scale = c.number("scale", a.scale);
        a.pos_num = static_cast<int>(c.whole("pos_num", a.pos_num));
        const auto points = tensor_of<2>(b, c.input("priors"));
        const auto truths = truths_of<typename std::remove_cvref_t<decltype(b)>::scalar>(c);
        report_rows(k, b, a.assign(b, points, truths), truths);
    });
}

GOLDEN_COMPONENT(region_assigner) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        boxgrad::assigner::region a;
        a.center_ratio = c.number("center_ratio", a.center_ratio);
        a.ignore_ratio = c.number("ignore_ratio", a.ignore_ratio);
        a.anchor_scale = c.number("anchor_scale", a.anchor_scale);
        a.anchor_strides = as_list<boxgrad::per_level<double>>(c.list("anchor_strides"));
        a.allowed_border = c.number("allowed_border", a.allowed_border);
        const auto sizes = sizes_of(c);
        const std::vector<double> anchors = c.list("num_level_anchors");
        for (int l = 0; l < sizes.size(); ++l) {
            if (anchors.at(static_cast<std::size_t>(l)) != static_cast<double>(sizes[l].cells())) {
                throw bad_file("num_level_anchors must be one a cell");
            }
        }
        const boxgrad::image_shape shapes[] = {shape_of(c, "img_shape")};
        const auto priors = tensor_of<2>(b, c.input("priors"));
        const array& valid = c.input("valid_flags");
        const std::vector<std::uint8_t> bits(whole_numbers(valid).begin(), whole_numbers(valid).end());
        const auto flags = boxgrad::from_host<std::uint8_t>(b, extents_of<1>(valid.shape), bits.data());
        const auto truths = truths_of<typename std::remove_cvref_t<decltype(b)>::scalar>(c);
        const auto r = a.assign(b, priors, flags, sizes, shapes, truths);
        report_rows(k, b, r, truths);
        k.output("max_overlaps", valid.shape, boxgrad::to_host<2>(b, r.overlap));
    });
}

}  // namespace golden
