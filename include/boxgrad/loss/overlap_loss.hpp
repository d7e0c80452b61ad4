// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/loss/term.hpp>
#include <boxgrad/overlap/iou.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Any overlap of a predicted box and its target as a loss, [N, 4] each as x1 y1 x2 y2 in pixels.
///
///     l = 1 - overlap(p, t)        ∂l/∂p = -∂overlap/∂p
///
/// `overlap_loss<overlap::ciou>{}` is the CIoU loss; eps and the rules are the overlap's.
template <overlap::term Overlap>
struct overlap_loss {
    Overlap overlap{};

    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& prediction, const box<V>& target) const {
        return V(scalar_t<V>(1)) - overlap(prediction, target);
    }
};
static_assert(box_term<overlap_loss<overlap::giou>>);

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
