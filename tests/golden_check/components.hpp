// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "check.hpp"

namespace golden {

/// Runs a case on the backends that the checker chooses.
using component = void(checker&);

component hungarian_assigner, match_cost, topk_hungarian_assigner;
component approx_max_iou_assigner, atss_assigner, grid_assigner, max_iou_assigner, task_aligned_assigner,
    ultralytics_task_aligned_assigner;
component anchor_generator, bbox_overlaps, bbox_transforms, bucketing_bbox_coder, center_region_assigner,
    combined_sampler, delta_xywh_bbox_coder, distance_point_bbox_coder, dynamic_soft_label_assigner,
    giou_loss,
    instance_balanced_pos_sampler, iou_balanced_neg_sampler, iou_loss, l1_loss, legacy_anchor_generator,
    legacy_delta_xywh_bbox_coder, mlvl_point_generator, ohem_sampler, point_assigner, prior_utils,
    pseudo_bbox_coder, pseudo_sampler, random_sampler, region_assigner, sim_ota_assigner, sim_ota_assigner_cjm,
    ssd_anchor_generator, tblr_bbox_coder, torchvision_box_ops, ultralytics_bbox_iou, uniform_assigner,
    yolo_anchor_generator, yolo_bbox_coder, yolox_decode, yolox_loss_cjm, yolox_loss_megvii, yolox_loss_mmdet;

/// Names of the backends that this program holds.
std::vector<std::string> backend_names();

}  // namespace golden
