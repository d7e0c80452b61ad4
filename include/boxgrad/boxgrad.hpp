// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Every module, no backend: include one of boxgrad/backend/ as well.

#include <boxgrad/assigner/sim_ota.hpp>
#include <boxgrad/coder/yolox.hpp>
#include <boxgrad/head/yolox_loss.hpp>
#include <boxgrad/head/yolox_steps.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/giou.hpp>
#include <boxgrad/loss/iou.hpp>
#include <boxgrad/loss/l1.hpp>
#include <boxgrad/overlap/pairwise.hpp>
#include <boxgrad/prior/mlvl_point_generator.hpp>
#include <boxgrad/prior/point_generator.hpp>
#include <boxgrad/sampler/pseudo.hpp>
#include <boxgrad/version.hpp>
