// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What the functions over boxes share: arguments with their checks, and a formula applied to every row.

#include <boxgrad/backend/rows.hpp>

namespace boxgrad::inline BOXGRAD_ABI::boxes::detail {

/// f of every row of a source.
template <class F, class S>
struct mapped {
    F f;
    S source;

    BOXGRAD_FN constexpr index size() const { return source.size(); }
    template <plain_number V>
    BOXGRAD_FN constexpr auto at(index i, int count) const {
        return f(source.template at<V>(i, count));
    }
};

/// x as a row source of four numbers. Throws shape_error for a tensor that is not [N, 4].
template <backend B, boxes_for<B> X>
auto source_of(const B& b, const X& x, const char* op, const char* argument = "boxes") {
    if constexpr (row_source<X, lanes_t<B>>) {
        return x;
    } else {
        const auto v = as_const_view<2>(b, x, op, argument);
        check_shape(op, argument, {any_extent, 4}, v.extent);
        return stored_boxes<typename B::scalar>{v};
    }
}

/// f of every box, as a tensor [N, 4].
template <backend B, class X, class F>
auto map_rows(const B& b, const char* op, const X& boxes, const F& f) {
    const auto s = source_of(b, boxes, op);
    return make_rows<4>(b, op, mapped<F, std::remove_const_t<decltype(s)>>{f, s});
}

/// x, or config_error unless it is above 0 and finite, also as T.
template <real T>
double checked_factor(const char* op, const char* argument, double x) {
    if (!(x > 0 && x <= static_cast<double>(largest_finite<T>) && static_cast<T>(x) > T(0))) {
        raise(config_error(complaint(op, argument, "finite and above 0", std::to_string(x))));
    }
    return x;
}
/// A height or width of a picture as T holds it, or config_error unless it is at least 0.
template <real T>
double checked_length(const char* op, const char* argument, double x) {
    if (!(x >= 0)) raise(config_error(complaint(op, argument, "at least 0", std::to_string(x))));
    return x <= static_cast<double>(largest_finite<T>) ? x : infinity<double>;
}
template <real T>
image_shape checked_image(const char* op, image_shape image) {
    return {.h = checked_length<T>(op, "image_shape.h", image.h), .w = checked_length<T>(op, "image_shape.w", image.w)};
}

}  // namespace boxgrad::inline BOXGRAD_ABI::boxes::detail
