// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/l2.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// mmdetection 3.3, MarginL2Loss: its formula, parameters and mining are those of its L2Loss.
using margin_l2 = l2;

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
