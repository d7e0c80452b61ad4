// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/transfer.hpp>
#include <boxgrad/core/box.hpp>

#include <array>
#include <cmath>
#include <span>
#include <vector>

namespace boxgrad::inline BOXGRAD_ABI {

/// What happens to a ground truth that is not a box: x2 <= x1, y2 <= y1, or not finite (promise P4).
enum class bad_truth {
    reject,  ///< throws gt_error with image and row
    drop     ///< skipped and counted
};

/// Ground truths of a batch, in host memory: boxes x1 y1 x2 y2 in pixels, a label each, flat with
/// offsets. Rows keep their place, dropped ones too, so that an assignment refers to the caller's rows.
template <real T>
struct truth_list {
    std::vector<std::array<T, 4>> boxes;
    std::vector<std::int64_t> labels;
    std::vector<index> offsets{0};  ///< offsets[i] to offsets[i + 1]: the rows of image i

    index images() const { return static_cast<index>(offsets.size()) - 1; }
    index size() const { return static_cast<index>(boxes.size()); }

    /// Appends an image. Throws shape_error where boxes and labels differ in number.
    template <class Label>
    void add_image(std::span<const std::array<T, 4>> image_boxes, std::span<const Label> image_labels) {
        if (image_boxes.size() != image_labels.size()) {
            raise(shape_error(complaint("truth_list", "labels", "[" + std::to_string(image_boxes.size()) + "]",
                                        "[" + std::to_string(image_labels.size()) + "]")));
        }
        boxes.insert(boxes.end(), image_boxes.begin(), image_boxes.end());
        for (const Label& l : image_labels) labels.push_back(static_cast<std::int64_t>(l));
        offsets.push_back(size());
    }
    void add_image(const std::vector<std::array<T, 4>>& image_boxes, const std::vector<int>& image_labels) {
        add_image(std::span<const std::array<T, 4>>(image_boxes), std::span<const int>(image_labels));
    }
};

/// An integer tensor that can hold labels.
template <class X, class B, int R>
concept label_tensor = readable_tensor<X, B, std::int64_t, R> || readable_tensor<X, B, std::int32_t, R>;

namespace detail {

template <class B, class X>
std::vector<std::array<typename B::scalar, 4>> boxes_to_host(const B& b, const X& boxes) {
    const auto v = as_const_view<2>(b, boxes, "truths", "boxes");
    check_shape("truths", "boxes", {any_extent, 4}, v.extent);
    const auto flat = to_host<2>(b, boxes);
    std::vector<std::array<typename B::scalar, 4>> rows(static_cast<std::size_t>(v.extent[0]));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::copy_n(flat.begin() + static_cast<std::ptrdiff_t>(4 * i), 4, rows[i].begin());
    }
    return rows;
}

}  // namespace detail

/// Ground truths from a list of tensors per image: boxes [G, 4] and labels [G] in b's memory.
template <backend B, class Boxes, class Labels>
truth_list<typename B::scalar> truths_of(const B& b, const Boxes& boxes, const Labels& labels) {
    if (std::size(boxes) != std::size(labels)) {
        raise(shape_error(complaint("truths", "labels", std::to_string(std::size(boxes)) + " images",
                                    std::to_string(std::size(labels)))));
    }
    truth_list<typename B::scalar> list;
    auto label = std::begin(labels);
    for (const auto& image : boxes) {
        const auto rows = detail::boxes_to_host(b, image);
        const auto values = to_host<1>(b, *label++);
        using L = typename std::remove_cvref_t<decltype(values)>::value_type;
        list.template add_image<L>(std::span(rows), std::span(values));
    }
    return list;
}

/// Ground truths from flat tensors with offsets: boxes [G, 4], labels [G], image i has the rows
/// offsets[i] to offsets[i + 1]. Throws shape_error for offsets that do not ascend from 0 to G.
template <backend B, readable_tensor<B, typename B::scalar, 2> Boxes, label_tensor<B, 1> Labels>
truth_list<typename B::scalar> truths_of(const B& b, const Boxes& boxes, const Labels& labels,
                                         std::span<const index> offsets) {
    truth_list<typename B::scalar> list;
    list.boxes = detail::boxes_to_host(b, boxes);
    const auto values = to_host<1>(b, labels);
    list.labels.assign(values.begin(), values.end());
    list.offsets.assign(offsets.begin(), offsets.end());
    return list;
}

namespace detail {

/// Truths checked and in b's memory, column by column, as kernels read them.
template <class T>
struct truth_view {
    view<const T, 2> corner;           // [4, G]
    view<const std::int32_t, 1> label, row;  // row: the caller's number within the image
    view<const index, 1> offset;       // [B + 1]

