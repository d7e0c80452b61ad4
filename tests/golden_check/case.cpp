// SPDX-License-Identifier: Apache-2.0
#include "case.hpp"

#include <cmath>

namespace golden {

namespace {

[[noreturn]] void refuse(const std::string& key, const char* want) {
    throw bad_file("parameter " + key + " must be " + want);
}

}  // namespace

const parameter* recorded::find(const std::string& key) const {
    asked_params_.insert(key);
    const auto at = params.find(key);
    return at == params.end() || at->second.kind == parameter::null ? nullptr : &at->second;
}

std::optional<double> recorded::maybe_number(const std::string& key) const {
    const parameter* const p = find(key);
    if (!p) return std::nullopt;
    if (p->kind != parameter::number) refuse(key, "a number");
    return p->numbers.front();
}

index recorded::whole(const std::string& key, index otherwise) const {
    const double x = number(key, static_cast<double>(otherwise));
    if (!(std::abs(x) < 0x1p53) || x != std::floor(x)) refuse(key, "a whole number");
    return static_cast<index>(x);
}

bool recorded::flag(const std::string& key, bool otherwise) const {
    const parameter* const p = find(key);
    if (!p) return otherwise;
    if (p->kind != parameter::boolean) refuse(key, "true or false");
    return p->numbers.front() != 0;
}

std::string recorded::text(const std::string& key, const std::string& otherwise) const {
    const parameter* const p = find(key);
    if (!p) return otherwise;
    if (p->kind != parameter::text) refuse(key, "a string");
    return p->string;
}

std::vector<std::vector<double>> recorded::rows(const std::string& key, std::size_t columns, bool spread) const {
    const parameter* const p = find(key);
    if (!p || p->kind != parameter::list) refuse(key, "a list");
    std::vector<std::vector<double>> r;
    if (p->shape.size() == 1 && spread) {
        for (const double x : p->numbers) r.emplace_back(columns, x);
        return r;
    }
    if (p->shape.size() != 2 || p->shape[1] != static_cast<index>(columns)) refuse(key, "a list of tuples");
    for (auto at = p->numbers.begin(); at != p->numbers.end(); at += static_cast<index>(columns)) {
        r.emplace_back(at, at + static_cast<index>(columns));
    }
    return r;
}

std::vector<std::vector<double>> recorded::lists(const std::string& key) const {
    const parameter* const p = find(key);
    if (!p || !(p->kind == parameter::ragged || (p->kind == parameter::list && p->shape.size() == 2))) {
        refuse(key, "a list of lists");
    }
    std::vector<index> lengths = p->shape;
    if (p->kind == parameter::list) lengths.assign(static_cast<std::size_t>(p->shape[0]), p->shape[1]);
    std::vector<std::vector<double>> r;
    auto at = p->numbers.begin();
    for (const index n : lengths) {
        r.emplace_back(at, at + n);
        at += n;
    }
    return r;
}

std::vector<double> recorded::list(const std::string& key) const {
    const parameter* const p = find(key);
    if (!p) return {};
    if (p->kind != parameter::list || p->shape.size() != 1) refuse(key, "a list of numbers");
    return p->numbers;
}

const array* recorded::find_input(const std::string& key) const {
    asked_inputs_.insert(key);
    const auto at = inputs.find(key);
    return at == inputs.end() ? nullptr : &at->second;
}

const array& recorded::input(const std::string& key) const {
    const array* const a = find_input(key);
    if (!a) throw bad_file("input " + key + " is missing");
    return *a;
}

std::optional<std::string> recorded::not_understood() const {
    for (const auto& p : params) {
        if (!asked_params_.count(p.first)) return "parameter " + p.first;
    }
    for (const auto& i : inputs) {
        if (!asked_inputs_.count(i.first)) return "input " + i.first;
    }
    return std::nullopt;
}

}  // namespace golden
