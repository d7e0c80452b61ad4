// SPDX-License-Identifier: Apache-2.0
#include "picture.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wdouble-promotion"
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#include <stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb_image_write.h>
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_STATIC
#include <stb_image_resize.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace {

constexpr std::uint8_t grey = 114;

std::string base64(const std::string& bytes) {
    static constexpr char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            group = group << 8 | (i + k < bytes.size() ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
        }
        for (std::size_t k = 0; k < 4; ++k) {
            out += i + k > bytes.size() ? '=' : digit[group >> (18 - 6 * k) & 63];
        }
    }
    return out;
}

}  // namespace

letterbox::letterbox(int width, int height, int size)
    : scale(std::min(static_cast<float>(size) / static_cast<float>(width),
                     static_cast<float>(size) / static_cast<float>(height))),
      left((static_cast<float>(size) - static_cast<float>(width) * scale) / 2),
      top((static_cast<float>(size) - static_cast<float>(height) * scale) / 2) {}

std::array<float, 4> letterbox::operator()(const std::array<float, 4>& b) const {
    return {b[0] * scale + left, b[1] * scale + top, b[2] * scale + left, b[3] * scale + top};
}

std::vector<std::uint8_t> letterboxed(const std::string& folder, const annotated_image& image, int size) {
    std::vector<std::uint8_t> out(static_cast<std::size_t>(size) * static_cast<std::size_t>(size) * 3, grey);
    if (folder.empty()) return out;
    const std::string path = (std::filesystem::path(folder) / image.file).string();
    if (!std::filesystem::is_regular_file(path)) throw input_error(path + ": no such picture");
    int w = 0;
    int h = 0;
    int channels = 0;
    const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(stbi_load(path.c_str(), &w, &h, &channels, 3), stbi_image_free);
    if (!pixels) throw input_error(path + ": " + stbi_failure_reason());
    if (w != image.width || h != image.height) {
        throw input_error(path + ": is " + std::to_string(w) + " x " + std::to_string(h) + ", annotated as " +
                          std::to_string(image.width) + " x " + std::to_string(image.height));
    }
    const letterbox fit(w, h, size);
    const int width = std::min(size, static_cast<int>(static_cast<float>(w) * fit.scale + 0.5F));
    const int height = std::min(size, static_cast<int>(static_cast<float>(h) * fit.scale + 0.5F));
    const int left = std::min(size - width, static_cast<int>(fit.left + 0.5F));
    const int top = std::min(size - height, static_cast<int>(fit.top + 0.5F));
    stbir_resize_uint8(pixels.get(), w, h, 0, out.data() + 3 * (static_cast<std::ptrdiff_t>(top) * size + left), width,
                       height, 3 * size, 3);
    return out;
}

std::string data_url(const std::vector<std::uint8_t>& rgb, int size) {
    std::string jpeg;
    const auto append = [](void* to, void* bytes, int n) {
        static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), static_cast<std::size_t>(n));
    };
    stbi_write_jpg_to_func(append, &jpeg, size, size, 3, rgb.data(), 70);
    return "data:image/jpeg;base64," + base64(jpeg);
}
