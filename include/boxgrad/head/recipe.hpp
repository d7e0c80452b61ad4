// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/sim_ota.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/giou.hpp>
#include <boxgrad/loss/iou.hpp>
#include <boxgrad/loss/l1.hpp>

namespace boxgrad::inline BOXGRAD_ABI::recipe {

/// YOLOX's loss as mmdetection 3.3 has it: the default.
struct mmdetection {
    using assigner = boxgrad::assigner::sim_ota<boxgrad::assigner::mmdetection_rules>;
    using box = loss::iou<loss::iou_mode::square>;
    static constexpr box default_box{.eps = 1e-16};
};

/// As Megvii's YOLOX 0.3 has it: narrower reach, and no floor of 1e-6 squared pixels under a union.
struct megvii {
    using assigner = boxgrad::assigner::sim_ota<boxgrad::assigner::megvii_rules>;
    using box = loss::iou<loss::iou_mode::square>;
    static constexpr box default_box{.eps = 1e-16, .overlap = {.eps = 1e-16}};
};

/// As cjm-yolox-pytorch 0.2 has it, *defects included*: the box loss 1 - GIoU² falls as disjoint boxes
/// move apart, costs of disjoint pairs are NaN, class scores go through a second sigmoid, and a prior
/// keeps all truths that pick it. For reproducing its models; do not train new ones with it.
struct cjm {
    using assigner = boxgrad::assigner::sim_ota<boxgrad::assigner::cjm_rules>;
    using box = loss::cjm_giou_square;
    static constexpr box default_box{};
};

}  // namespace boxgrad::inline BOXGRAD_ABI::recipe
