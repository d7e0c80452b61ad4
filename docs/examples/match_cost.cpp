// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/match_cost.hpp>
#include <boxgrad/backend/memory.hpp>

#include <cstdio>

namespace bg = boxgrad;

// A cost of our own: how far the centres are apart across, in widths of the image.
struct centre_cost {
    double weight = 1;

    template <bg::plain_number V>
    BOXGRAD_FN V operator()(const bg::assigner::query<V>& q, const bg::assigner::target<V>& g) const {
        const V distance = abs((q.bounds.x1 + q.bounds.x2) - (g.bounds.x1 + g.bounds.x2)) / (q.image_w + q.image_w);
        return V(static_cast<bg::scalar_t<V>>(weight)) * distance;
    }
};

int main() {
    const bg::memory<double> backend;
    const std::vector<std::array<double, 4>> boxes{{0, 0, 20, 20}, {40, 10, 60, 30}};
    bg::shaped<double, 2> logits(bg::extents<2>{{2, 2}});
    logits.data = {2, -1, 0, 1};
    bg::truth_list<double> truths;
    truths.add_image({{0, 0, 20, 20}, {44, 10, 64, 30}, {0, 0, 40, 20}}, {0, 1, 1});
    const std::vector<bg::image_shape> shapes{{.h = 50, .w = 100}};

    using namespace bg::assigner;
    const cost_sum cost{classification_cost{}, bbox_l1_cost{.weight = 5}, iou_cost<>{.weight = 2}, centre_cost{}};
    const auto matrix = match_costs(backend, cost, boxes, logits, truths, shapes);
    for (bg::index g = 0; g < 3; ++g) std::printf("truth %td: %7.4f %7.4f\n", g, matrix(g, 0), matrix(g, 1));
}
