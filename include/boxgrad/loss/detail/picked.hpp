// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What the losses share that name the elements they are of.

#include <boxgrad/backend/transfer.hpp>
#include <boxgrad/core/reduction.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace boxgrad::inline BOXGRAD_ABI::loss::detail {

/// A reduction to one number that knows what to divide by without weights or ignored elements.
template <class R>
concept plain_reduction =
    std::same_as<R, reduction::sum> || std::same_as<R, reduction::mean> || std::same_as<R, reduction::mean_over>;

/// Indices on the host. Throws shape_error; config_error names the first that is not in [0, bound).
template <class B, class I>
std::vector<std::int64_t> checked_indices(const B& b, const char* op, const char* argument, const I& indices,
                                          const extents<1>& shape, index bound) {
    const auto v = as_const_view<1>(b, indices, op, argument);
    check_shape(op, argument, shape, v.extent);
    const auto host = to_host<1>(b, v);
    std::vector<std::int64_t> r(host.begin(), host.end());
    for (std::size_t k = 0; k < r.size(); ++k) {
        if (r[k] >= 0 && r[k] < bound) continue;
        raise(config_error(complaint(op, argument,
                                     bound > 0 ? "from 0 to " + std::to_string(bound - 1) : std::string("none"),
                                     std::to_string(r[k]) + " in row " + std::to_string(k))));
    }
    return r;
}

/// The cells (row, column) of a matrix by row-major position, each once and in order, and how often each was given.
template <class T>
std::pair<std::vector<std::int64_t>, std::vector<T>> counted_cells(const std::vector<std::int64_t>& rows,
                                                                   const std::vector<std::int64_t>& columns,
                                                                   index width) {
    std::vector<std::int64_t> all(rows.size());
    for (std::size_t k = 0; k < all.size(); ++k) all[k] = rows[k] * width + columns[k];
    std::sort(all.begin(), all.end());
    std::pair<std::vector<std::int64_t>, std::vector<T>> r;
    for (const std::int64_t cell : all) {
        if (r.first.empty() || r.first.back() != cell) {
            r.first.push_back(cell);
            r.second.push_back(T(0));
        }
        r.second.back() += T(1);
    }
    return r;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::loss::detail
