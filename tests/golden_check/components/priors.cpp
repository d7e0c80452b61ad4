// SPDX-License-Identifier: Apache-2.0
/// \file
/// Anchor generators, and what is asked of the anchors of a picture.

#include "golden_check/backends.hpp"
#include "golden_check/components.hpp"
#include "golden_check/components/levels.hpp"

#include <boxgrad/prior/anchor_generator.hpp>
#include <boxgrad/prior/calc_region.hpp>
#include <boxgrad/prior/inside_flags.hpp>
#include <boxgrad/prior/ssd_anchor_generator.hpp>
#include <boxgrad/prior/yolo_anchor_generator.hpp>

namespace golden {

namespace {

namespace prior = boxgrad::prior;

prior::anchor_order order_of(const recorded& c) {
    return c.flag("scale_major", true) ? prior::anchor_order::scale_fastest : prior::anchor_order::ratio_fastest;
}

template <prior::anchor_convention Convention>
void configure(prior::basic_anchor_generator<Convention>& g, const recorded& c) {
    g.ratios = as_list<boxgrad::numbers>(c.list("ratios"));
    g.scales = as_list<boxgrad::numbers>(c.list("scales"));
    g.octave_base_scale = c.maybe_number("octave_base_scale");
    if (c.find("scales_per_octave")) g.scales_per_octave = static_cast<int>(c.whole("scales_per_octave", 0));
    g.base_sizes = as_list<boxgrad::per_level<double>>(c.list("base_sizes"));
    g.order = order_of(c);
    if (c.find("centers")) {
        for (const auto& p : c.rows("centers", 2)) g.centers.push_back({p[0], p[1]});
    }
    g.center_offset = c.number("center_offset", 0);
}

template <prior::anchor_convention Convention>
void configure(prior::basic_ssd_anchor_generator<Convention>& g, const recorded& c) {
    for (const auto& r : c.lists("ratios")) g.ratios.push_back(as_list<boxgrad::numbers>(r));
    g.min_sizes = as_list<boxgrad::per_level<double>>(c.list("min_sizes"));
    g.max_sizes = as_list<boxgrad::per_level<double>>(c.list("max_sizes"));
    if (c.find("basesize_ratio_range")) {
        const std::vector<double> range = c.list("basesize_ratio_range");
        if (range.size() != 2) throw bad_file("parameter basesize_ratio_range must be (low, high)");
        g.basesize_ratio_range[0] = range[0];
        g.basesize_ratio_range[1] = range[1];
    }
    g.input_size = static_cast<int>(c.whole("input_size", g.input_size));
    g.order = order_of(c);
}

void configure(prior::yolo_anchor_generator& g, const recorded& c) {
    const parameter* const p = c.find("base_sizes");
    if (!p || p->kind != parameter::list || p->shape.size() != 3 || p->shape[2] != 2) {
        throw bad_file("parameter base_sizes must be a list of pairs for each level");
    }
    auto at = p->numbers.begin();
    for (index l = 0; l < p->shape[0]; ++l) {
        g.base_sizes.push_back({});
        for (index i = 0; i < p->shape[1]; ++i, at += 2) g.base_sizes[static_cast<int>(l)].push_back({at[0], at[1]});
    }
}

/// Base anchors, anchors and flags of all levels, or chosen anchors of one.
template <class G, class B>
void anchors(checker& k, const B& b) {
    using T = typename B::scalar;
    const recorded& c = k.expected();
    G g;
    g.strides = strides_of(c);
    configure(g, c);
    if (const array* const chosen = c.find_input("prior_idxs")) {
        const auto size = size_of(c, "featmap_size");
        const auto level = static_cast<int>(c.whole("level_idx", 0));
        const auto at = labels_of(b, *chosen);
        report<2>(k, b, "priors", prior::sparse_priors(b, g, at, size, level));
        return;
    }
    const bool laid_out = c.find("featmap_sizes") != nullptr;
    const bool padded = c.find("pad_shape") != nullptr;
    std::vector<std::int64_t> counts;
    for (int l = 0; l < g.num_levels(); ++l) {
        std::vector<T> flat;
        for (const boxgrad::box<T>& a : g.template base_anchors<T>(l))
            flat.insert(flat.end(), {a.x1, a.y1, a.x2, a.y2});
        counts.push_back(g.num_base_priors(l));
        k.output("base_anchors." + std::to_string(l), {counts.back(), 4}, flat);
    }
    k.output("num_base_priors", {static_cast<index>(counts.size())}, counts);
    if (!laid_out) return;
    const auto sizes = sizes_of(c);
    const auto priors = prior::grid_priors(b, g, sizes);
    for (std::size_t l = 0; l < priors.size(); ++l) report<2>(k, b, "grid_priors." + std::to_string(l), priors[l]);
    if (!padded) return;
    const auto flags = prior::valid_flags(b, g, sizes, size_of(c, "pad_shape"));
    for (std::size_t l = 0; l < flags.size(); ++l) report<1>(k, b, "valid_flags." + std::to_string(l), flags[l]);
}

/// The generator of either name, the second the legacy one.
template <class G, class Legacy>
void anchors_of(checker& k, const std::string& name, const std::string& legacy) {
    const std::string type = k.expected().text("type", name);
    if (type != name && type != legacy) throw bad_file("parameter type is not understood: " + type);
    on_backends(k, [&](const auto& b) {
        if (type == name) {
            anchors<G>(k, b);
        } else {
            anchors<Legacy>(k, b);
        }
    });
}

}  // namespace

GOLDEN_COMPONENT(anchor_generator) {
    anchors_of<prior::anchor_generator, prior::legacy_anchor_generator>(k, "AnchorGenerator", "LegacyAnchorGenerator");
}

GOLDEN_COMPONENT(legacy_anchor_generator) { anchor_generator(k); }

GOLDEN_COMPONENT(ssd_anchor_generator) {
    anchors_of<prior::ssd_anchor_generator, prior::legacy_ssd_anchor_generator>(k, "SSDAnchorGenerator",
                                                                                "LegacySSDAnchorGenerator");
}

GOLDEN_COMPONENT(yolo_anchor_generator) {
    using g = prior::yolo_anchor_generator;
    anchors_of<g, g>(k, "YOLOAnchorGenerator", "YOLOAnchorGenerator");
}

GOLDEN_COMPONENT(prior_utils) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        if (const array* const a = c.find_input("bbox")) {
            if (a->is_whole || a->shape != std::vector<index>{4}) throw bad_file("bbox must be [4] of numbers");
            const boxgrad::box<double> box{a->real[0], a->real[1], a->real[2], a->real[3]};
            const double ratio = c.number("ratio", 0);
            const prior::region r = c.find("featmap_size") ? prior::calc_region(box, ratio, size_of(c, "featmap_size"))
                                                           : prior::calc_region(box, ratio);
            k.output("region", {4}, std::vector<std::int64_t>{r.x1, r.y1, r.x2, r.y2});
            return;
        }
        const array& flags = c.input("valid_flags");
        const std::vector<std::int64_t>& whole = whole_numbers(flags);
        const std::vector<std::uint8_t> bytes(whole.begin(), whole.end());
        const auto valid = boxgrad::from_host<std::uint8_t>(b, extents_of<1>(flags.shape), bytes.data());
        const auto boxes = tensor_of<2>(b, c.input("flat_anchors"));
        const double border = c.number("allowed_border", 0);
        report<1>(k, b, "inside_flags", prior::inside_flags(b, boxes, valid, shape_of(c, "img_shape"), border));
    });
}

}  // namespace golden
