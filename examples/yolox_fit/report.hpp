// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fit.hpp"

#include <cstdint>

struct report_input {
    const dataset& data;
    const boxgrad::truth_list<float>& truths;  ///< letterboxed
    const std::vector<std::vector<std::uint8_t>>& pictures;
    const fit_result& fit;
    const fit_options& options;
    std::string recipe;
    int pictures_shown = 12;
};

/// One self-contained page: pictures, overlays and curves. Written beside `path` first, then renamed.
void write_report(const std::string& path, const report_input& in);

/// One image with its overlay and the loss curve as a single SVG, for a document.
void write_figure(const std::string& path, const report_input& in);
