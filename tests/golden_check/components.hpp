// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "check.hpp"

namespace golden {

/// Runs a case on the backends that the checker chooses.
using component = void(checker&);

/// The components of this program by name.
std::map<std::string, component*>& components();

struct registered {
    registered(const char* name, component* c) { components()[name] = c; }
};

/// Names of the backends that this program holds.
std::vector<std::string> backend_names();

}  // namespace golden

/// Defines and registers the component of a file: GOLDEN_COMPONENT(giou_loss) { ... k ... }
#define GOLDEN_COMPONENT(name)                                     \
    static void name(::golden::checker&);                          \
    static const ::golden::registered register_##name{#name, name}; \
    static void name(::golden::checker& k)
