// SPDX-License-Identifier: Apache-2.0
/// \file
/// Transforms of boxes.

#include "golden_check/components.hpp"
#include "golden_check/backends.hpp"
#include "golden_check/components/levels.hpp"

#include <boxgrad/boxes/convert.hpp>
#include <boxgrad/boxes/corners.hpp>
#include <boxgrad/boxes/filter.hpp>
#include <boxgrad/boxes/flip.hpp>
#include <boxgrad/boxes/rescale.hpp>
#include <boxgrad/coder/distance_point.hpp>

namespace golden {

namespace {

namespace boxes = boxgrad::boxes;
using format = boxes::box_format;

boxes::flip_direction direction_of(const recorded& c) {
    const std::string direction = c.text("direction", "horizontal");
    if (direction == "horizontal") return boxes::flip_direction::horizontal;
    if (direction == "vertical") return boxes::flip_direction::vertical;
    if (direction == "diagonal") return boxes::flip_direction::diagonal;
    throw bad_file("parameter direction is not understood: " + direction);
}

}  // namespace

GOLDEN_COMPONENT(bbox_transforms) {
    const recorded& c = k.expected();
    const std::string op = c.text("op", "");
    on_backends(k, [&](const auto& b) {
        if (op == "bbox2distance" || op == "distance2bbox") {
            const boxgrad::coder::distance_point coder{.max_dis = c.number("max_dis", boxgrad::infinity<double>),
                                                       .eps = c.number("eps", 0.1)};
            const auto points = tensor_of<2>(b, c.input("points"));
            if (op == "bbox2distance") {
                const auto x = tensor_of<2>(b, c.input("bboxes"));
                report<2>(k, b, "out", boxgrad::coder::encode(b, coder, points, x));
            } else {
                const auto x = tensor_of<2>(b, c.input("distances"));
                report<2>(k, b, "out", boxgrad::coder::decode(b, coder, points, x, shape_of(c, "max_shape")));
            }
            return;
        }
        const auto x = tensor_of<2>(b, c.input("bboxes"));
        if (op == "bbox_xyxy_to_cxcywh") {
            report<2>(k, b, "out", boxes::convert<format::xyxy, format::cxcywh>(b, x));
        } else if (op == "bbox_cxcywh_to_xyxy") {
            report<2>(k, b, "out", boxes::convert<format::cxcywh, format::xyxy>(b, x));
        } else if (op == "bbox_flip") {
            report<2>(k, b, "out", boxes::flip(b, x, shape_of(c, "img_shape"), direction_of(c)));
        } else if (op == "bbox_rescale") {
            report<2>(k, b, "out", boxes::rescale(b, x, c.number("scale_factor", 1)));
        } else if (op == "bbox2corner") {
            report<2>(k, b, "out", boxes::corners(b, x));
        } else if (op == "find_inside_bboxes") {
            report<1>(k, b, "out", boxes::inside(b, x, {c.number("img_h", 0), c.number("img_w", 0)}));
        } else {
            throw bad_file("parameter op is not understood: " + op);
        }
    });
}

}  // namespace golden
