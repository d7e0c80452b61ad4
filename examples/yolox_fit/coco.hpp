// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

/// What is wrong with the input, in one line that says file and row. The program ends with status 2.
struct input_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct annotated_image {
    std::string file;
    int width = 0, height = 0;
    std::vector<std::array<float, 4>> boxes;  ///< x1 y1 x2 y2 in pixels of the picture
    std::vector<int> labels;                  ///< rows of `classes`
};

/// A COCO-format annotation file.
struct dataset {
    std::vector<std::string> classes;
    std::vector<annotated_image> images;
    int crowd = 0;       ///< regions of many objects: no truths
    int degenerate = 0;  ///< boxes without width or height: dropped
    int duplicates = 0;  ///< boxes that stand twice with the same label: one of them cannot be reached

    int boxes() const {
        std::size_t n = 0;
        for (const auto& i : images) n += i.boxes.size();
        return static_cast<int>(n);
    }
};

/// Reads all images of a file, or the first `limit` of those that have truths. Throws input_error.
dataset read_coco(const std::string& path, int limit);
