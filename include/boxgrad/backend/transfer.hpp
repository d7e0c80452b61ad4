// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Copies between host memory and a backend's, for any layout: what little the algorithms take from
/// or give to the host.

#include <boxgrad/backend/concept.hpp>

#include <vector>

namespace boxgrad::inline BOXGRAD_ABI {

namespace detail {

/// to(i) = from(i) by row-major position.
template <class T, int R, class U, int S>
struct copy_kernel {
    view<const T, R> from;
    view<U, S> to;

    BOXGRAD_FN void operator()(index i) const { to.at_flat(i) = from.at_flat(i); }
};

template <class T, int R>
bool is_row_major(const view<T, R>& v) {
    const extents<R> dense = row_major(v.extent);
    for (int i = 0; i < R; ++i) {
        if (v.extent[i] != 1 && v.stride[i] != dense[i]) return false;
    }
    return true;
}

}  // namespace detail

/// The elements of x, row by row, in host memory.
template <int R, class B, class X>
auto to_host(const B& b, const X& x) {
    auto v = as_const_view<R>(b, x, "to_host", "x");
    using T = typename decltype(v)::value_type;
    std::vector<T> host(static_cast<std::size_t>(v.size()));
    if (host.empty()) return host;
    if (detail::is_row_major(v)) {
        b.download(v.data, host.data(), v.size());
        return host;
    }
    auto dense = b.template make<T, 1>(extents<1>{{v.size()}});
    const auto d = as_view<1>(b, dense, "to_host", "scratch");
    b.for_each(v.size(), detail::copy_kernel<T, R, T, 1>{v, d});
    if (d.stride[0] == 1 || d.extent[0] == 1) {
        b.download(static_cast<const T*>(d.data), host.data(), v.size());
    } else {
        for (index i = 0; i < v.size(); ++i) {
            b.download(static_cast<const T*>(&d(i)), host.data() + i, 1);
        }
    }
    return host;
}

/// A tensor of b with extents e and the given elements, row by row.
template <class T, int R, class B>
auto from_host(const B& b, const extents<R>& e, const T* values) {
    auto tensor = b.template make<T, R>(e);
    const auto v = as_view<R>(b, tensor, "from_host", "tensor");
    if (v.size() == 0) return tensor;
    if (detail::is_row_major(v)) {
        b.upload(values, v.data, v.size());
        return tensor;
    }
    auto dense = b.template make<T, 1>(extents<1>{{v.size()}});
    const auto d = as_view<1>(b, dense, "from_host", "scratch");
    if (d.stride[0] == 1 || d.extent[0] == 1) {
        b.upload(values, d.data, v.size());
    } else {
        for (index i = 0; i < v.size(); ++i) b.upload(values + i, &d(i), 1);
    }
    b.for_each(v.size(), detail::copy_kernel<T, 1, T, R>{d, v});
    return tensor;
}

}  // namespace boxgrad::inline BOXGRAD_ABI
