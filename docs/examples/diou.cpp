// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/overlap/diou.hpp>

#include <cstdio>

namespace bg = boxgrad;
namespace overlap = boxgrad::overlap;

int main() {
    constexpr bg::box truth{0.0, 0.0, 40.0, 40.0};
    constexpr bg::box middle{10.0, 10.0, 30.0, 30.0}, corner{0.0, 0.0, 20.0, 20.0}, wide{0.0, 15.0, 40.0, 25.0};
    const auto show = [&](const char* name, const bg::box<double>& b) {
        std::printf("%-7s iou %.4f giou %.4f diou %.4f ciou %.4f\n", name, overlap::iou{}(b, truth),
                    overlap::giou{}(b, truth), overlap::diou{}(b, truth), overlap::ciou{}(b, truth));
    };
    show("middle", middle);  // inside the truth, GIoU is IoU; DIoU tells where
    show("corner", corner);
    show("wide", wide);      // an IoU of at most 1/2: mmdetection's alpha is 0

    // The same box by the forms of others.
    using tv_pairwise = overlap::basic_ciou<overlap::alpha_rule::plain, overlap::eps_rule::none>;
    using tv_loss = overlap::basic_ciou<overlap::alpha_rule::plain, overlap::eps_rule::added>;
    using ultralytics = overlap::basic_ciou<overlap::alpha_rule::plain, overlap::eps_rule::sides>;
    std::printf("wide    torchvision %.4f, its loss %.4f, ultralytics %.4f\n", tv_pairwise{1e-7}(wide, truth),
                tv_loss{1e-7}(wide, truth), ultralytics{1e-7}(wide, truth));
    std::printf("equal   %.4f\n", overlap::ciou{}(truth, truth));
}
