// SPDX-License-Identifier: Apache-2.0
#include "case.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <initializer_list>
#include <limits>

namespace golden {

namespace {

using nlohmann::json;

const json& member(const json& object, const char* key, json::value_t type) {
    const auto at = object.find(key);
    if (at == object.end()) throw bad_file(std::string(key) + " is missing");
    if (at->type() != type) throw bad_file(std::string(key) + " is of another type");
    return *at;
}

void only(const json& object, std::initializer_list<const char*> keys) {
    if (!object.is_object()) throw bad_file("an object is missing");
    for (const auto& item : object.items()) {
        bool known = false;
        for (const char* key : keys) known = known || item.key() == key;
        if (!known) throw bad_file("unknown key " + item.key());
    }
}

double real_of(const json& x) {
    if (x.is_number()) return x.get<double>();
    if (x == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (x == "inf") return std::numeric_limits<double>::infinity();
    if (x == "-inf") return -std::numeric_limits<double>::infinity();
    throw bad_file("data that is no number: " + x.dump());
}

array array_of(const json& j, bool is_double) {
    only(j, {"dtype", "shape", "data"});
    array a;
    std::size_t size = 1;
    for (const json& n : member(j, "shape", json::value_t::array)) {
        if (!n.is_number_unsigned()) throw bad_file("shape that is no list of extents");
        a.shape.push_back(n.get<index>());
        size *= n.get<std::size_t>();
    }
    const json& data = member(j, "data", json::value_t::array);
    if (data.size() != size) throw bad_file("data of another length than its shape");
    const std::string dtype = member(j, "dtype", json::value_t::string).get<std::string>();
    if (dtype == "int64" || dtype == "bool") {
        a.is_whole = true;
        for (const json& x : data) {
            if (!x.is_number_integer()) throw bad_file("data that is no whole number: " + x.dump());
            a.whole.push_back(x.get<std::int64_t>());
            if (dtype == "bool" && (a.whole.back() & ~std::int64_t{1})) throw bad_file("a bool that is neither 0 nor 1");
        }
    } else if (dtype == (is_double ? "float64" : "float32")) {
        for (const json& x : data) a.real.push_back(real_of(x));
    } else {
        throw bad_file("dtype " + dtype + " in a case of " + (is_double ? "float64" : "float32"));
    }
    return a;
}

void append(const json& j, parameter& p, std::size_t depth) {
    if (!j.is_array()) {
        if (depth != p.shape.size()) throw bad_file("a list that is not rectangular");
        p.numbers.push_back(real_of(j));
        return;
    }
    const auto n = static_cast<index>(j.size());
    if (depth == p.shape.size() && p.numbers.empty()) p.shape.push_back(n);
    if (depth >= p.shape.size() || p.shape[depth] != n) throw bad_file("a list that is not rectangular");
    for (const json& x : j) append(x, p, depth + 1);
}

/// The numbers of a list and of the lists in it.
void flatten(const json& j, std::vector<double>& numbers) {
    if (!j.is_array()) {
        numbers.push_back(real_of(j));
    } else {
        for (const json& x : j) flatten(x, numbers);
    }
}

/// Lists that differ in length, of numbers or of lists of one length.
bool is_ragged(const json& j) {
    bool differs = false;
    const json* model = nullptr;
    for (const json& x : j) {
        if (!x.is_array()) return false;
        for (const json& y : x) {
            if (!model) model = &y;
            if (!(y.is_array() || y.is_number()) || y.is_array() != model->is_array() || y.size() != model->size()) return false;
        }
        differs = differs || x.size() != j.front().size();
    }
    return differs;
}

void read_params(const json& j, const std::string& prefix, std::map<std::string, parameter>& params) {
    for (const auto& item : j.items()) {
        const std::string key = prefix + item.key();
        const json& x = item.value();
        if (x.is_object()) {
            read_params(x, key + ".", params);
            continue;
        }
        if (x.is_array() && !x.empty() && x.front().is_object()) {  // match_costs.0.type, ...
            for (std::size_t i = 0; i < x.size(); ++i) read_params(x[i], key + "." + std::to_string(i) + ".", params);
            continue;
        }
        parameter p;
        if (x.is_boolean()) {
            p.kind = parameter::boolean;
            p.numbers = {x.get<bool>() ? 1.0 : 0.0};
        } else if (x.is_string() && x != "nan" && x != "inf" && x != "-inf") {
            p.kind = parameter::text;
            p.string = x.get<std::string>();
        } else if (x.is_array() && is_ragged(x)) {
            p.kind = parameter::ragged;
            for (const json& one : x) {
                const std::size_t before = p.numbers.size();
                flatten(one, p.numbers);
                p.shape.push_back(static_cast<index>(p.numbers.size() - before));
            }
        } else if (x.is_array()) {
            p.kind = parameter::list;
            append(x, p, 0);
        } else if (!x.is_null()) {
            p.kind = parameter::number;
            p.numbers = {real_of(x)};
        }
        params[key] = p;
    }
}

recorded case_of(const json& j) {
    only(j, {"name", "precision", "params", "note", "raises", "inputs", "outputs"});
    recorded c;
    c.name = member(j, "name", json::value_t::string).get<std::string>();
    try {
        const std::string precision = member(j, "precision", json::value_t::string).get<std::string>();
        if (precision != "float64" && precision != "float32") throw bad_file("precision " + precision);
        c.is_double = precision == "float64";
        c.raises = j.contains("raises") && !j["raises"].is_null();
        read_params(member(j, "params", json::value_t::object), "", c.params);
        const auto arrays = [&](const char* key, std::map<std::string, array>& to) {
            for (const auto& item : member(j, key, json::value_t::object).items()) {
                try {
                    to[item.key()] = array_of(item.value(), c.is_double);
                } catch (const bad_file& e) {
                    throw bad_file(std::string(key) + " " + item.key() + ": " + e.what());
                }
            }
        };
        arrays("inputs", c.inputs);
        arrays("outputs", c.outputs);
        if (c.raises != c.outputs.empty()) {
            throw bad_file(c.raises ? "outputs of a case that raises" : "a case without outputs");
        }
    } catch (const bad_file& e) {
        throw bad_file("case " + c.name + ": " + e.what());
    }
    return c;
}

}  // namespace

recorded_file read_file(const std::string& path) {
    std::ifstream in(path);
    if (!in) throw bad_file("cannot be opened");
    try {
        const json j = json::parse(in);
        only(j, {"component", "source", "cases"});
        recorded_file f;
        f.component = member(j, "component", json::value_t::string).get<std::string>();
        for (const json& c : member(j, "cases", json::value_t::array)) f.cases.push_back(case_of(c));
        if (f.cases.empty()) throw bad_file("holds no case");
        return f;
    } catch (const json::exception& e) {
        throw bad_file(e.what());
    }
}

}  // namespace golden
