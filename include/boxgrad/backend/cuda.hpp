// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// NVIDIA devices through Thrust, compiled by nvcc; no flag for extended lambdas or relaxed constexpr
/// is needed. Without nvcc, -DTHRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_CPP (or _OMP) runs the same
/// code on the host.

#if !__has_include(<thrust/version.h>)
#error "boxgrad/backend/cuda.hpp needs Thrust: nvcc, or -isystem /usr/local/cuda/include/cccl"
#endif

#include <boxgrad/backend/concept.hpp>

#include <thrust/copy.h>
#include <thrust/device_vector.h>
#include <thrust/execution_policy.h>
#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>

#if THRUST_DEVICE_SYSTEM == THRUST_DEVICE_SYSTEM_CUDA
#if !defined(__CUDACC__)
#error "boxgrad/backend/cuda.hpp: compile with nvcc or define THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_CPP"
#endif
#include <thrust/system_error.h>
#include <thrust/system/cuda/error.h>
#define BOXGRAD_ABI_DEVICE thrust_cuda
#elif THRUST_DEVICE_SYSTEM == THRUST_DEVICE_SYSTEM_OMP
#define BOXGRAD_ABI_DEVICE thrust_omp
#elif THRUST_DEVICE_SYSTEM == THRUST_DEVICE_SYSTEM_TBB
#define BOXGRAD_ABI_DEVICE thrust_tbb
#else
#define BOXGRAD_ABI_DEVICE thrust_cpp
#endif

namespace boxgrad::inline BOXGRAD_ABI::inline BOXGRAD_ABI_DEVICE {

/// Row-major elements in device memory. `data` serves every algorithm of Thrust.
template <class T, int R>
struct device_tensor {
    thrust::device_vector<T> data;
    extents<R> shape;
};

/// Kernels and copies run in order on `stream`, which the caller keeps alive; kernels may still run
/// when for_each returns, copies have ended when they return. An object is as safe to share between
/// threads as its stream. No atomics are used: the same build on the same device gives the same bits
/// (promise P34). Errors of the device: thrust::system_error, at the latest from the next download.
template <real Scalar>
struct cuda {
    using scalar = Scalar;
    template <class T, int R>
    using tensor = device_tensor<T, R>;
    template <class T>
    using lanes = T;

#if THRUST_DEVICE_SYSTEM == THRUST_DEVICE_SYSTEM_CUDA
    cudaStream_t stream = nullptr;  ///< nullptr: the default stream
#endif

    template <class T, int R>
    static tensor<T, R> make(const extents<R>& e) {
        return {thrust::device_vector<T>(static_cast<std::size_t>(e.size())), e};
    }
    template <class T, int R>
    static view<T, R> look(device_tensor<T, R>& t) {
        return {thrust::raw_pointer_cast(t.data.data()), t.shape};
    }
    template <class T, int R>
    static view<const T, R> look(const device_tensor<T, R>& t) {
        return {thrust::raw_pointer_cast(t.data.data()), t.shape};
    }
    template <class T, int R>
    static void look(const device_tensor<T, R>&&) = delete;
    template <class T, class A>
    static view<T, 1> look(thrust::device_vector<T, A>& v) {
        return {thrust::raw_pointer_cast(v.data()), extents<1>{{static_cast<index>(v.size())}}};
    }
    template <class T, class A>
    static view<const T, 1> look(const thrust::device_vector<T, A>& v) {
        return {thrust::raw_pointer_cast(v.data()), extents<1>{{static_cast<index>(v.size())}}};
    }
    template <class T, class A>
    static void look(const thrust::device_vector<T, A>&&) = delete;

    template <class F>
    void for_each(index n, const F& f) const {
        static_assert(std::is_trivially_copyable_v<F>, "a kernel is copied to the device bit by bit");
        if (n <= 0) return;
        const thrust::counting_iterator<index> first(0);
        thrust::for_each(policy(), first, first + n, f);
    }
    template <class T>
    void upload(const T* source, T* destination, index n) const {
        copy(source, destination, n);
    }
    template <class T>
    void download(const T* source, T* destination, index n) const {
        copy(source, destination, n);
    }

private:
#if THRUST_DEVICE_SYSTEM == THRUST_DEVICE_SYSTEM_CUDA
    auto policy() const { return thrust::cuda::par_nosync.on(stream); }
    template <class T>
    void copy(const T* source, T* destination, index n) const {
        if (n <= 0) return;
        const auto bytes = static_cast<std::size_t>(n) * sizeof(T);
        check(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDefault, stream));
        check(cudaStreamSynchronize(stream));
    }
    static void check(cudaError_t e) {
        if (e != cudaSuccess) raise(thrust::system_error(e, thrust::cuda_category(), "boxgrad::cuda"));
    }
#else
    static auto policy() { return thrust::device; }
    template <class T>
    static void copy(const T* source, T* destination, index n) {
        if (n > 0) std::copy_n(source, n, destination);
    }
#endif
};
static_assert(backend<cuda<float>>);

}  // namespace boxgrad::inline BOXGRAD_ABI::inline BOXGRAD_ABI_DEVICE
