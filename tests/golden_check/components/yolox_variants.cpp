// SPDX-License-Identifier: Apache-2.0
/// \file
/// The YOLOX loss of the other two code bases.

#include "golden_check/components.hpp"
#include "golden_check/components/yolox_loss.hpp"

namespace golden {

GOLDEN_COMPONENT(yolox_loss_megvii) { yolox_loss_of<boxgrad::recipe::megvii>(k); }

GOLDEN_COMPONENT(yolox_loss_cjm) { yolox_loss_of<boxgrad::recipe::cjm>(k); }

}  // namespace golden
