// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Slopes of a model by differences of fourth order, in long double; and what a call says that refuses.

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace test {

/// ∂f/∂x_i for every i.
template <class F>
std::vector<long double> differences(std::vector<long double> x, const F& f, long double h = 1e-3L) {
    std::vector<long double> slopes;
    for (long double& v : x) {
        const long double at = v;
        const auto moved = [&](long double by) {
            v = at + by * h;
            const long double y = f(x);
            v = at;
            return y;
        };
        slopes.push_back((8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * h));
    }
    return slopes;
}

/// The largest |a - b| / max(1, |b|); infinite where one is NaN.
template <class T>
double largest_difference(const std::vector<T>& a, const std::vector<long double>& b) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (a.size() != b.size()) return infinity;
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const long double d = std::abs(static_cast<long double>(a[i]) - b[i]) / std::fmax(1.0L, std::abs(b[i]));
        if (!(d - d == 0)) return infinity;
        worst = std::fmax(worst, static_cast<double>(d));
    }
    return worst;
}

/// The message of the error that f throws; empty where it throws none.
template <class Error, class F>
std::string refusal(const F& f) {
    try {
        f();
    } catch (const Error& e) {
        return e.what();
    }
    return {};
}

}  // namespace test
