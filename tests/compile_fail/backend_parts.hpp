// SPDX-License-Identifier: Apache-2.0
#pragma once

// The eight names of a backend, one by one.
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/evaluate.hpp>

struct with_scalar {
    using scalar = float;
};
struct with_tensor {
    template <class T, int R>
    using tensor = boxgrad::shaped<T, R>;
};
struct with_make {
    template <class T, int R>
    static boxgrad::shaped<T, R> make(const boxgrad::extents<R>& e) {
        return boxgrad::shaped<T, R>(e);
    }
};
struct with_look {
    template <class T, int R>
    static boxgrad::view<T, R> look(boxgrad::shaped<T, R>& t) {
        return {t.data.data(), t.shape};
    }
    template <class T, int R>
    static boxgrad::view<const T, R> look(const boxgrad::shaped<T, R>& t) {
        return {t.data.data(), t.shape};
    }
};
struct with_lanes {
    template <class T>
    using lanes = T;
};
struct with_for_each {
    template <class F>
    void for_each(boxgrad::index n, const F& f) const {
        for (boxgrad::index i = 0; i < n; ++i) f(i);
    }
};
struct with_upload {
    template <class T>
    void upload(const T* source, T* destination, boxgrad::index n) const {
        std::copy_n(source, n, destination);
    }
};
struct with_download {
    template <class T>
    void download(const T* source, T* destination, boxgrad::index n) const {
        std::copy_n(source, n, destination);
    }
};

template <class B>
float loss_on(const B& backend, const boxgrad::shaped<float, 2>& x) {
    return boxgrad::loss::value(backend, boxgrad::loss::bce{}, boxgrad::reduction::sum{}, x, x);
}
