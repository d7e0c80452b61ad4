// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/sampler/combined.hpp>

namespace boxgrad::inline BOXGRAD_ABI::sampler {

/// Positives and negatives uniformly without replacement: random{.num = 256, .pos_fraction = 0.5}.
/// mmdetection 3.3, RandomSampler.
using random = combined<pick::uniform, pick::uniform>;

}  // namespace boxgrad::inline BOXGRAD_ABI::sampler
