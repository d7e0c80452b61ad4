// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/boxes/detail/mapped.hpp>

namespace boxgrad::inline BOXGRAD_ABI::boxes {

/// max(x2 - x1, 0)·max(y2 - y1, 0), in pixels squared: a negative side counts as none (promise P5).
template <number V>
BOXGRAD_FN constexpr V area(const box<V>& b) {
    return b.upright().area();
}

namespace detail {

struct measuring {
    template <number V>
    BOXGRAD_FN constexpr V operator()(const box<V>& b) const {
        return area(b);
    }
};

}  // namespace detail

/// The area of every box. Shapes: [N, 4] or a row source -> [N]. Throws shape_error. torchvision, box_area.
template <backend B, boxes_for<B> X>
auto area(const B& b, const X& boxes) {
    const char* op = "boxes::area";
    const auto s = detail::source_of(b, boxes, op);
    return make_numbers(b, op, detail::mapped<detail::measuring, std::remove_const_t<decltype(s)>>{{}, s});
}

}  // namespace boxgrad::inline BOXGRAD_ABI::boxes
