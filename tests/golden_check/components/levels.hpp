// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Parameters of a feature pyramid.

#include "golden_check/case.hpp"

#include <boxgrad/core/levels.hpp>

namespace golden {

/// A pair (h, w).
inline boxgrad::featmap_size size_of(const recorded& c, const std::string& key) {
    const parameter* const p = c.find(key);
    if (!p || p->kind != parameter::list || p->shape != std::vector<index>{2}) {
        throw bad_file("parameter " + key + " must be (h, w)");
    }
    return {static_cast<index>(p->numbers[0]), static_cast<index>(p->numbers[1])};
}

inline boxgrad::per_level<boxgrad::featmap_size> sizes_of(const recorded& c) {
    boxgrad::per_level<boxgrad::featmap_size> sizes;
    for (const auto& s : c.rows("featmap_sizes", 2))
        sizes.push_back({static_cast<index>(s[0]), static_cast<index>(s[1])});
    return sizes;
}

inline boxgrad::per_level<boxgrad::stride> strides_of(const recorded& c) {
    boxgrad::per_level<boxgrad::stride> strides;
    for (const auto& s : c.rows("strides", 2, true)) strides.push_back({s[0], s[1]});
    return strides;
}

/// The picture (h, w) that boxes are clipped to; unbounded where it is absent or null.
inline boxgrad::image_shape shape_of(const recorded& c, const std::string& key) {
    if (!c.find(key)) return {};
    const boxgrad::featmap_size s = size_of(c, key);
    return {static_cast<double>(s.h), static_cast<double>(s.w)};
}

/// As many numbers as the list takes.
template <class List>
List as_list(const std::vector<double>& v) {
    List r;
    for (const double x : v) r.push_back(x);
    return r;
}

}  // namespace golden
