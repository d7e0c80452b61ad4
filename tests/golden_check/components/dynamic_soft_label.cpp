// SPDX-License-Identifier: Apache-2.0
/// \file
/// RTMDet's assigner.

#include "golden_check/components.hpp"
#include "golden_check/components/sim_ota.hpp"

#include <boxgrad/assigner/dynamic_soft_label.hpp>

namespace golden {

static void configure(boxgrad::assigner::dynamic_soft_label<>& a, const recorded& c) {
    a.soft_center_radius = c.number("soft_center_radius", a.soft_center_radius);
    a.topk = static_cast<int>(c.whole("topk", a.topk));
    a.iou_weight = c.number("iou_weight", a.iou_weight);
}

GOLDEN_COMPONENT(dynamic_soft_label_assigner) { assign_scored<boxgrad::assigner::dynamic_soft_label<>>(k); }

}  // namespace golden
