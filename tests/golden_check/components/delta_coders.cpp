// SPDX-License-Identifier: Apache-2.0
/// \file
/// The delta coders.

#include "golden_check/components.hpp"
#include "golden_check/components/coders.hpp"

#include <boxgrad/coder/delta_xywh.hpp>

namespace golden {

namespace {

namespace coder = boxgrad::coder;

void read_four(const recorded& c, const char* key, double (&to)[4]) {
    if (!c.find(key)) return;
    const std::vector<double> v = c.list(key);
    if (v.size() != 4) throw bad_file(std::string("parameter ") + key + " must be four numbers");
    for (std::size_t i = 0; i < 4; ++i) to[i] = v[i];
}

template <coder::delta_convention Convention>
coder::basic_delta_xywh<Convention> configured(const recorded& c) {
    coder::basic_delta_xywh<Convention> d;
    read_four(c, "target_means", d.target_means);
    read_four(c, "target_stds", d.target_stds);
    d.clip_border = c.flag("clip_border", d.clip_border);
    if (c.flag("add_ctr_clamp", false)) d.clamp = coder::delta_clamp::center;
    d.ctr_clamp = c.number("ctr_clamp", d.ctr_clamp);
    d.wh_ratio_clip = c.number("wh_ratio_clip", d.wh_ratio_clip);
    return d;
}

template <class Delta, class B>
void deltas(checker& k, const B& b, const Delta& d) {
    code(k, b, d, k.expected().input("bboxes"), {"deltas", "deltas"});
}

}  // namespace

GOLDEN_COMPONENT(delta_xywh_bbox_coder) {
    const recorded& c = k.expected();
    const std::string variant = c.text("variant", "");
    if (!variant.empty() && variant != "GLIP") throw bad_file("parameter variant is not understood: " + variant);
    on_backends(k, [&](const auto& b) {
        if (variant.empty()) {
            deltas(k, b, configured<coder::delta_convention{0, 0, 0, 0}>(c));
        } else {
            deltas(k, b, configured<coder::delta_convention{0, 1, 1, 1}>(c));
        }
    });
}

GOLDEN_COMPONENT(legacy_delta_xywh_bbox_coder) {
    on_backends(k, [&](const auto& b) { deltas(k, b, configured<coder::delta_convention{1, 0, 0, 1}>(k.expected())); });
}

}  // namespace golden
