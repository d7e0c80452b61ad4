// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What a build decides: function annotations, SIMD, threads, and the inline namespace that keeps
/// objects of differing decisions apart (promises P29 and P32).

#include <cstddef>
#include <cstdint>

#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ && !defined(BOXGRAD_ALLOW_FAST_MATH)
#error "boxgrad: -ffast-math (finite-math-only) voids the promises about NaN and infinity; define \
BOXGRAD_ALLOW_FAST_MATH to build without them"
#endif

#if defined(__CUDACC__)
#define BOXGRAD_FN __host__ __device__
#else
#define BOXGRAD_FN
#endif

/// SIMD packs come from xsimd where its headers are found; define BOXGRAD_HAS_XSIMD=0 to do without.
#if !defined(BOXGRAD_HAS_XSIMD)
#if !defined(__CUDACC__) && defined(__has_include)
#if __has_include(<xsimd/xsimd.hpp>)
#define BOXGRAD_HAS_XSIMD 1
#endif
#endif
#endif
#if !defined(BOXGRAD_HAS_XSIMD) || defined(__CUDACC__)
#undef BOXGRAD_HAS_XSIMD
#define BOXGRAD_HAS_XSIMD 0
#endif

// Objects built with other instruction sets, threads or promises get other names.
#if !BOXGRAD_HAS_XSIMD
#define BOXGRAD_ABI_SIMD scalar
#elif defined(__AVX512F__)
#define BOXGRAD_ABI_SIMD avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define BOXGRAD_ABI_SIMD avx2_fma
#elif defined(__AVX2__)
#define BOXGRAD_ABI_SIMD avx2
#elif defined(__AVX__)
#define BOXGRAD_ABI_SIMD avx
#else
#define BOXGRAD_ABI_SIMD baseline
#endif
#if defined(_OPENMP)
#define BOXGRAD_ABI_THREADS _omp
#else
#define BOXGRAD_ABI_THREADS
#endif
#if defined(BOXGRAD_ALLOW_FAST_MATH)
#define BOXGRAD_ABI_MATH _fast
#else
#define BOXGRAD_ABI_MATH
#endif
#define BOXGRAD_ABI_PASTE(a, b, c) v0_##a##b##c
#define BOXGRAD_ABI_NAME(a, b, c) BOXGRAD_ABI_PASTE(a, b, c)
#define BOXGRAD_ABI BOXGRAD_ABI_NAME(BOXGRAD_ABI_SIMD, BOXGRAD_ABI_THREADS, BOXGRAD_ABI_MATH)

namespace boxgrad::inline BOXGRAD_ABI {

/// Counts, extents and strides. Signed and 64 bits wide: N x G may pass 2^31 (promise P23).
using index = std::ptrdiff_t;

}  // namespace boxgrad::inline BOXGRAD_ABI
