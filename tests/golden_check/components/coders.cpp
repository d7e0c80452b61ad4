// SPDX-License-Identifier: Apache-2.0
/// \file
/// The other box coders.

#include "golden_check/components/coders.hpp"
#include "golden_check/components.hpp"

#include <boxgrad/coder/bucketing.hpp>
#include <boxgrad/coder/distance_point.hpp>
#include <boxgrad/coder/pseudo.hpp>
#include <boxgrad/coder/tblr.hpp>
#include <boxgrad/coder/yolo.hpp>

namespace golden {

namespace {

namespace coder = boxgrad::coder;

/// Boxes [N, 4] with the strides [N] or [N, 1] as a fifth column.
array with_strides(const array& boxes, const array& strides) {
    const std::vector<std::int64_t>& s = whole_numbers(strides);
    if (boxes.is_whole || boxes.shape != std::vector<index>{static_cast<index>(s.size()), 4}) {
        throw bad_file("input stride must be one for each prior");
    }
    array r = array::of({boxes.shape[0], 5}, std::vector<double>{});
    for (std::size_t i = 0; i < s.size(); ++i) {
        r.real.insert(r.real.end(), boxes.real.begin() + static_cast<index>(4 * i),
                      boxes.real.begin() + static_cast<index>(4 * i + 4));
        r.real.push_back(static_cast<double>(s[i]));
    }
    return r;
}

}  // namespace

GOLDEN_COMPONENT(yolo_bbox_coder) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        coder::yolo y;
        y.eps = c.number("eps", y.eps);
        const array* const strides = c.find_input("stride");
        const auto stride = c.maybe_number("stride");
        if ((strides != nullptr) == stride.has_value()) throw bad_file("stride must be a parameter or an input");
        y.stride = stride.value_or(y.stride);
        const array& boxes = c.input("bboxes");
        code(k, b, y, strides ? with_strides(boxes, *strides) : boxes, {"targets", "preds"});
    });
}

GOLDEN_COMPONENT(tblr_bbox_coder) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        coder::tblr t;
        if (const parameter* const p = c.find("normalizer")) {
            const bool one = p->kind == parameter::number;
            if (!one && !(p->kind == parameter::list && p->shape == std::vector<index>{4})) {
                throw bad_file("parameter normalizer must be a number or four");
            }
            for (std::size_t i = 0; i < 4; ++i) t.normalizer[i] = p->numbers[one ? 0 : i];
        }
        t.clip_border = c.flag("clip_border", t.clip_border);
        t.normalize_by_wh = c.flag("normalize_by_wh", t.normalize_by_wh);
        code(k, b, t, c.input("bboxes"), {"tblr", "tblr"});
    });
}

GOLDEN_COMPONENT(distance_point_bbox_coder) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        coder::distance_point d;
        d.clip_border = c.flag("clip_border", d.clip_border);
        d.max_dis = c.number("max_dis", d.max_dis);
        d.eps = c.number("eps", d.eps);
        code(k, b, d, c.input("points"), {"distances", "distances"});
    });
}

GOLDEN_COMPONENT(pseudo_bbox_coder) {
    on_backends(k, [&](const auto& b) {
        code(k, b, coder::pseudo{}, k.expected().input("bboxes"), {"targets", "preds"});
    });
}

GOLDEN_COMPONENT(bucketing_bbox_coder) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        coder::bucketing x;
        x.num_buckets = static_cast<int>(c.whole("num_buckets", x.num_buckets));
        x.scale_factor = c.number("scale_factor", x.scale_factor);
        x.offset_topk = static_cast<int>(c.whole("offset_topk", x.offset_topk));
        x.offset_upperbound = c.number("offset_upperbound", x.offset_upperbound);
        x.cls_ignore_neighbor = c.flag("cls_ignore_neighbor", x.cls_ignore_neighbor);
        x.clip_border = c.flag("clip_border", x.clip_border);
        const auto priors = tensor_of<2>(b, c.input("bboxes"));
        if (encodes(c)) {
            const auto r = coder::encode(b, x, priors, tensor_of<2>(b, c.input("gt_bboxes")));
            report<2>(k, b, "offsets", r.offsets);
            report<2>(k, b, "offsets_weights", r.offset_weights);
            report<2>(k, b, "bucket_labels", r.bucket_labels);
            report<2>(k, b, "bucket_cls_weights", r.bucket_weights);
            return;
        }
        const auto scores = tensor_of<2>(b, c.input("cls_preds"));
        const auto offsets = tensor_of<2>(b, c.input("offset_preds"));
        const auto r = coder::decode(b, x, priors, scores, offsets, shape_of(c, "max_shape"));
        report<2>(k, b, "bboxes", r.boxes);
        report<1>(k, b, "loc_confidence", r.confidence);
    });
}

}  // namespace golden
