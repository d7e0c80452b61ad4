// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/concept.hpp>
#include <boxgrad/core/pack.hpp>

#include <algorithm>

namespace boxgrad::inline BOXGRAD_ABI {

/// The executor that every adapter of host memory inherits: SIMD packs where xsimd is found, threads
/// where the translation unit is compiled with OpenMP and more than one is asked for. The bits of a
/// result do not depend on `threads`.
struct cpu {
#if defined(_OPENMP)
    int threads = 1;  ///< how many; 1: the calling thread alone
#endif

#if BOXGRAD_HAS_XSIMD
    template <class T>
    using lanes = pack<T>;
#else
    template <class T>
    using lanes = T;
#endif

    template <class F>
    void for_each(index n, const F& f) const {
#if defined(_OPENMP)
        if (threads > 1 && n > 1) {
            const index share = std::max<index>(1, n / (8 * index{threads}));
#pragma omp parallel for schedule(dynamic) num_threads(threads)
            for (index i = 0; i < n; i += share) run(i, std::min(i + share, n), f);
            return;
        }
#endif
        run(0, n, f);
    }
    template <class T>
    void upload(const T* source, T* destination, index n) const {
        std::copy_n(source, n, destination);
    }
    template <class T>
    void download(const T* source, T* destination, index n) const {
        std::copy_n(source, n, destination);
    }

private:
    /// All of f, and nothing of the caller: the loop has the registers to itself, and is the same code
    /// whether one thread runs it or many.
    template <class F>
    [[gnu::noinline, gnu::flatten]] static void run(index first, index last, const F& f) {
        for (index i = first; i < last; ++i) f(i);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI
