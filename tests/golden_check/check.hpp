// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Compares what a backend computes with what a case expects.

#include "case.hpp"

namespace golden {

struct failure {
    std::string backend, what;
};

/// One case, backend by backend.
class checker {
public:
    checker(const recorded& expected, std::string backend) : recorded_(expected), only_(std::move(backend)) {}

    const recorded& expected() const { return recorded_; }
    bool chooses(const std::string& backend) const { return only_.empty() || only_ == backend; }
    const std::vector<failure>& failures() const { return failures_; }

    /// Between `begin` and one of the other three, a backend reports its outputs.
    void begin(const char* backend);
    void finish();                                      ///< returned without an error
    void raised(const std::string& what, bool for_truth);  ///< with an error of the library
    void broke(const std::string& what);                ///< with any other error

    /// What the backend computed. Outputs that the case does not hold are passed over.
    void output(const std::string& name, const std::vector<index>& shape, const std::vector<double>& data);
    void output(const std::string& name, const std::vector<index>& shape, const std::vector<float>& data);
    void output(const std::string& name, const std::vector<index>& shape, const std::vector<std::int64_t>& data);
    void output(const std::string& name, const std::vector<index>& shape, const std::vector<std::uint8_t>& data);
    void output(const std::string& name, index whole) { output(name, {}, std::vector<std::int64_t>{whole}); }

private:
    const array* wanted(const std::string& name, const std::vector<index>& shape, bool whole);
    void fail(const std::string& what) { failures_.push_back({backend_, what}); }

    const recorded& recorded_;
    std::string only_, backend_;
    std::set<std::string> seen_;
    std::vector<failure> failures_;
};

}  // namespace golden
