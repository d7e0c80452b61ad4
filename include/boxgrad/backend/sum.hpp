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

/// Sums of numbers in b's memory, over blocks of a fixed size in a fixed order: the same bits for any
/// number of threads (promise P34). All memory for up to `most` numbers is taken at construction, so
/// that what follows cannot fail for want of it (promise P22).
template <class B>
class summation {
    using K = detail::block_sum_kernel;
    const B& b_;
    tensor_t<B, double, 1> sums_;
    std::vector<double> host_;

    static index blocks(index n) { return (n + K::block - 1) / K::block; }

public:
    summation(const B& b, index most)
        : b_(b),
          sums_(b.template make<double, 1>(extents<1>{{blocks(most)}})),
          host_(static_cast<std::size_t>(blocks(most))) {}

    double operator()(const view<const double, 1>& terms) {
        const index n = blocks(terms.extent[0]);
        const auto sums = as_view<1>(b_, sums_, "sum", "scratch");
        b_.for_each(n, K{terms, sums});
        if (sums.stride[0] == 1) {
            b_.download(static_cast<const double*>(sums.data), host_.data(), n);
        } else {
            for (index i = 0; i < n; ++i) b_.download(static_cast<const double*>(&sums(i)), &host_[static_cast<std::size_t>(i)], 1);
        }
        double total = 0;
        for (index i = 0; i < n; ++i) total += host_[static_cast<std::size_t>(i)];
        return total;
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI
