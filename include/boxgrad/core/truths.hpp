// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/transfer.hpp>
#include <boxgrad/core/box.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
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
    /// Regions of each image, such as crowds, where a prior counts neither as positive nor as negative.
    /// `ignored_offsets` has as many entries as `offsets`, or one where no image has a region.
    std::vector<std::array<T, 4>> ignored;
    std::vector<index> ignored_offsets{0};

    index images() const { return static_cast<index>(offsets.size()) - 1; }
    index size() const { return static_cast<index>(boxes.size()); }

    /// Appends an image. Throws shape_error where boxes and labels differ in number.
    template <class Label>
    void add_image(std::span<const std::array<T, 4>> image_boxes, std::span<const Label> image_labels,
                   std::span<const std::array<T, 4>> image_ignored = {}) {
        if (image_boxes.size() != image_labels.size()) {
            raise(shape_error(complaint("truth_list", "labels",
                                        std::string("[") + std::to_string(image_boxes.size()) + "]",
                                        std::string("[") + std::to_string(image_labels.size()) + "]")));
        }
        boxes.insert(boxes.end(), image_boxes.begin(), image_boxes.end());
        for (const Label& l : image_labels) labels.push_back(static_cast<std::int64_t>(l));
        offsets.push_back(size());
        ignored_offsets.resize(offsets.size() - 1, static_cast<index>(ignored.size()));
        ignored.insert(ignored.end(), image_ignored.begin(), image_ignored.end());
        ignored_offsets.push_back(static_cast<index>(ignored.size()));
    }
    void add_image(const std::vector<std::array<T, 4>>& image_boxes, const std::vector<int>& image_labels,
                   const std::vector<std::array<T, 4>>& image_ignored = {}) {
        add_image(std::span<const std::array<T, 4>>(image_boxes), std::span<const int>(image_labels),
                  std::span<const std::array<T, 4>>(image_ignored));
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
/// offsets[i] to offsets[i + 1]. Whether they ascend from 0 to G is checked where the list is used.
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
    view<const T, 2> corner;                 // [4, G]
    view<const std::int32_t, 1> label, row;  // row: the caller's number within the image
    view<const index, 1> offset;             // [B + 1]
    view<const T, 2> ignored;                // [4, regions]
    view<const index, 1> ignored_offset;     // [B + 1]

    BOXGRAD_FN box<T> at(index g) const { return {corner(0, g), corner(1, g), corner(2, g), corner(3, g)}; }
    BOXGRAD_FN box<T> region(index r) const { return {ignored(0, r), ignored(1, r), ignored(2, r), ignored(3, r)}; }
    BOXGRAD_FN index image_of(index g) const {
        index low = 0;
        index high = offset.extent[0] - 1;  // offset(low) <= g < offset(high)
        while (high - low > 1) {
            const index middle = low + (high - low) / 2;
            (offset(middle) <= g ? low : high) = middle;
        }
        return low;
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
    index dropped = 0;               // truths
    tensor_t<B, T, 2> ignored;
    tensor_t<B, index, 1> ignored_offset;
    index dropped_regions = 0;

    truth_view<T> look(const B& b) const {
        return {as_const_view<2>(b, corner, "truths", "corner"),
                as_const_view<1>(b, label, "truths", "label"),
                as_const_view<1>(b, row, "truths", "row"),
                as_const_view<1>(b, offset, "truths", "offset"),
                as_const_view<2>(b, ignored, "truths", "ignored"),
                as_const_view<1>(b, ignored_offset, "truths", "ignored_offset")};
    }
    index size() const { return static_cast<index>(kept.size()); }
    index images() const { return static_cast<index>(host_offset.size()) - 1; }
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

/// Boxes column by column, as kernels read them. `rows`: which.
template <class B>
auto upload_columns(const B& b, const std::vector<std::array<typename B::scalar, 4>>& boxes,
                    const std::vector<index>& rows) {
    using T = typename B::scalar;
    const auto n = static_cast<index>(rows.size());
    std::vector<T> corner(static_cast<std::size_t>(4 * n));
    for (index g = 0; g < n; ++g) {
        for (index c = 0; c < 4; ++c) {
            corner[static_cast<std::size_t>(c * n + g)] =
                boxes[static_cast<std::size_t>(rows[static_cast<std::size_t>(g)])][static_cast<std::size_t>(c)];
        }
    }
    return from_host(b, extents<2>{{4, n}}, corner.data());
}

/// Offsets that ascend from 0 to `size`.
inline bool are_offsets(const std::vector<index>& offsets, index size) {
    return !offsets.empty() && offsets.front() == 0 && offsets.back() == size &&
           std::is_sorted(offsets.begin(), offsets.end());
}

/// Labels of truths that go by no number of classes.
inline constexpr index any_label = std::numeric_limits<std::int32_t>::max();

/// Checks every truth and ignored region, then uploads. Throws gt_error, shape_error.
template <class B>
device_truths<B> upload_truths(const B& b, const char* op, const truth_list<typename B::scalar>& t, index images,
                               index classes, bad_truth policy) {
    if (t.images() != images) {
        raise(shape_error(complaint(op, "truths", std::to_string(images) + " images", std::to_string(t.images()))));
    }
    if (!are_offsets(t.offsets, t.size()) || t.labels.size() != t.boxes.size()) {
        raise(shape_error(complaint(op, "truths", "a label a box and offsets ascending from 0 to the number of boxes",
                                    std::to_string(t.boxes.size()) + " boxes, " + std::to_string(t.labels.size()) +
                                        " labels, offsets to " +
                                        (t.offsets.empty() ? "none" : std::to_string(t.offsets.back())))));
    }
    const bool no_regions = t.ignored.empty() && t.ignored_offsets.size() == 1;
    if (!no_regions && (!are_offsets(t.ignored_offsets, static_cast<index>(t.ignored.size())) ||
                        t.ignored_offsets.size() != t.offsets.size())) {
        raise(shape_error(complaint(
            op, "truths", "offsets of ignored regions ascending from 0 to their number, one for each image and 0",
            std::to_string(t.ignored.size()) + " regions, " + std::to_string(t.ignored_offsets.size()) + " offsets")));
    }
    // True where row `at` of image i is kept.
    const auto keeps = [&](const std::array<typename B::scalar, 4>& r, const char* what, index i, index at) {
        if (is_box(r)) return true;
        if (policy == bad_truth::reject) {
            raise(gt_error(std::string(op) + ": " + what + " of image " + std::to_string(i) + ", row " +
                               std::to_string(at) + " must be finite with x1 < x2 and y1 < y2, got " + describe(r),
                           i, at));
        }
        return false;
    };
    std::vector<index> kept;
    std::vector<index> offset{0};
    std::vector<std::int32_t> label;
    std::vector<std::int32_t> row;
    std::vector<index> kept_regions;
    std::vector<index> region_offset{0};
    for (std::size_t i = 0; i < static_cast<std::size_t>(images); ++i) {
        const auto image = static_cast<index>(i);
        for (index g = t.offsets[i]; g < t.offsets[i + 1]; ++g) {
            const index at = g - t.offsets[i];
            const std::int64_t l = t.labels[static_cast<std::size_t>(g)];
            if (l < 0 || l >= classes) {
                raise(gt_error(std::string(op) + ": label " + std::to_string(l) + " of image " + std::to_string(image) +
                                   ", row " + std::to_string(at) + " must be in [0, " + std::to_string(classes) + ")",
                               image, at));
            }
            if (!keeps(t.boxes[static_cast<std::size_t>(g)], "ground truth", image, at)) continue;
            kept.push_back(g);
            label.push_back(static_cast<std::int32_t>(l));
            row.push_back(static_cast<std::int32_t>(at));
        }
        offset.push_back(static_cast<index>(kept.size()));
        for (index r = no_regions ? 0 : t.ignored_offsets[i]; r < (no_regions ? 0 : t.ignored_offsets[i + 1]); ++r) {
            if (keeps(t.ignored[static_cast<std::size_t>(r)], "ignored region", image, r - t.ignored_offsets[i])) {
                kept_regions.push_back(r);
            }
        }
        region_offset.push_back(static_cast<index>(kept_regions.size()));
    }
    const auto n = static_cast<index>(kept.size());
    const index dropped = t.size() - n;
    const index dropped_regions = static_cast<index>(t.ignored.size() - kept_regions.size());
    auto corner = upload_columns(b, t.boxes, kept);
    auto regions = upload_columns(b, t.ignored, kept_regions);
    auto offsets = from_host(b, extents<1>{{images + 1}}, offset.data());
    return {std::move(corner),
            from_host(b, extents<1>{{n}}, label.data()),
            from_host(b, extents<1>{{n}}, row.data()),
            std::move(offsets),
            std::move(offset),
            std::move(kept),
            dropped,
            std::move(regions),
            from_host(b, extents<1>{{images + 1}}, region_offset.data()),
            dropped_regions};
}

}  // namespace detail

}  // namespace boxgrad::inline BOXGRAD_ABI
