// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "coco.hpp"

#include <cstdint>

/// How a picture was fitted into the square that the network sees.
struct letterbox {
    float scale = 1;
    float left = 0, top = 0;  ///< pixels of padding

    letterbox(int width, int height, int size);
    std::array<float, 4> operator()(const std::array<float, 4>& box) const;
};

/// A square RGB picture, letterboxed on grey. Without a folder: all grey.
std::vector<std::uint8_t> letterboxed(const std::string& folder, const annotated_image& image, int size);

/// The picture as a data URL: JPEG in base64.
std::string data_url(const std::vector<std::uint8_t>& rgb, int size);
