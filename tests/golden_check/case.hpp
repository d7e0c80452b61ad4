// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// A recorded case, as golden/README.md describes it, without JSON. Remembers what was asked for, so
/// that a key nobody asked for can be named: it was not understood.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace golden {

using index = std::ptrdiff_t;

/// A file, or a part of it, that this program cannot read or does not understand.
struct bad_file : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Row-major. Numbers lie in `real`, whole numbers and booleans in `whole`.
struct array {
    bool is_whole = false;
    std::vector<index> shape;
    std::vector<double> real;
    std::vector<std::int64_t> whole;

    static array of(const std::vector<index>& shape, std::vector<double> data) { return {false, shape, std::move(data), {}}; }
    static array of(const std::vector<index>& shape, std::vector<std::int64_t> data) {
        return {true, shape, {}, std::move(data)};
    }
};

/// A leaf of the parameters. Lists are rectangular, or lists of lists of numbers; keys of nested objects are
/// joined with dots.
struct parameter {
    enum { null, boolean, number, text, list, ragged } kind = null;
    std::vector<index> shape;     ///< of a list; of a ragged one, the length of each list in it
    std::vector<double> numbers;  ///< one for a number or a boolean
    std::string string;
};

struct recorded {
    std::string name;
    bool is_double = true;
    bool raises = false;
    bool raises_for_truth = false;  ///< the error has to be gt_error
    std::map<std::string, parameter> params;
    std::map<std::string, array> inputs, outputs;

    /// The parameter, or nullptr where it is absent or null.
    const parameter* find(const std::string& key) const;
    std::optional<double> maybe_number(const std::string& key) const;
    double number(const std::string& key, double otherwise) const { return maybe_number(key).value_or(otherwise); }
    index whole(const std::string& key, index otherwise) const;
    bool flag(const std::string& key, bool otherwise) const;
    std::string text(const std::string& key, const std::string& otherwise) const;
    /// Rows of `columns` numbers; a plain number stands for a row of equal ones where `spread`.
    std::vector<std::vector<double>> rows(const std::string& key, std::size_t columns, bool spread = false) const;
    /// Lists of any length each, what is nested in them flat.
    std::vector<std::vector<double>> lists(const std::string& key) const;
    /// A list of numbers; empty where it is absent or null.
    std::vector<double> list(const std::string& key) const;

    /// The input, or nullptr where it was not given.
    const array* find_input(const std::string& key) const;
    const array& input(const std::string& key) const;
    bool wants(const std::string& output) const { return outputs.count(output) > 0; }

    /// A parameter or an input that nobody has asked for.
    std::optional<std::string> not_understood() const;

private:
    mutable std::set<std::string> asked_params_, asked_inputs_;
};

struct recorded_file {
    std::string component;
    std::vector<recorded> cases;
};

/// Throws bad_file.
recorded_file read_file(const std::string& path);

}  // namespace golden
