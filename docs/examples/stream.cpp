// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/overlap/pairwise.hpp>
#include <boxgrad/prior/anchor_generator.hpp>

#include <cstdio>

/// The largest overlap of each anchor, and the truth that has it; -1 where there is none.
template <class T>
struct best_truth {
    boxgrad::view<T, 1> overlap, truth;

    template <class Row>
    BOXGRAD_FN void operator()(boxgrad::index i, int count, const Row& row) const {
        using V = decltype(row(0));  // a number, or a pack of them: an anchor a lane
        V best(T(0)), which(T(-1));
        for (boxgrad::index j = 0; j < row.size(); ++j) {
            const V o = row(j);
            const auto better = best < o;
            best = boxgrad::select(better, o, best);
            which = boxgrad::select(better, V(static_cast<T>(j)), which);
        }
        boxgrad::store(best, &overlap(i), overlap.stride[0], count);
        boxgrad::store(which, &truth(i), truth.stride[0], count);
    }
};

int main() {
    const boxgrad::memory<double> backend;
    const boxgrad::prior::anchor_generator anchors{.strides = {16}, .ratios = {1}, .scales = {2}, .center_offset = 0.5};
    const auto grid = anchors.grid<double>(0, {.h = 50, .w = 84});  // 4200 anchors that nobody stores
    const std::vector<std::array<double, 4>> truths{{8, 8, 44, 44}, {16, 0, 48, 32}, {400, 300, 420, 330}};

    std::vector<double> overlap(4200), truth(4200);
    const best_truth<double> consumer{backend.look(overlap), backend.look(truth)};
    boxgrad::overlap::stream(backend, boxgrad::overlap::iou{}, grid, truths, consumer);
    for (const unsigned i : {0U, 2U, 4U, 85U, 1621U}) std::printf("%u: %.0f, iou %.2f\n", i, truth[i], overlap[i]);
}
