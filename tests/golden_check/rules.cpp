// SPDX-License-Identifier: Apache-2.0
#include "rules.hpp"

#include "model.hpp"

#include <algorithm>
#include <cmath>

namespace golden {

namespace {

bool is_loss(const std::string& c) { return c == "iou_loss" || c == "giou_loss" || c == "l1_loss"; }

void promise_error(recorded& c, bool for_truth) {
    c.raises = true;
    c.raises_for_truth = for_truth;
    c.outputs.clear();
}

std::string reduction_of(const recorded& c) { return c.text("reduction_override", c.text("reduction", "mean")); }

/// Gradients flow to predictions only.
bool constant_targets(const std::string& component, recorded& c) {
    const char* const gradient = is_loss(component)                     ? "grad_target"
                                 : component == "torchvision_box_ops"  ? "grad_boxes2"
                                 : component == "ultralytics_bbox_iou" ? "grad_box2"
                                                                       : nullptr;
    return gradient && c.outputs.erase(gradient) > 0;
}

/// A background prior overlaps its truth by 0; the reference fills in -1e5, cjm's -1e8.
bool background_overlap(const std::string& component, recorded& c) {
    if (!component.starts_with("sim_ota_assigner") || !c.wants("gt_inds") || !c.wants("max_overlaps")) return false;
    const double fill = component.ends_with("_cjm") ? -1e8 : -1e5;
    const array& rows = c.outputs.at("gt_inds");
    std::vector<double>& overlaps = c.outputs.at("max_overlaps").real;
    bool changed = false;
    for (std::size_t i = 0; i < std::min(overlaps.size(), rows.whole.size()); ++i) {
        if (rows.whole[i] == 0 && overlaps[i] == fill) {
            overlaps[i] = 0;
            changed = true;
        }
    }
    return changed;
}

/// The mean of no elements is 0; the reference's is NaN.
bool mean_of_nothing(const std::string& component, recorded& c) {
    if (!is_loss(component) || !c.wants("loss") || c.input("pred").shape.empty() || c.input("pred").shape.front() != 0 ||
        reduction_of(c) != "mean" || c.maybe_number("avg_factor")) {
        return false;
    }
    array& loss = c.outputs.at("loss");
    if (!loss.shape.empty() || !std::isnan(loss.real.front())) return false;
    loss.real = {0.0};
    return true;
}

/// Where the reference needs candidate_topk candidates (cjm) or one (Megvii), this library takes what
/// there is.
bool few_candidates(const std::string& component, recorded& c) {
    const bool cjm = component.ends_with("_cjm");
    if (!model::knows(component) || !c.raises || !(cjm || component.ends_with("_megvii"))) return false;
    model::answer a = model::solve(component, c);
    if (a.fewest_candidates < 0 || a.fewest_candidates >= (cjm ? a.topk : 1)) return false;
    c.raises = false;
    c.outputs = std::move(a.outputs);
    return true;
}

/// A truth that is not a box is refused, with image and row.
bool truth_no_box(const std::string& component, recorded& c) {
    if (!model::knows(component)) return false;
    const double limit = c.is_double ? 0x1p500 : 0x1p60;
    for (const auto& input : c.inputs) {
        if (!input.first.starts_with("gt_bboxes")) continue;
        const std::vector<double>& x = input.second.real;
        for (std::size_t g = 0; g + 3 < x.size(); g += 4) {
            bool good = x[g] < x[g + 2] && x[g + 1] < x[g + 3];
            for (std::size_t k = g; k < g + 4; ++k) good = good && std::abs(x[k]) <= limit;
            if (good) continue;
            promise_error(c, true);
            return true;
        }
    }
    return false;
}

/// A box of negative width or height is an empty one, for every overlap.
bool inverted_boxes(const std::string& component, recorded& c) {
    if (component != "bbox_overlaps" || !c.wants("overlaps")) return false;
    const array& x = c.input("bboxes1");
    const array& y = c.input("bboxes2");
    std::vector<double>& want = c.outputs.at("overlaps").real;
    if (x.shape.size() < 2 || y.shape.size() != x.shape.size()) return false;
    const auto m = static_cast<std::size_t>(x.shape[x.shape.size() - 2]);
    const bool aligned = c.flag("is_aligned", false);
    const auto n = aligned ? std::size_t{1} : static_cast<std::size_t>(y.shape[y.shape.size() - 2]);
    const auto inverted = [](const model::box& b) { return b.x2 < b.x1 || b.y2 < b.y1; };
    bool changed = false;
    for (std::size_t k = 0; k < want.size(); ++k) {
        const std::size_t row = k / n;
        const model::box a = model::box_at(x, row);
        const model::box b = model::box_at(y, aligned ? row : row / m * n + k % n);
        if (!inverted(a) && !inverted(b)) continue;
        const auto promised = static_cast<double>(model::overlap(c.text("mode", "iou"), a, b, c.number("eps", 1e-6), c.is_double));
        changed = changed || !(std::abs(promised - want[k]) <= (c.is_double ? 1e-9 : 1e-4));
        want[k] = promised;
    }
    return changed;
}

/// No weight above 0: zeros in the shape of the reduction; the reference gives one number always.
bool no_positive_weight(const std::string& component, recorded& c) {
    if (!is_loss(component) || !c.wants("loss") || reduction_of(c) != "none") return false;
    const array* const w = c.find_input("weight");
    if (!w) return false;
    if (!std::all_of(w->real.begin(), w->real.end(), [](double x) { return x == 0; })) return false;
    array& loss = c.outputs.at("loss");
    if (!loss.shape.empty() || loss.real.front() != 0) return false;
    std::vector<index> shape = c.input("pred").shape;
    if (component != "l1_loss") shape.pop_back();
    index size = 1;
    for (const index e : shape) size *= e;
    loss = array::of(shape, std::vector<double>(static_cast<std::size_t>(size), 0.0));
    c.inputs["grad_output"] = array::of(shape, std::vector<double>(static_cast<std::size_t>(size), 1.0));
    return true;
}

/// A weight below 0, or NaN, is refused.
bool bad_weight(const std::string& component, recorded& c) {
    if (!is_loss(component) || c.raises) return false;
    const array* const w = c.find_input("weight");
    if (!w || std::all_of(w->real.begin(), w->real.end(), [](double x) { return x >= 0; })) return false;
    promise_error(c, false);
    return true;
}

/// An average factor is finite and not negative, and never goes with a sum.
bool bad_avg_factor(const std::string& component, recorded& c) {
    if (!is_loss(component) || c.raises) return false;
    const auto avg = c.maybe_number("avg_factor");
    const std::string reduction = reduction_of(c);
    if (!avg || reduction == "none" || (reduction == "mean" && std::isfinite(*avg) && *avg >= 0)) return false;
    promise_error(c, false);
    return true;
}

}  // namespace

std::vector<std::string> apply_rules(const std::string& component, recorded& c) {
    struct rule {
        const char* name;
        bool (*apply)(const std::string&, recorded&);
    };
    static constexpr rule rules[] = {
        {"P4 truth that is no box", truth_no_box},
        {"P13 negative weight", bad_weight},
        {"P33 average factor", bad_avg_factor},
        {"P3 few candidates", few_candidates},
        {"P1 overlap of background", background_overlap},
        {"P2 mean of nothing", mean_of_nothing},
        {"P5 inverted box", inverted_boxes},
        {"P11 no positive weight", no_positive_weight},
        {"targets are constants", constant_targets},
    };
    std::vector<std::string> taken;
    for (const rule& r : rules) {
        if (r.apply(component, c)) taken.emplace_back(r.name);
    }
    return taken;
}

}  // namespace golden
