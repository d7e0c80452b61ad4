// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "coco.hpp"

#include <boxgrad/backend/memory.hpp>
#include <boxgrad/boxgrad.hpp>

#include <functional>

struct fit_options {
    int size = 640;
    int steps = 600;
    double learning_rate = 0.05;
    double target_iou = 0.95;
    unsigned seed = 0;
    bool adam = true;
};

/// An assigned prior, for the report.
struct match {
    int truth, level;
    float x, y, overlap;                 ///< centre of the cell in pixels; overlap with the truth
    std::array<float, 4> before, after;  ///< decoded boxes
};

struct measurement {
    boxgrad::yolox_value<float> value;
    double mean_iou = 0;
    int unreached = 0;  ///< truths without a positive, but for duplicates
};

struct fit_result {
    std::vector<measurement> curve;           ///< one a step; the last holds after the last step
    std::vector<std::vector<match>> matches;  ///< per image, of the last assignment
    std::array<boxgrad::index, 3> per_level_before{}, per_level_after{};
    std::array<boxgrad::index, 3> per_truth_before{}, per_truth_after{};  ///< least, median, most
    double milliseconds = 0;                                              ///< of a call, median
    bool reached = false;
};

/// Improves the outputs of a head, from a seeded guess, until they fit the letterboxed truths.
class fitter {
public:
    static constexpr std::array<int, 3> strides{8, 16, 32};

    fitter(boxgrad::truth_list<float> truths, int classes, int duplicates, const fit_options& options);

    /// `recipe` is "mmdetection", "megvii" or "cjm"; `progress` is called after each step.
    fit_result run(const std::string& recipe, const std::function<void(int, const measurement&)>& progress);

private:
    using level = boxgrad::shaped<float, 4>;

    template <class Recipe>
    fit_result run_recipe(const std::function<void(int, const measurement&)>& progress);
    measurement measure(const boxgrad::yolox_evaluation<boxgrad::memory<float>>& e) const;
    void step(std::vector<level>& parameters, const std::vector<level>& gradient, std::size_t slot, int t);
    boxgrad::truth_list<float> unreached(const boxgrad::assigner::result<boxgrad::memory<float>>& r) const;
    std::array<boxgrad::index, 3> per_level(const boxgrad::assigner::result<boxgrad::memory<float>>& r) const;
    static std::array<boxgrad::index, 3> per_truth(std::vector<boxgrad::index> counts);

    boxgrad::memory<float> backend_;
    boxgrad::truth_list<float> truths_;
    int classes_, duplicates_;
    fit_options options_;
    std::vector<level> class_scores_, boxes_, objectness_;
    std::vector<std::vector<float>> first_moment_, second_moment_;
};
