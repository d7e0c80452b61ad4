// SPDX-License-Identifier: Apache-2.0
/// \file
/// Losses of boxes beyond IoU and GIoU.

#include "golden_check/components.hpp"
#include "golden_check/components/evaluate.hpp"

#include <boxgrad/loss/bounded_iou.hpp>
#include <boxgrad/loss/ciou.hpp>
#include <boxgrad/loss/diou.hpp>
#include <boxgrad/loss/eiou.hpp>
#include <boxgrad/loss/siou.hpp>

namespace golden {

namespace {

/// All losses that give one number a box as one term, so that a fifth as much is compiled.
struct box_loss {
    enum kind { diou, ciou, eiou, siou, inverted_siou };
    kind which = diou;
    double eps = 1e-6;
    double smooth_point = 0.1;

    template <boxgrad::number V>
    BOXGRAD_FN V operator()(const boxgrad::box<V>& prediction, const boxgrad::box<V>& target) const {
        switch (which) {
            case diou:
                return boxgrad::loss::diou{eps}(prediction, target);
            case ciou:
                return boxgrad::loss::ciou{eps}(prediction, target);
            case eiou:
                return boxgrad::loss::eiou{eps, smooth_point}(prediction, target);
            case siou:
                return boxgrad::loss::siou{eps}(prediction, target);
            case inverted_siou:
                break;
        }
        return boxgrad::loss::inverted_siou{eps}(prediction, target);
    }
};

void check_box_loss(checker& k, box_loss loss) {
    loss.eps = k.expected().number("eps", 1e-6);
    on_backends(k, [&](const auto& b) { evaluate(k, b, loss); });
}

}  // namespace

GOLDEN_COMPONENT(diou_loss) { check_box_loss(k, {box_loss::diou}); }
GOLDEN_COMPONENT(ciou_loss) { check_box_loss(k, {box_loss::ciou}); }
GOLDEN_COMPONENT(eiou_loss) { check_box_loss(k, {box_loss::eiou, 0, k.expected().number("smooth_point", 0.1)}); }
GOLDEN_COMPONENT(siou_loss) {
    check_box_loss(k, {k.expected().flag("neg_gamma", false) ? box_loss::siou : box_loss::inverted_siou});
}

GOLDEN_COMPONENT(bounded_iou_loss) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        evaluate(k, b, boxgrad::loss::bounded_iou{c.number("beta", 0.2), c.number("eps", 1e-3)});
    });
}

}  // namespace golden
