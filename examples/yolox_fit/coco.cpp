// SPDX-License-Identifier: Apache-2.0
#include "coco.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>

namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& where, const std::string& what) { throw input_error(where + ": " + what); }

const json& member(const json& row, const char* name, const std::string& where) {
    const auto it = row.is_object() ? row.find(name) : row.end();
    if (!row.is_object() || it == row.end()) refuse(where, std::string("has no \"") + name + "\"");
    return *it;
}

std::int64_t integer(const json& row, const char* name, const std::string& where) {
    const json& v = member(row, name, where);
    if (!v.is_number_integer()) refuse(where, std::string("\"") + name + "\" is no whole number");
    return v.get<std::int64_t>();
}

/// x, y, width, height.
std::array<double, 4> box_of(const json& row, const std::string& where) {
    const json& v = member(row, "bbox", where);
    if (!v.is_array() || v.size() != 4) refuse(where, "\"bbox\" is no list of four numbers");
    std::array<double, 4> b{};
    for (std::size_t i = 0; i < 4; ++i) {
        if (!v[i].is_number() || !std::isfinite(v[i].get<double>())) {
            refuse(where, "\"bbox\" holds " + v[i].dump() + ", which is no finite number");
        }
        b[i] = v[i].get<double>();
    }
    return b;
}

json parse(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) refuse(path, "cannot be opened");
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    try {
        return json::parse(text);
    } catch (const json::parse_error& e) {
        const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(e.byte, text.size()));
        const auto line = 1 + std::count(text.begin(), end, '\n');
        // Python writes NaN, which is no JSON: say so, with the annotation it stands in.
        const std::string before(text.begin(), end);
        const auto list = before.rfind("\"annotations\"");
        std::string what = "line " + std::to_string(line) + ": malformed JSON at byte " + std::to_string(e.byte);
        if (list != std::string::npos) {
            const auto row = std::count(before.begin() + static_cast<std::ptrdiff_t>(list), before.end(), '{') - 1;
            if (row >= 0) what += ", in or after annotation row " + std::to_string(row);
        }
        refuse(path, what);
    }
}

const json& list(const json& file, const char* name, const std::string& path) {
    const json& v = member(file, name, path);
    if (!v.is_array()) refuse(path, std::string("\"") + name + "\" is no list");
    return v;
}

std::string row_of(const std::string& path, const char* list_name, std::size_t row) {
    return path + ": " + list_name + " row " + std::to_string(row);
}

}  // namespace

dataset read_coco(const std::string& path, int limit) {
    const json file = parse(path);
    dataset d;
    std::map<std::int64_t, int> label_of;
    std::map<std::int64_t, std::size_t> image_of;

    const json& categories = list(file, "categories", path);
    for (std::size_t i = 0; i < categories.size(); ++i) {
        const std::string where = row_of(path, "categories", i);
        const auto id = integer(categories[i], "id", where);
        if (!label_of.emplace(id, static_cast<int>(d.classes.size())).second) refuse(where, "repeats an id");
        const json& name = member(categories[i], "name", where);
        d.classes.push_back(name.is_string() ? name.get<std::string>() : name.dump());
    }
    if (d.classes.empty()) refuse(path, "has no categories");

    const json& images = list(file, "images", path);
    for (std::size_t i = 0; i < images.size(); ++i) {
        const std::string where = row_of(path, "images", i);
        const json& name = member(images[i], "file_name", where);
        if (!name.is_string()) refuse(where, "\"file_name\" is no text");
        const auto width = integer(images[i], "width", where);
        const auto height = integer(images[i], "height", where);
        if (width < 1 || height < 1 || width > 1 << 16 || height > 1 << 16) refuse(where, "has no usable size");
        if (!image_of.emplace(integer(images[i], "id", where), d.images.size()).second) refuse(where, "repeats an id");
        d.images.push_back({name.get<std::string>(), static_cast<int>(width), static_cast<int>(height), {}, {}});
    }

    const json& annotations = list(file, "annotations", path);
    for (std::size_t i = 0; i < annotations.size(); ++i) {
        const std::string where = row_of(path, "annotations", i);
        const auto image = image_of.find(integer(annotations[i], "image_id", where));
        if (image == image_of.end()) refuse(where, "names an image that the file does not list");
        const auto label = label_of.find(integer(annotations[i], "category_id", where));
        if (label == label_of.end()) {
            refuse(where, "label " + std::to_string(integer(annotations[i], "category_id", where)) + " is out of range");
        }
        const auto b = box_of(annotations[i], where);
        const auto crowd = annotations[i].find("iscrowd");
        if (crowd != annotations[i].end() && *crowd == 1) {
            ++d.crowd;
            continue;
        }
        annotated_image& to = d.images[image->second];
        const std::array<float, 4> corners{static_cast<float>(b[0]), static_cast<float>(b[1]),
                                           static_cast<float>(b[0] + b[2]), static_cast<float>(b[1] + b[3])};
        if (!(corners[0] < corners[2] && corners[1] < corners[3])) {
            ++d.degenerate;
            continue;
        }
        for (std::size_t k = 0; k < to.boxes.size(); ++k) {
            if (to.boxes[k] == corners && to.labels[k] == label->second) {
                ++d.duplicates;
                break;
            }
        }
        to.boxes.push_back(corners);
        to.labels.push_back(label->second);
    }
    if (limit > 0 && d.images.size() > static_cast<std::size_t>(limit)) {
        std::stable_partition(d.images.begin(), d.images.end(), [](const auto& im) { return !im.boxes.empty(); });
        d.images.resize(static_cast<std::size_t>(limit));
    }
    if (d.images.empty()) refuse(path, "has no images");
    return d;
}
