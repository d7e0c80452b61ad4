// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "check.hpp"

namespace golden {

/// Runs a case on the backends that the checker chooses.
using component = void(checker&);

component bbox_overlaps, giou_loss, iou_loss, l1_loss, mlvl_point_generator, pseudo_sampler, sim_ota_assigner,
    sim_ota_assigner_cjm, yolox_decode, yolox_loss_cjm, yolox_loss_megvii, yolox_loss_mmdet;

/// Names of the backends that this program holds.
std::vector<std::string> backend_names();

}  // namespace golden
