// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/eigen.hpp>
#include <boxgrad/head/yolox_loss.hpp>

#include <iomanip>
#include <iostream>
#include <vector>

int main() {
    std::vector<Eigen::Tensor<float, 4, Eigen::RowMajor>> classes, boxes, objectness;
    for (const int cells : {80, 40, 20}) {  // a 640 x 640 picture at strides 8, 16 and 32
        classes.emplace_back(1, 80, cells, cells).setConstant(-4);
        boxes.emplace_back(1, 4, cells, cells).setConstant(1);
        objectness.emplace_back(1, 1, cells, cells).setConstant(-4);
    }
    boxgrad::truth_list<float> truths;  // x1 y1 x2 y2 in pixels, and a class
    truths.add_image({{60, 80, 220, 280}, {300, 300, 420, 380}}, {17, 2});

    const boxgrad::eigen<float, Eigen::RowMajor> backend;
    const boxgrad::yolox_loss<> loss{.classes = 80};
    const boxgrad::yolox_head head(classes, boxes, objectness);
    const auto [value, gradient, assignment] = loss.value_and_gradient(backend, head, truths);

    std::cout << std::setprecision(4) << value.positives << " positives, loss " << value.total << " = classes "
              << value.classes << " + boxes " << value.boxes << " + objectness " << value.objectness << '\n'
              << "gradient of the first level's classes: " << gradient.classes[0].size() << " numbers\n";
}
