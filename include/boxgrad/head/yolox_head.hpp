// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/head/detail/scene.hpp>

#include <iterator>
#include <vector>

namespace boxgrad::inline BOXGRAD_ABI {

/// The outputs of a YOLOX head, or the gradients with respect to them: three ranges of tensors, one a
/// level. Refers to them; copies nothing. Shapes a level: classes [B, C, H, W], boxes [B, 4, H, W],
/// objectness [B, 1, H, W], each in any layout.
template <class Classes, class Boxes, class Objectness>
struct yolox_head {
    Classes& classes;
    Boxes& boxes;
    Objectness& objectness;

    yolox_head(Classes& c, Boxes& b, Objectness& o) : classes(c), boxes(b), objectness(o) {}
};

namespace head::detail {

template <class Range>
using level_tensor = std::remove_reference_t<decltype(*std::begin(std::declval<Range&>()))>;

}  // namespace head::detail

/// H holds tensors that backend B can read as a YOLOX head's outputs.
template <class H, class B>
concept readable_head = requires(const H& h) {
    h.classes;
    h.boxes;
    h.objectness;
} && readable_tensor<head::detail::level_tensor<decltype((std::declval<const H&>().classes))>, B, typename B::scalar, 4> &&
    readable_tensor<head::detail::level_tensor<decltype((std::declval<const H&>().boxes))>, B, typename B::scalar, 4> &&
    readable_tensor<head::detail::level_tensor<decltype((std::declval<const H&>().objectness))>, B, typename B::scalar, 4>;

/// H holds tensors that backend B can write gradients into.
template <class H, class B>
concept writable_head = readable_head<H, B> &&
    is_mutable<head::detail::level_tensor<decltype((std::declval<const H&>().classes))>, B> &&
    is_mutable<head::detail::level_tensor<decltype((std::declval<const H&>().boxes))>, B> &&
    is_mutable<head::detail::level_tensor<decltype((std::declval<const H&>().objectness))>, B>;

namespace head::detail {

/// Views of every level, checked: as many levels as strides, one batch size, the number of classes.
template <class U, class B, class H>
head_view<U> look_at_head(const B& b, const char* op, const H& h, int levels, index classes) {
    const auto count = [&](const char* name, std::size_t n) {
        if (n != static_cast<std::size_t>(levels) || n == 0) {
            raise(shape_error(complaint(op, name, std::to_string(levels) + " levels", std::to_string(n))));
        }
    };
    count("classes", std::size(h.classes));
    count("boxes", std::size(h.boxes));
    count("objectness", std::size(h.objectness));
    head_view<U> v;
    auto c = std::begin(h.classes);
    auto x = std::begin(h.boxes);
    auto o = std::begin(h.objectness);
    for (int l = 0; l < levels; ++l, ++c, ++x, ++o) {
        const std::string at = "." + std::to_string(l);
        level_view<U> level;
        level.classes = as_view<4>(b, *c, op, ("classes" + at).c_str());
        level.boxes = as_view<4>(b, *x, op, ("boxes" + at).c_str());
        level.objectness = as_view<4>(b, *o, op, ("objectness" + at).c_str());
        const auto& e = level.objectness.extent;
        const index images = l == 0 ? e[0] : v.level[0].objectness.extent[0];
        check_shape(op, ("objectness" + at).c_str(), {{images, 1, any_extent, any_extent}}, e);
        check_shape(op, ("classes" + at).c_str(), {{images, classes, e[2], e[3]}}, level.classes.extent);
        check_shape(op, ("boxes" + at).c_str(), {{images, 4, e[2], e[3]}}, level.boxes.extent);
        v.level.push_back(level);
    }
    return v;
}

template <class T, class F>
void for_each_view(const head_view<T>& v, F&& f) {
    for (int l = 0; l < v.level.size(); ++l) {
        const std::string at = "." + std::to_string(l);
        f(v.level[l].classes, "classes" + at);
        f(v.level[l].boxes, "boxes" + at);
        f(v.level[l].objectness, "objectness" + at);
    }
}

/// A gradient has the extents of what it is the gradient of, and memory of its own.
template <class T>
void check_gradient(const char* op, const head_view<T>& gradient, const head_view<const T>& head) {
    for (int l = 0; l < head.level.size(); ++l) {
        const std::string at = "gradient.objectness." + std::to_string(l);
        check_shape(op, at.c_str(), head.level[l].objectness.extent, gradient.level[l].objectness.extent);
    }
    for_each_view(gradient, [&](const view<T, 4>& g, const std::string& name) {
        check_output(op, ("gradient." + name).c_str(), g);
        for_each_view(head, [&](const view<const T, 4>& x, const std::string& other) {
            check_apart(op, ("gradient." + name).c_str(), g, other.c_str(), x);
        });
        for_each_view(gradient, [&](const view<T, 4>& x, const std::string& other) {
            if (other != name) check_apart(op, ("gradient." + name).c_str(), g, ("gradient." + other).c_str(), x);
        });
    });
}

}  // namespace head::detail

}  // namespace boxgrad::inline BOXGRAD_ABI
