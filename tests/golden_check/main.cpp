// SPDX-License-Identifier: Apache-2.0
/// \file
/// golden_check [--backend NAME] FILE...: checks recorded cases of the reference implementations.

#include "components.hpp"
#include "model.hpp"
#include "rules.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

namespace golden {

std::map<std::string, component*>& components() {
    static std::map<std::string, component*> all;
    return all;
}

}  // namespace golden

namespace {

using namespace golden;

component* find_component(const std::string& name) {
    const auto at = components().find(name);
    return at == components().end() ? nullptr : at->second;
}

/// The rules' own computation in the place of a backend.
void run_model(const std::string& name, checker& k) {
    k.begin("model");
    if (!model::knows(name)) throw bad_file("the model does not know " + name);
    const model::answer a = model::solve(name, k.expected());
    for (const auto& o : a.outputs) {
        if (o.second.is_whole) {
            k.output(o.first, o.second.shape, o.second.whole);
        } else {
            k.output(o.first, o.second.shape, o.second.real);
        }
    }
    if (!k.expected().raises) k.finish();
}

/// true where every case passes.
bool check_file(const std::string& path, const std::string& backend) {
    recorded_file f = read_file(path);
    component* const run = find_component(f.component);
    if (!run) throw bad_file("component " + f.component + " is not known");
    std::map<std::string, int> taken;
    std::string report;
    std::size_t passed = 0;
    for (recorded& c : f.cases) {
        std::vector<failure> failures;
        try {
            for (const std::string& rule : apply_rules(f.component, c)) ++taken[rule];
            checker k(c, backend);
            if (backend == "model") {
                run_model(f.component, k);
            } else {
                run(k);
            }
            failures = k.failures();
        } catch (const std::exception& e) {
            failures.push_back({"", e.what()});
        }
        const auto unknown = backend == "model" ? std::nullopt : c.not_understood();
        if (unknown) failures.push_back({"", *unknown + " is not understood"});
        if (failures.empty()) ++passed;
        for (const failure& x : failures) {
            report += "  FAIL " + c.name + (x.backend.empty() ? "" : " (" + x.backend + ")") + ": " + x.what + "\n";
        }
    }
    std::cout << f.component << ": " << passed << '/' << f.cases.size() << '\n' << report;
    for (const auto& t : taken) std::cout << "  " << t.first << ": " << t.second << (t.second == 1 ? " case\n" : " cases\n");
    return passed == f.cases.size();
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Checks recorded cases of the reference implementations on every backend");
    std::string backend;
    std::vector<std::string> names = backend_names();
    names.emplace_back("model");
    std::vector<std::string> files;
    app.add_option("--backend", backend, "One backend instead of all; model: the deviation rules' own computation")
        ->check(CLI::IsMember(names));
    app.add_option("files", files, "Files in the format of golden/README.md")->required();
    CLI11_PARSE(app, argc, argv);

    bool good = true;
    for (const std::string& file : files) {
        try {
            good = check_file(file, backend) && good;
        } catch (const std::exception& e) {
            std::cout << file << ": " << e.what() << '\n';
            good = false;
        }
    }
    return good ? 0 : 1;
}
