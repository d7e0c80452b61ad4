// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Typed errors. Each names the operation, the argument, what was expected and what came, and is
/// thrown before anything is written. Without exceptions `on_error` is called, then abort.

#include <boxgrad/core/config.hpp>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace boxgrad::inline BOXGRAD_ABI {

/// Base of all errors of this library.
struct error : std::runtime_error {
    using std::runtime_error::runtime_error;
};
/// A tensor has another rank or other extents than the operation needs.
struct shape_error : error {
    using error::error;
};
/// A parameter is outside of its range.
struct config_error : error {
    using error::error;
};
/// A product of extents passes what the index type or a backend can hold.
struct size_error : error {
    using error::error;
};
/// A ground truth is not a box, or its label is not a class. Says image and row.
struct gt_error : error {
    gt_error(const std::string& what, index at_image, index at_row)
        : error(what), image(at_image), row(at_row) {}
    index image;
    index row;
};

#if !defined(__cpp_exceptions)
/// Called with the message before the process aborts, where exceptions are switched off.
inline void (*on_error)(const char* message) = nullptr;
#endif

template <class E>
[[noreturn]] void raise(const E& e) {
#if defined(__cpp_exceptions)
    throw e;
#else
    if (on_error) on_error(e.what());
    std::abort();
#endif
}

/// "operation: argument must be EXPECTED, got ACTUAL".
inline std::string complaint(const std::string& operation, const std::string& argument,
                             const std::string& expected, const std::string& actual) {
    return operation + ": " + argument + " must be " + expected + ", got " + actual;
}

}  // namespace boxgrad::inline BOXGRAD_ABI