    BOXGRAD_FN box<T> at(index g) const {
        return {corner(0, g), corner(1, g), corner(2, g), corner(3, g)};
    }
};

template <class B>
struct device_truths {
    using T = typename B::scalar;
    tensor_t<B, T, 2> corner;
    tensor_t<B, std::int32_t, 1> label, row;
    tensor_t<B, index, 1> offset;
    std::vector<index> host_offset;  // of the kept truths
    std::vector<index> kept;         // the caller's flat row of each kept truth
    index dropped = 0;

    truth_view<T> look(const B& b) const {
        return {as_const_view<2>(b, corner, "truths", "corner"), as_const_view<1>(b, label, "truths", "label"),
                as_const_view<1>(b, row, "truths", "row"), as_const_view<1>(b, offset, "truths", "offset")};
    }
    index size() const { return static_cast<index>(kept.size()); }
};

template <class T>
bool is_box(const std::array<T, 4>& r) {
    for (const T v : r) {
        if (!(std::abs(v) <= largest_coordinate<T>)) return false;
    }
    return r[0] < r[2] && r[1] < r[3];
}

template <class T>
std::string describe(const std::array<T, 4>& r) {
    std::string s = "[";
    for (std::size_t i = 0; i < 4; ++i) s += (i ? ", " : "") + std::to_string(r[i]);
    return s + "]";
}

/// Checks every truth, then uploads. Throws gt_error, shape_error.
template <class B>
device_truths<B> upload_truths(const B& b, const char* op, const truth_list<typename B::scalar>& t,
                               index images, index classes, bad_truth policy) {
    using T = typename B::scalar;
    if (t.images() != images) {
        raise(shape_error(complaint(op, "truths", std::to_string(images) + " images",
                                    std::to_string(t.images()))));
    }
    bool ascending = t.offsets.front() == 0 && t.offsets.back() == t.size() &&
                     t.labels.size() == t.boxes.size();
    for (std::size_t i = 1; i < t.offsets.size(); ++i) ascending = ascending && t.offsets[i - 1] <= t.offsets[i];
    if (!ascending) {
        raise(shape_error(complaint(op, "truths", "a label a box and offsets ascending from 0 to the number of boxes",
                                    std::to_string(t.boxes.size()) + " boxes, " +
                                        std::to_string(t.labels.size()) + " labels, offsets to " +
                                        std::to_string(t.offsets.back()))));
    }
    std::vector<index> kept;
    std::vector<index> offset{0};
    std::vector<std::int32_t> label;
    std::vector<std::int32_t> row;
    index dropped = 0;
    for (index i = 0; i < images; ++i) {
        for (index g = t.offsets[static_cast<std::size_t>(i)]; g < t.offsets[static_cast<std::size_t>(i) + 1]; ++g) {
            const auto& r = t.boxes[static_cast<std::size_t>(g)];
            const index at = g - t.offsets[static_cast<std::size_t>(i)];
            const std::int64_t l = t.labels[static_cast<std::size_t>(g)];
            if (l < 0 || l >= classes) {
                raise(gt_error(std::string(op) + ": label " + std::to_string(l) + " of image " +
                                   std::to_string(i) + ", row " + std::to_string(at) +
                                   " must be in [0, " + std::to_string(classes) + ")",
                               i, at));
            }
            if (!is_box(r)) {
                if (policy == bad_truth::reject) {
                    raise(gt_error(std::string(op) + ": ground truth of image " + std::to_string(i) + ", row " +
                                       std::to_string(at) + " must be finite with x1 < x2 and y1 < y2, got " +
                                       describe(r),
                                   i, at));
                }
                ++dropped;
                continue;
            }
            kept.push_back(g);
            label.push_back(static_cast<std::int32_t>(l));
            row.push_back(static_cast<std::int32_t>(at));
        }
        offset.push_back(static_cast<index>(kept.size()));
    }
    const auto n = static_cast<index>(kept.size());
    std::vector<T> corner(static_cast<std::size_t>(4 * n));
    for (index g = 0; g < n; ++g) {
        for (index c = 0; c < 4; ++c) {
            corner[static_cast<std::size_t>(c * n + g)] =
                t.boxes[static_cast<std::size_t>(kept[static_cast<std::size_t>(g)])][static_cast<std::size_t>(c)];
        }
    }
    return {from_host(b, extents<2>{{4, n}}, corner.data()),
            from_host(b, extents<1>{{n}}, label.data()),
            from_host(b, extents<1>{{n}}, row.data()),
            from_host(b, extents<1>{{images + 1}}, offset.data()),
            std::move(offset),
            std::move(kept),
            dropped};
}

}  // namespace detail

}  // namespace boxgrad::inline BOXGRAD_ABI
