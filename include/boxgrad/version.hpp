// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// The one place that holds the version; CMake reads it from here.

#define BOXGRAD_VERSION_MAJOR 0
#define BOXGRAD_VERSION_MINOR 1
#define BOXGRAD_VERSION_PATCH 0
