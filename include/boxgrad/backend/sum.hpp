// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/transfer.hpp>

namespace boxgrad::inline BOXGRAD_ABI {

namespace detail {

struct block_sum_kernel {
    static constexpr index block = 256;
    view<const double, 1> terms;
    view<double, 1> sums;

    BOXGRAD_FN void operator()(index i) const {
        const index n = terms.extent[0];
        const index end = n < (i + 1) * block ? n : (i + 1) * block;
        double s = 0;
        for (index k = i * block; k < end; ++k) s += terms(k);
        sums(i) = s;
    }
};

}  // namespace detail

/// The sum of b's numbers, over blocks of a fixed size in a fixed order: the same bits for any number
/// of threads (promise P34).
template <class B>
double sum(const B& b, const view<const double, 1>& terms) {
    using K = detail::block_sum_kernel;
    const index blocks = (terms.extent[0] + K::block - 1) / K::block;
    auto sums = b.template make<double, 1>(extents<1>{{blocks}});
    b.for_each(blocks, K{terms, as_view<1>(b, sums, "sum", "scratch")});
    double total = 0;
    for (const double s : to_host<1>(b, sums)) total += s;
    return total;
}

}  // namespace boxgrad::inline BOXGRAD_ABI
