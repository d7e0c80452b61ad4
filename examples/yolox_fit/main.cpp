// SPDX-License-Identifier: Apache-2.0
//
// Reads COCO-format annotations, computes the YOLOX loss of a guess, and improves the guess with the
// library's gradients until the decoded boxes match. Exit status: 0 matched, 1 not matched, 2 bad input.
#include "picture.hpp"
#include "report.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>

#if defined(__unix__)
#include <unistd.h>
#endif

namespace {

bool on_a_terminal() {
#if defined(__unix__)
    return isatty(STDOUT_FILENO) == 1;
#else
    return false;
#endif
}

void show_progress(int step, const measurement& m, const fit_options& o) {
    const double done = std::min(1.0, m.mean_iou / o.target_iou);
    const bool terminal = on_a_terminal();
    if (!terminal && step % 50 != 0) return;
    const auto filled = static_cast<int>(done * 24);
    std::string bar(24, '.');
    std::fill_n(bar.begin(), filled, '#');
    std::printf("%s  [%s] step %4d   loss %9.4f   mean IoU %.4f   not reached %d%s", terminal ? "\r" : "", bar.c_str(), step,
                double{m.value.total}, m.mean_iou, m.unreached, terminal ? "   " : "\n");
    std::fflush(stdout);
}

void print_terms(const char* when, const measurement& m) {
    std::printf("  %-7s total %9.4f   boxes %8.4f   classes %8.4f   objectness %8.4f   l1 %8.4f   mean IoU %.4f\n", when,
                double{m.value.total}, double{m.value.boxes}, double{m.value.classes}, double{m.value.objectness},
                double{m.value.l1}, m.mean_iou);
}

template <class A>
void print_triple(const char* name, const A& before, const A& after) {
    std::printf("  %-42s before %5td %5td %5td   after %5td %5td %5td\n", name, before[0], before[1], before[2], after[0], after[1],
                after[2]);
}

struct arguments {
    std::string annotations, images, report = "report.html", figure, recipe = "mmdetection", optimiser = "adam";
    int limit = 0, pictures = 12;
    fit_options fit;
};

int run(arguments a) {
    a.fit.adam = a.optimiser == "adam";
    if (a.fit.size % 32 != 0) throw input_error("--size: must be a multiple of 32, got " + std::to_string(a.fit.size));
    const dataset data = read_coco(a.annotations, a.limit);
    std::vector<std::vector<std::uint8_t>> pictures;
    boxgrad::truth_list<float> truths;
    for (const annotated_image& image : data.images) {
        pictures.push_back(letterboxed(a.images, image, a.fit.size));
        const letterbox fit(image.width, image.height, a.fit.size);
        std::vector<std::array<float, 4>> boxes;
        for (const auto& b : image.boxes) boxes.push_back(fit(b));
        truths.add_image(boxes, image.labels);
    }
    std::printf("Read %s\n  %zu images, %d boxes, %zu classes; left out: %d crowd regions, %d degenerate boxes; %d duplicates\n",
                a.annotations.c_str(), data.images.size(), data.boxes(), data.classes.size(), data.crowd, data.degenerate,
                data.duplicates);
    std::printf("  letterboxed to %d x %d%s\n", a.fit.size, a.fit.size, a.images.empty() ? ", empty pictures" : "");

    fitter f(truths, static_cast<int>(data.classes.size()), data.duplicates, a.fit);
    std::printf("Fitting: recipe %s, L1 on, %s, learning rate %g, at most %d steps, until the mean IoU is %g\n", a.recipe.c_str(),
                a.optimiser.c_str(), a.fit.learning_rate, a.fit.steps, a.fit.target_iou);
    const fit_result r = f.run(a.recipe, [&](int step, const measurement& m) { show_progress(step, m, a.fit); });
    if (on_a_terminal()) std::printf("\n");
    std::printf("Loss\n");
    print_terms("before", r.curve.front());
    print_terms("after", r.curve.back());
    print_triple("positives a level (stride 8, 16, 32)", r.per_level_before, r.per_level_after);
    print_triple("positives a truth (least, median, most)", r.per_truth_before, r.per_truth_after);
    std::printf("  %.2f ms for a call with gradient (median of %zu)\n", r.milliseconds, r.curve.size());
    std::printf("%s after %zu steps: mean IoU of assigned priors %.4f, truths not reached %d of %d\n",
                r.reached ? "Matched" : "NOT matched", r.curve.size() - 1, r.curve.back().mean_iou, r.curve.back().unreached,
                data.boxes() - data.duplicates);
    const report_input in{data, truths, pictures, r, a.fit, a.recipe, a.pictures};
    if (!a.figure.empty()) write_figure(a.figure, in);
    write_report(a.report, in);
    std::printf("Look at %s\n", a.report.c_str());
    return r.reached ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    arguments a;
    CLI::App app{"Fits a YOLOX head's outputs to the truths of a COCO-format file"};
    app.add_option("annotations", a.annotations, "COCO-format JSON file")->required();
    app.add_option("--images", a.images, "folder of the pictures; without it pictures are empty");
    app.add_option("--report", a.report, "HTML page to write")->capture_default_str();
    app.add_option("--figure", a.figure, "also write one image and the curves as an SVG");
    app.add_option("--report-images", a.pictures, "pictures in the report")->capture_default_str();
    app.add_option("--limit", a.limit, "take so many images, those with truths first (0: all)")->capture_default_str();
    app.add_option("--recipe", a.recipe)->check(CLI::IsMember({"mmdetection", "megvii", "cjm"}))->capture_default_str();
    app.add_option("--optimiser", a.optimiser)->check(CLI::IsMember({"adam", "sgd"}))->capture_default_str();
    app.add_option("--size", a.fit.size, "side of the network's input, a multiple of 32")->check(CLI::Range(32, 4096))->capture_default_str();
    app.add_option("--steps", a.fit.steps, "at most")->check(CLI::Range(0, 1000000))->capture_default_str();
    app.add_option("--learning-rate", a.fit.learning_rate)->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--target-iou", a.fit.target_iou)->check(CLI::Range(0.0, 1.0))->capture_default_str();
    app.add_option("--seed", a.fit.seed)->capture_default_str();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    try {
        return run(a);
    } catch (const input_error& e) {
        std::fprintf(stderr, "yolox_fit: %s\n", e.what());
    } catch (const boxgrad::error& e) {
        std::fprintf(stderr, "yolox_fit: %s\n", e.what());
    }
    return 2;
}
