// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/assignment_problem.hpp>
#include <boxgrad/backend/transfer.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// Linear sum assignment: pairs of a row and a column, none in two pairs, as many as there can be, and among
/// those the least sum of costs. Returns the column of each row, or `unmatched`.
///
///     minimise Σ c(i, column(i))       [M, N] of any shape; costs of any sign
///
/// A cost that is not finite, or beyond 2^900, is a pair that cannot be. A row or column of such costs alone
/// changes nothing for the others. Runs on the host, in double: the shorter side's lines are added one after
/// another in ascending order, each along a shortest path. Of equally near lines of the longer side a free one
/// comes before one that is taken, then the lowest; so the same costs give the same pairs on every platform.
/// O(n² m) steps for n <= m, in practice a few passes over the matrix. Bytes on the host: about
/// 8·n·m + 64·(n + m).
///
/// Crouse, On implementing 2D rectangular assignment algorithms, IEEE Trans. AES 2016; as
/// scipy.optimize.linear_sum_assignment.
template <real T>
std::vector<index> linear_assignment(const view<const T, 2>& cost) {
    std::vector<index> column_of(static_cast<std::size_t>(cost.extent[0]), unmatched);
    detail::assignment_problem problem;
    const std::vector<index>& row_of = problem.solve(cost);
    for (std::size_t j = 0; j < row_of.size(); ++j) {
        if (row_of[j] != unmatched) column_of[static_cast<std::size_t>(row_of[j])] = static_cast<index>(j);
    }
    return column_of;
}
template <real T>
std::vector<index> linear_assignment(const view<T, 2>& cost) {
    return linear_assignment(view<const T, 2>(cost));
}

/// The same for a matrix in b's memory, which is copied to the host. Throws shape_error.
template <backend B, readable_tensor<B, typename B::scalar, 2> X>
std::vector<index> linear_assignment(const B& b, const X& cost) {
    using T = typename B::scalar;
    const auto e = as_const_view<2>(b, cost, "linear_assignment", "cost").extent;
    const std::vector<T> host = to_host<2>(b, cost);
    return linear_assignment(view<const T, 2>(host.data(), e));
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
