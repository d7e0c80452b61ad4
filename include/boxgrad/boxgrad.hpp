// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Every module, no backend: include one of boxgrad/backend/ as well.

#include <boxgrad/assigner/result.hpp>
#include <boxgrad/assigner/rules.hpp>
#include <boxgrad/assigner/sim_ota.hpp>
#include <boxgrad/coder/coder.hpp>
#include <boxgrad/coder/delta_xywh.hpp>
#include <boxgrad/coder/distance_point.hpp>
#include <boxgrad/coder/linear_distance.hpp>
#include <boxgrad/coder/pseudo.hpp>
#include <boxgrad/coder/tblr.hpp>
#include <boxgrad/coder/yolo.hpp>
#include <boxgrad/coder/yolov5.hpp>
#include <boxgrad/coder/yolox.hpp>
#include <boxgrad/head/recipe.hpp>
#include <boxgrad/head/yolox_head.hpp>
#include <boxgrad/head/yolox_loss.hpp>
#include <boxgrad/head/yolox_steps.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/giou.hpp>
#include <boxgrad/loss/iou.hpp>
#include <boxgrad/loss/l1.hpp>
#include <boxgrad/loss/term.hpp>
#include <boxgrad/overlap/diou.hpp>
#include <boxgrad/overlap/eiou.hpp>
#include <boxgrad/overlap/iou.hpp>
#include <boxgrad/overlap/pairwise.hpp>
#include <boxgrad/overlap/siou.hpp>
#include <boxgrad/prior/anchor_generator.hpp>
#include <boxgrad/prior/anchor_grid.hpp>
#include <boxgrad/prior/calc_region.hpp>
#include <boxgrad/prior/default_box_generator.hpp>
#include <boxgrad/prior/grid.hpp>
#include <boxgrad/prior/inside_flags.hpp>
#include <boxgrad/prior/mlvl_point_generator.hpp>
#include <boxgrad/prior/point.hpp>
#include <boxgrad/prior/point_generator.hpp>
#include <boxgrad/prior/ssd_anchor_generator.hpp>
#include <boxgrad/prior/yolo_anchor_generator.hpp>
#include <boxgrad/sampler/pseudo.hpp>
#include <boxgrad/sampler/result.hpp>
#include <boxgrad/version.hpp>
