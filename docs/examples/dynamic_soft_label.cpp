#include <boxgrad/assigner/dynamic_soft_label.hpp>
#include <boxgrad/backend/memory.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    const bg::memory<double> backend;
    constexpr bg::index images = 2, rows = 4, columns = 6, classes = 2;

    // Centres of cells of 8 pixels, computed where they are read; at each a square of 20 pixels, in both images.
    const bg::prior::point_grid<double> points{{.h = rows, .w = columns}, 8, 0.5};
    bg::shaped<double, 3> boxes(bg::extents{images, rows * columns, bg::index{4}});
    bg::shaped<double, 3> logits(bg::extents{images, rows * columns, classes});
    for (bg::index b = 0; b < images; ++b) {
        for (bg::index i = 0; i < rows * columns; ++i) {
            const double x = 8.0 * static_cast<double>(i % columns) + 4, y = 8.0 * static_cast<double>(i / columns) + 4;
            boxes(b, i, 0) = x - 10, boxes(b, i, 1) = y - 10, boxes(b, i, 2) = x + 10, boxes(b, i, 3) = y + 10;
            logits(b, i, 0) = -1, logits(b, i, 1) = 0.5;
        }
    }
    bg::truth_list<double> truths;
    truths.add_image({{1, 3, 22, 24}, {24, 5, 45, 26}}, {0, 1});
    truths.add_image({{3, 5, 20, 30}}, {1}, {{24, 0, 48, 16}});  // and a crowd in the upper right corner

    const bg::assigner::dynamic_soft_label<> assigner{.topk = 5};
    const auto result = assigner.assign(backend, points, boxes, logits, truths);
    for (bg::index y = 0; y < rows; ++y) {
        for (bg::index b = 0; b < images; ++b) {
            for (bg::index x = 0; x < columns; ++x) std::printf("%3d", result.truth(b, y * columns + x));
            std::printf(b == 0 ? "   " : "\n");
        }
    }
    std::printf("%td and %td positives\n", result.positives[0], result.positives[1]);
}
