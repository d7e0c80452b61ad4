// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/version.hpp>

int main() { return BOXGRAD_VERSION_MAJOR; }
