// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/overlap/diou.hpp>
#include <boxgrad/overlap/eiou.hpp>
#include <boxgrad/overlap/siou.hpp>

namespace test {

namespace overlap = boxgrad::overlap;

/// Calls f(name, term) for every form of every overlap with an eps, or with eps = 0.
template <class F>
void for_each_term(double eps, F&& f) {
    f("iou floor", overlap::iou{eps});
    f("iou added", overlap::basic_iou<overlap::eps_rule::added>{eps});
    f("iou none", overlap::basic_iou<overlap::eps_rule::none>{eps});
    f("iou sides", overlap::basic_iou<overlap::eps_rule::sides>{eps});
    f("iof", overlap::iof{eps});
    f("giou floor", overlap::giou{eps});
    f("giou added", overlap::basic_giou<overlap::eps_rule::added>{eps});
    f("giou none", overlap::basic_giou<overlap::eps_rule::none>{eps});
    f("giou sides", overlap::basic_giou<overlap::eps_rule::sides>{eps});
    f("diou added", overlap::diou{eps});
    f("diou floor", overlap::basic_diou<overlap::eps_rule::floor>{eps});
    f("diou none", overlap::basic_diou<overlap::eps_rule::none>{eps});
    f("ciou gated", overlap::ciou{eps});
    f("ciou plain", overlap::basic_ciou<overlap::alpha_rule::plain>{eps});
    f("ciou plain sides", overlap::basic_ciou<overlap::alpha_rule::plain, overlap::eps_rule::sides>{eps});
    f("eiou", overlap::eiou{eps});
    f("siou paper", overlap::siou{eps});
    f("siou inverted", overlap::basic_siou<overlap::siou_distance::inverted>{eps});
}

}  // namespace test
