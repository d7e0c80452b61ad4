// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/class_cost.hpp>
#include <boxgrad/assigner/detail/images.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// Some consecutive priors that a kernel treats at once.
struct chunk {
    index first;  ///< number of the first prior
    int count;    ///< lanes in use
    int level;
    index cell;  ///< number of the first prior within its level
};

/// How many chunks a kernel sums classes for at once. On a CPU many: planes of classes lie in pages of
/// their own, and a page looked up should serve some kilobytes.
template <class V>
inline constexpr int chunk_group = width_v<V> > 1 ? 64 : 1;

/// Columns k to k + 4 of some rows. Rows without gaps are read row by row.
template <plain_number V>
BOXGRAD_FN fields<V, 4> four_columns(const view<const scalar_t<V>, 2>& v, index row, int count, index k) {
    if constexpr (1 < width_v<V>) {
        if (v.stride[1] == 1) {
            scalar_t<V> rows[4 * width_v<V>];
            for (int l = 0; l < width_v<V>; ++l) {
                __builtin_memcpy(rows + 4 * l, &v(row + (l < count ? l : 0), k), 4 * sizeof(scalar_t<V>));
            }
            fields<V, 4> f;
            if (load_four(rows, f.at)) return f;
        }
    }
    return load_fields<V, 4>(v, row, count, k);
}

/// Priors, boxes and class scores as lists: what an assigner takes when it is called alone. A scene
/// tells the kernels of dynamic k where predictions come from; heads have another (head/detail/scene.hpp).
/// `Points` give priors to every image (images.hpp), `ClassCost` is one of class_cost.hpp.
template <class Points, class ClassCost>
struct list_scene {
    using number = decltype(ClassCost{}.all_background());
    using V = number;
    using T = scalar_t<V>;

    Points point_rows;
    view<const T, 3> box_rows, score_rows;  // [B, N, 4], [B, N, C]

    BOXGRAD_FN index images() const { return box_rows.extent[0]; }
    BOXGRAD_FN index priors() const { return box_rows.extent[1]; }
    BOXGRAD_FN index chunks() const { return packs_of<V>(priors()); }
    BOXGRAD_FN chunk at(index c) const {
        const index first = c * width_v<V>;
        return {first, rows_left<V>(priors(), first), 0, first};
    }
    BOXGRAD_FN prior::point<V> points(index image, const chunk& c) const {
        return point_rows.template at<V>(image, c.first, c.count);
    }
    BOXGRAD_FN box<V> boxes(index image, const chunk& c, mask_t<V>& sane) const {
        const box<V> b = load_boxes<V>(image_of(box_rows, image), c.first, c.count);
        sane = boxgrad::is_sane(b) && is_sane(points(image, c));
        return b;
    }
    /// For n chunks: Σ over classes of the cost of "not this class" where that is wanted, else NaN; infinite
    /// where a score is not finite.
    BOXGRAD_FN void all_background(index image, const chunk* c, const bool* wanted, int n, V* out) const {
        const auto scores = image_of(score_rows, image);
        const index classes = scores.extent[1];
        for (int i = 0; i < n; ++i) {
            ClassCost cost;
            V zero(T(0));  // stays 0 while all is finite
            const auto add = [&](V x) {
                zero = madd(x, V(T(0)), zero);
                if (wanted[i]) cost.add(x);
            };
            index k = 0;
            for (; k + 4 <= classes; k += 4) {
                const auto x = four_columns<V>(scores, c[i].first, c[i].count, k);
                for (int j = 0; j < 4; ++j) add(x[j]);
            }
            for (; k < classes; ++k) add(load<V>(&scores(c[i].first, k), scores.stride[0], c[i].count));
            out[i] = select(zero == V(T(0)), wanted[i] ? cost.all_background() : V(not_a_number<T>), V(infinity<T>));
        }
    }
    /// What the label's class costs more than "not this class", for boxes of these overlaps with the truth.
    BOXGRAD_FN V own_class(index image, const std::int32_t* prior, int count, std::int32_t label, V overlap) const {
        T x[width_v<V>];
        for (int l = 0; l < width_v<V>; ++l) x[l] = score_rows(image, prior[l < count ? l : 0], label);
        return ClassCost::own_class(load<V>(x, 1, width_v<V>), overlap);
    }
};

/// x as [B, N, C], its shape checked as the caller gave it: [N, C], or [B, N, C]. Throws shape_error.
template <matrix Meaning, class B, class X>
auto checked_rows(const B& b, const X& x, index images, index rows, index columns, const char* op,
                  const char* argument) {
    const auto v = image_rows<Meaning>(b, x, images, op, argument);
    if (look_at(b, x).rank == 2) {
        check_shape(op, argument, {rows, columns}, extents<2>{{v.extent[1], v.extent[2]}});
    } else {
        check_shape(op, argument, {images, rows, columns}, v.extent);
    }
    return v;
}

/// The scene of `assign`: priors [N, 4], [B, N, 4] or a row source of points; boxes [N, 4] or [B, N, 4]; scores
/// [N, C] or [B, N, C]. Throws shape_error.
template <class ClassCost, class B, class X, class Y, class Z>
auto list_scene_of(const B& b, const char* op, const X& priors, const Y& boxes, const Z& scores) {
    const auto seen = look_at(b, boxes);
    const index images = seen.rank == 3 ? seen.extent[0] : 1;
    const auto scene = [&](const auto& points) {
        const auto box_rows = checked_rows<matrix::of_one_image>(b, boxes, images, points.size(), 4, op, "boxes");
        const auto score_rows =
            checked_rows<matrix::of_one_image>(b, scores, images, points.size(), any_extent, op, "scores");
        return list_scene<std::remove_cvref_t<decltype(points)>, ClassCost>{points, box_rows, score_rows};
    };
    if constexpr (row_source<X, lanes_t<B>>) {
        return scene(shared_rows<X>{priors});
    } else {
        return scene(stored_images<prior::stored_points, typename B::scalar>{
            checked_rows<matrix::shared>(b, priors, images, any_extent, 4, op, "priors")});
    }
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
