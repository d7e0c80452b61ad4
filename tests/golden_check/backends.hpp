// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Runs a case on every backend that was chosen, in the case's precision.

// Everything that nvcc can compile beside the CUDA backend.
#if defined(BOXGRAD_GOLDEN_CUDA_ONLY)
#undef BOXGRAD_TEST_EIGEN
#undef BOXGRAD_TEST_XTENSOR
#undef BOXGRAD_TEST_CUDA
#define BOXGRAD_TEST_CUDA 1
#endif

#include "check.hpp"
#include "support/backends.hpp"

#include <boxgrad/core/truths.hpp>

namespace golden {

/// Calls f(backend); f reports to k what it computes.
template <class F>
void on_backends(checker& k, const F& f) {
    const auto run = [&](const char* name, const auto& b) {
        if (!k.chooses(name)) return;
        k.begin(name);
        try {
            f(b);
            k.finish();
        } catch (const boxgrad::gt_error& e) {
            k.raised(e.what(), true);
        } catch (const boxgrad::error& e) {
            k.raised(e.what(), false);
        } catch (const std::exception& e) {
            k.broke(e.what());
        }
    };
    if (k.expected().is_double) {
        test::for_each_backend<double>(run);
    } else {
        test::for_each_backend<float>(run);
    }
}

template <int R>
boxgrad::extents<R> extents_of(const std::vector<index>& shape) {
    if (shape.size() != R) throw bad_file("an input has another rank than " + std::to_string(R));
    boxgrad::extents<R> e;
    for (int i = 0; i < R; ++i) e[i] = shape[static_cast<std::size_t>(i)];
    return e;
}

/// Numbers as T.
template <class T>
std::vector<T> numbers(const array& a) {
    if (a.is_whole) throw bad_file("an input of numbers holds whole numbers");
    std::vector<T> v;
    for (const double x : a.real) v.push_back(static_cast<T>(x));
    return v;
}
inline const std::vector<std::int64_t>& whole_numbers(const array& a) {
    if (!a.is_whole) throw bad_file("an input of whole numbers holds others");
    return a.whole;
}

/// A tensor of b, of rank R. The array keeps its shape, or takes the one given.
template <int R, class B>
auto tensor_of(const B& b, const array& a, const std::vector<index>& shape) {
    return boxgrad::from_host<typename B::scalar>(b, extents_of<R>(shape), numbers<typename B::scalar>(a).data());
}
template <int R, class B>
auto tensor_of(const B& b, const array& a) {
    return tensor_of<R>(b, a, a.shape);
}
template <class B>
auto labels_of(const B& b, const array& a) {
    return boxgrad::from_host<std::int64_t>(b, extents_of<1>(a.shape), whole_numbers(a).data());
}

/// Reports a tensor of b under its own shape.
template <int R, class B, class X>
void report(checker& k, const B& b, const std::string& name, const X& x) {
    if (!k.expected().wants(name)) return;
    const auto e = boxgrad::as_const_view<R>(b, x, "report", "x").extent;
    std::vector<index> shape;
    for (int i = 0; i < R; ++i) shape.push_back(e[i]);
    const auto host = boxgrad::to_host<R>(b, x);
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(host)>, std::vector<index>>) {
        k.output(name, shape, std::vector<std::int64_t>(host.begin(), host.end()));
    } else {
        k.output(name, shape, host);
    }
}

/// The truths of an image.
template <class T>
void add_truths(boxgrad::truth_list<T>& list, const array& boxes, const array& labels) {
    const boxgrad::extents<2> e = extents_of<2>(boxes.shape);
    if (e[1] != 4) throw bad_file("gt_bboxes must be [G, 4]");
    const std::vector<T> flat = numbers<T>(boxes);
    std::vector<std::array<T, 4>> rows(static_cast<std::size_t>(e[0]));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        for (std::size_t c = 0; c < 4; ++c) rows[i][c] = flat[4 * i + c];
    }
    const std::vector<std::int64_t>& l = whole_numbers(labels);
    list.template add_image<std::int64_t>(std::span<const std::array<T, 4>>(rows), std::span<const std::int64_t>(l));
}

/// An assigner's rows as the reference numbers them: 0 background, -1 ignored, else from 1.
template <class Row>
std::vector<std::int64_t> gt_inds_of(const Row* rows, index n, Row background) {
    std::vector<std::int64_t> r;
    for (index i = 0; i < n; ++i) r.push_back(rows[i] >= 0 ? rows[i] + 1 : rows[i] == background ? 0 : -1);
    return r;
}

}  // namespace golden
