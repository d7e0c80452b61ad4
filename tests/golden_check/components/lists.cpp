// SPDX-License-Identifier: Apache-2.0
/// \file
/// Priors and assigners, each called alone.

#include "golden_check/backends.hpp"
#include "golden_check/components.hpp"
#include "golden_check/components/levels.hpp"
#include "golden_check/components/sim_ota.hpp"

#include <boxgrad/prior/mlvl_point_generator.hpp>
#include <boxgrad/prior/point_generator.hpp>

namespace golden {

namespace {

template <class B>
void points(checker& k, const B& b) {
    const recorded& c = k.expected();
    const boxgrad::prior::point_generator g;
    const auto size = size_of(c, "featmap_size");
    const double stride = c.number("stride", 16);
    const auto p = g.grid_points(b, size, stride);
    report<2>(k, b, "points", p);
    if (c.find("valid_size")) {
        const auto f = g.valid_flags(b, size, size_of(c, "valid_size"));
        report<1>(k, b, "valid_flags", f);
    }
}

template <class B>
void pyramid(checker& k, const B& b) {
    const recorded& c = k.expected();
    boxgrad::prior::mlvl_point_generator g;
    g.strides = strides_of(c);
    g.offset = c.number("offset", 0.5);
    if (const array* const cells = c.find_input("prior_idxs")) {
        const auto size = size_of(c, "featmap_size");
        const auto level = static_cast<int>(c.whole("level_idx", 0));
        const auto at = labels_of(b, *cells);
        const auto p = boxgrad::prior::sparse_priors(b, g, at, size, level);
        report<2>(k, b, "priors", p);
        return;
    }
    const auto sizes = sizes_of(c);
    const auto each = [&](const std::string& name, const auto& levels, auto rank) {
        for (std::size_t l = 0; l < levels.size(); ++l) {
            report<decltype(rank)::value>(k, b, name + "." + std::to_string(l), levels[l]);
        }
    };
    using one = std::integral_constant<int, 1>;
    using two = std::integral_constant<int, 2>;
    const bool padded = c.find("pad_shape") != nullptr;
    each("grid_priors", boxgrad::prior::grid_priors(b, g, sizes), two{});
    each("grid_priors_with_stride", boxgrad::prior::grid_priors(b, boxgrad::prior::with_strides{g}, sizes), two{});
    if (padded) each("valid_flags", boxgrad::prior::valid_flags(b, g, sizes, size_of(c, "pad_shape")), one{});
}

}  // namespace

GOLDEN_COMPONENT(mlvl_point_generator) {
    on_backends(k, [&](const auto& b) {
        const std::string type = k.expected().text("type", "MlvlPointGenerator");
        if (type == "PointGenerator") {
            points(k, b);
        } else if (type == "MlvlPointGenerator") {
            pyramid(k, b);
        } else {
            throw bad_file("parameter type is not understood: " + type);
        }
    });
}

GOLDEN_COMPONENT(sim_ota_assigner) { sim_ota<boxgrad::assigner::mmdetection_rules>(k); }

GOLDEN_COMPONENT(sim_ota_assigner_cjm) { sim_ota<boxgrad::assigner::cjm_rules>(k); }

}  // namespace golden
