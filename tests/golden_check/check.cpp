// SPDX-License-Identifier: Apache-2.0
#include "check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace golden {

namespace {

std::string to_string(const std::vector<index>& shape) {
    std::string s = "[";
    for (std::size_t i = 0; i < shape.size(); ++i) s += (i ? ", " : "") + std::to_string(shape[i]);
    return s + "]";
}

/// Relative to max(1, |want|). NaN equals NaN only, an infinity itself only.
double error_of(double got, double want) {
    if (got == want || (std::isnan(got) && std::isnan(want))) return 0;
    const double e = std::abs(got - want) / std::max(1.0, std::abs(want));
    return std::isfinite(e) ? e : std::numeric_limits<double>::infinity();
}
double error_of(std::int64_t got, std::int64_t want) {
    return std::abs(static_cast<double>(got) - static_cast<double>(want)) + (got == want ? 0.0 : 0.5);
}

/// "" where no error passes the tolerance.
template <class T>
std::string worst(const std::vector<T>& got, const std::vector<T>& want, double tolerance) {
    std::size_t at = 0;
    double largest = 0;
    for (std::size_t i = 0; i < want.size(); ++i) {
        const double e = error_of(got[i], want[i]);
        if (e > largest) {
            largest = e;
            at = i;
        }
    }
    if (largest <= tolerance) return "";
    std::ostringstream s;
    s.precision(17);
    s << "is " << got[at] << " at " << at << ", expected " << want[at];
    s.precision(3);
    s << ", error " << std::abs(static_cast<double>(got[at]) - static_cast<double>(want[at]));
    return s.str();
}

}  // namespace

void checker::begin(const char* backend) {
    backend_ = backend;
    seen_.clear();
}

void checker::finish() {
    if (recorded_.raises) {
        fail("does not raise");
        return;
    }
    for (const auto& o : recorded_.outputs) {
        if (!seen_.count(o.first)) fail("output " + o.first + " is not understood");
    }
}

void checker::raised(const std::string& what, bool for_truth) {
    if (!recorded_.raises) {
        fail("raises: " + what);
    } else if (recorded_.raises_for_truth && !for_truth) {
        fail("raises another error than gt_error: " + what);
    }
}

void checker::broke(const std::string& what) { fail(what); }

const array* checker::wanted(const std::string& name, const std::vector<index>& shape, bool whole) {
    const auto at = recorded_.outputs.find(name);
    if (at == recorded_.outputs.end()) return nullptr;
    seen_.insert(name);
    const array& want = at->second;
    if (want.is_whole != whole) {
        fail("output " + name + " has another dtype");
        return nullptr;
    }
    if (want.shape != shape) {
        fail("output " + name + " has the shape " + to_string(shape) + ", expected " + to_string(want.shape));
        return nullptr;
    }
    return &want;
}

void checker::output(const std::string& name, const std::vector<index>& shape, const std::vector<double>& data) {
    if (const array* const want = wanted(name, shape, false)) {
        const std::string e = worst(data, want->real, recorded_.is_double ? 1e-9 : 1e-4);
        if (!e.empty()) fail("output " + name + " " + e);
    }
}

void checker::output(const std::string& name, const std::vector<index>& shape, const std::vector<float>& data) {
    output(name, shape, std::vector<double>(data.begin(), data.end()));
}

void checker::output(const std::string& name, const std::vector<index>& shape, const std::vector<std::int64_t>& data) {
    if (const array* const want = wanted(name, shape, true)) {
        const std::string e = worst(data, want->whole, 0);
        if (!e.empty()) fail("output " + name + " " + e);
    }
}

void checker::output(const std::string& name, const std::vector<index>& shape, const std::vector<std::uint8_t>& data) {
    output(name, shape, std::vector<std::int64_t>(data.begin(), data.end()));
}

}  // namespace golden
