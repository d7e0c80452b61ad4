// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Priors of a feature pyramid as tensors, for every generator: all levels or one, chosen cells, and the
/// flags of those that stem from the unpadded picture. Priors are numbered cell by cell, cells row by
/// row.

#include <boxgrad/backend/rows.hpp>
#include <boxgrad/backend/transfer.hpp>
#include <boxgrad/prior/detail/base_anchors.hpp>

#include <cmath>
#include <vector>

namespace boxgrad::inline BOXGRAD_ABI::prior {

/// Parameters from which the priors of a level follow. `strides` tells the levels, `num_base_priors` how
/// many priors a cell has, `grid<T>(level, size)` gives them as a row source whose rows have
/// `G::columns` numbers.
template <class G>
concept generator = requires(const G& g, int level, featmap_size size) {
    { g.strides[level] } -> std::convertible_to<stride>;
    { g.num_levels() } -> std::same_as<int>;
    { g.num_base_priors(level) } -> std::same_as<int>;
    { g.template grid<float>(level, size) } -> row_source<float>;
    { G::columns } -> std::convertible_to<int>;
};

namespace detail {

struct valid_kernel {
    view<std::uint8_t, 1> out;
    index columns, valid_rows, valid_columns, per_cell;

    BOXGRAD_FN void operator()(index i) const {
        const index cell = i / per_cell;
        out(i) = cell / columns < valid_rows && cell % columns < valid_columns ? 1 : 0;
    }
};

constexpr void check_size(const char* op, featmap_size size) {
    if (size.h < 0 || size.w < 0) {
        raise(shape_error(complaint(op, "featmap_size", "not negative",
                                    "[" + std::to_string(size.h) + ", " + std::to_string(size.w) + "]")));
    }
    checked_product(op, checked_product(op, size.h, size.w), max_base_priors);
}
template <class G>
constexpr void check_level(const char* op, const G& g, int level, featmap_size size) {
    check_level_index(op, level, g.num_levels());
    const stride s = g.strides[level];
    if (!(s.w > 0 && s.h > 0 && s.w < infinity<double> && s.h < infinity<double>)) {
        raise(config_error(
            complaint(op, "strides", "positive", "(" + std::to_string(s.w) + ", " + std::to_string(s.h) + ")")));
    }
    check_size(op, size);
    // Throws where parameters contradict one another.
    if constexpr (requires { g.template base_anchors<float>(level); }) g.template base_anchors<float>(level);
}
template <class G>
void check_levels(const char* op, const G& g, int sizes) {
    if (sizes != g.num_levels()) {
        raise(shape_error(
            complaint(op, "featmap_sizes", std::to_string(g.num_levels()) + " levels", std::to_string(sizes))));
    }
}

/// Flags of the cells within `valid` rows and columns, each `per_cell` times.
template <backend B>
auto cell_flags(const B& b, featmap_size size, featmap_size valid, index per_cell) {
    check_size("valid_flags", size);
    auto out = b.template make<std::uint8_t, 1>(extents<1>{{size.cells() * per_cell}});
    const auto v = as_view<1>(b, out, "valid_flags", "out");
    b.for_each(v.extent[0], valid_kernel{v, size.w, valid.h, valid.w, per_cell});
    return out;
}

/// Host numbers that have to be below `end`.
template <backend B, class X>
std::vector<std::int64_t> indices_below(const B& b, const X& x, index end, const char* op, const char* argument) {
    std::vector<std::int64_t> host = to_host<1>(b, x);
    for (const std::int64_t i : host) {
        if (i < 0 || i >= end) {
            raise(shape_error(complaint(op, argument, "in [0, " + std::to_string(end) + ")", std::to_string(i))));
        }
    }
    return host;
}

template <class G>
constexpr index priors_in(const G& g, int level, featmap_size size) {
    return size.cells() * g.num_base_priors(level);
}

}  // namespace detail

/// Writes the priors of a level into the caller's [h·w·A, columns]. Throws shape_error, config_error.
template <backend B, generator G, writable_tensor<B, typename B::scalar, 2> X>
void fill(const B& b, const G& g, X& out, featmap_size size, int level) {
    detail::check_level("fill", g, level, size);
    store_rows<G::columns>(b, "fill", g.template grid<typename B::scalar>(level, size),
                           as_view<2>(b, out, "fill", "out"));
}

/// The priors of one level. Shapes: [h·w·A, columns].
template <backend B, generator G>
auto single_level_grid_priors(const B& b, const G& g, featmap_size size, int level) {
    detail::check_level("single_level_grid_priors", g, level, size);
    return make_rows<G::columns>(b, "single_level_grid_priors", g.template grid<typename B::scalar>(level, size));
}

/// All levels, a tensor each. Throws shape_error unless there is a size for every stride.
template <backend B, generator G>
auto grid_priors(const B& b, const G& g, const per_level<featmap_size>& sizes) {
    detail::check_levels("grid_priors", g, sizes.size());
    std::vector<tensor_t<B, typename B::scalar, 2>> out;
    for (int l = 0; l < sizes.size(); ++l) out.push_back(single_level_grid_priors(b, g, sizes[l], l));
    return out;
}

/// Chosen priors [M, columns] of a level, bit for bit those of the grid. Throws shape_error for an index
/// outside of the level.
template <backend B, generator G, readable_tensor<B, std::int64_t, 1> X>
auto sparse_priors(const B& b, const G& g, const X& prior_idxs, featmap_size size, int level) {
    using T = typename B::scalar;
    const char* op = "sparse_priors";
    detail::check_level(op, g, level, size);
    const auto chosen = detail::indices_below(b, prior_idxs, detail::priors_in(g, level, size), op, "prior_idxs");
    const auto grid = g.template grid<T>(level, size);
    std::vector<T> rows;
    for (const std::int64_t i : chosen) {
        const auto row = fields_of(grid.template at<T>(static_cast<index>(i), 1));
        rows.insert(rows.end(), row.at, row.at + G::columns);
    }
    return from_host(b, extents<2>{{static_cast<index>(chosen.size()), G::columns}}, rows.data());
}

/// 1 for the priors of cells that begin within the unpadded picture, 0 for others. Shapes: [h·w·A] of
/// uint8; `pad_shape` is (h, w) in pixels.
template <backend B, generator G>
auto single_level_valid_flags(const B& b, const G& g, featmap_size size, featmap_size pad_shape, int level) {
    detail::check_level("valid_flags", g, level, size);
    const auto cells = [](index pixels, double s) {
        return static_cast<index>(std::ceil(static_cast<double>(pixels) / s));
    };
    const stride s = g.strides[level];
    return detail::cell_flags(b, size, {cells(pad_shape.h, s.h), cells(pad_shape.w, s.w)}, g.num_base_priors(level));
}

template <backend B, generator G>
auto valid_flags(const B& b, const G& g, const per_level<featmap_size>& sizes, featmap_size pad_shape) {
    detail::check_levels("valid_flags", g, sizes.size());
    std::vector<tensor_t<B, std::uint8_t, 1>> out;
    for (int l = 0; l < sizes.size(); ++l) out.push_back(single_level_valid_flags(b, g, sizes[l], pad_shape, l));
    return out;
}

/// One prior of a level, also in constant expressions. Throws shape_error for a level or an index that does
/// not exist.
template <real T, generator G>
constexpr auto at(const G& g, int level, featmap_size size, index i) {
    detail::check_level("at", g, level, size);
    const index end = detail::priors_in(g, level, size);
    if (i < 0 || i >= end) {
        raise(shape_error(complaint("at", "i", "in [0, " + std::to_string(end) + ")", std::to_string(i))));
    }
    return g.template grid<T>(level, size).template at<T>(i, 1);
}

}  // namespace boxgrad::inline BOXGRAD_ABI::prior
