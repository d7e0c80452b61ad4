// SPDX-License-Identifier: Apache-2.0
#pragma once

// Catch2 3 (catch_all.hpp) and Catch2 2 (catch.hpp) alike.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif
