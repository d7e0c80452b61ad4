// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/backend/memory.hpp>
#include <boxgrad/head/yolox_loss.hpp>

/// A head's outputs for a picture of 64 x 64 pixels at the strides 8 and 16, three classes, for examples.
struct scene {
    using tensor = boxgrad::shaped<double, 4>;
    std::vector<tensor> classes, boxes, objectness;
    boxgrad::truth_list<double> truths;

    explicit scene(boxgrad::index images = 1) {
        for (const boxgrad::index cells : {8, 4}) {
            classes.push_back(filled(images, 3, cells, -2));
            boxes.push_back(filled(images, 4, cells, 1.1));
            objectness.push_back(filled(images, 1, cells, -1));
        }
        for (boxgrad::index i = 0; i < images; ++i) truths.add_image({{6, 5, 30, 31}, {34, 36, 60, 62}}, {0, 2});
    }
    auto head() const { return boxgrad::yolox_head(classes, boxes, objectness); }

private:
    static tensor filled(boxgrad::index images, boxgrad::index channels, boxgrad::index cells, double mean) {
        tensor t(boxgrad::extents{images, channels, cells, cells});
        double wave = 0;
        for (double& x : t.data) {
            wave = wave < 0.3 ? wave + 0.07 : wave - 0.61;
            x = mean + wave;
        }
        return t;
    }
};
