// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "case.hpp"

namespace golden {

/// Where this library deviates from its reference on purpose (docs/deviations.md): replaces what the
/// case expects by what is promised, decided by the parameters, the inputs and the reference's answer,
/// never by a name. Returns the rules that changed something.
std::vector<std::string> apply_rules(const std::string& component, recorded&);

}  // namespace golden
