// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/overlap/iou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// Which priors a truth may have at all.
enum class reach {
    box_or_centre,  ///< in some truth's box or centre square; penalised unless in both of the truth's
    centre          ///< in some truth's centre square; penalised unless in the truth's
};
/// What becomes of a prior that several truths pick.
enum class conflict {
    least_cost,  ///< goes to the truth of least cost, ties to the lower truth
    keep_all     ///< bug-compatible: keeps all, counts for the lowest truth, overlaps are summed
};
/// The class cost of a prior for a truth.
enum class class_cost {
    bce,            ///< binary cross entropy of p = sqrt(σ(class)·σ(objectness)) with the one-hot label
    double_sigmoid  ///< bug-compatible: BCE *with logits* of the product σ(class)·σ(objectness)
};

/// SimOTA as mmdetection 3.3 has it.
struct mmdetection_rules {
    using overlap = boxgrad::overlap::iou;
    static constexpr overlap default_overlap{.eps = 1e-6};
    static constexpr assigner::reach reach = assigner::reach::box_or_centre;
    static constexpr assigner::conflict conflict = assigner::conflict::least_cost;
    static constexpr assigner::class_cost class_cost = assigner::class_cost::bce;
    static constexpr double center_radius = 2.5, penalty = 1e5, log_eps = 1e-7;
};

/// SimOTA as Megvii's YOLOX 0.3 has it: centre squares only, radius 1.5.
struct megvii_rules : mmdetection_rules {
    static constexpr overlap default_overlap{.eps = 0};
    static constexpr assigner::reach reach = assigner::reach::centre;
    static constexpr double center_radius = 1.5, penalty = 1e6, log_eps = 1e-8;
};

/// SimOTA as cjm-yolox-pytorch 0.2 has it, defects included: costs are NaN for a GIoU below -1e-7,
/// the class cost applies a second sigmoid, and a prior keeps every truth that picks it.
struct cjm_rules : mmdetection_rules {
    using overlap = boxgrad::overlap::giou;
    static constexpr overlap default_overlap{.eps = 1e-6};
    static constexpr assigner::conflict conflict = assigner::conflict::keep_all;
    static constexpr assigner::class_cost class_cost = assigner::class_cost::double_sigmoid;
    static constexpr double penalty = 1e8;
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
