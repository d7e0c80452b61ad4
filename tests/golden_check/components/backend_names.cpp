// SPDX-License-Identifier: Apache-2.0
#include "golden_check/backends.hpp"
#include "golden_check/components.hpp"

namespace golden {

std::vector<std::string> backend_names() {
    std::vector<std::string> names;
    test::for_each_backend<float>([&](const char* name, const auto&) { names.emplace_back(name); });
    return names;
}

}  // namespace golden
