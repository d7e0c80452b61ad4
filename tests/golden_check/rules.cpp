// SPDX-License-Identifier: Apache-2.0
#include "rules.hpp"

#include "model.hpp"

#include <algorithm>
#include <cmath>

namespace golden {

namespace {

bool is_box_loss(const std::string& c) {
    return c == "iou_loss" || c == "bounded_iou_loss" || c == "giou_loss" || c == "diou_loss" || c == "ciou_loss" ||
           c == "eiou_loss" || c == "siou_loss";
}

/// Of numbers, a weight each.
bool is_difference_loss(const std::string& c) {
    return c == "l1_loss" || c == "smooth_l1_loss" || c == "balanced_l1_loss" || c == "mse_loss";
}
/// Of scores of classes, or of masks.
bool is_class_loss(const std::string& c) {
    return c == "cross_entropy_loss" || c == "focal_loss" || c == "quality_focal_loss" || c == "varifocal_loss" ||
           c == "distribution_focal_loss" || c == "gaussian_focal_loss" || c == "kd_kl_div_loss" ||
           c == "multi_pos_cross_entropy_loss" || c == "dice_loss";
}
bool is_loss(const std::string& c) { return is_box_loss(c) || is_difference_loss(c) || is_class_loss(c); }
const array& prediction_of(const recorded& c) {
    const array* const p = c.find_input("pred");
    return p ? *p : c.input("cls_score");
}

bool is_assigner(const std::string& c) { return c.find("_assigner") != std::string::npos; }

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

/// A prior without a truth overlaps it by 0; the reference fills in -1, -1e5 or -1e8.
bool background_overlap(const std::string& component, recorded& c) {
    if (!is_assigner(component) || !c.wants("gt_inds") || !c.wants("max_overlaps")) return false;
    const array& rows = c.outputs.at("gt_inds");
    array& overlaps = c.outputs.at("max_overlaps");
    if (overlaps.is_whole || overlaps.shape != rows.shape) return false;
    bool changed = false;
    for (std::size_t i = 0; i < overlaps.real.size(); ++i) {
        const double fill = overlaps.real[i];
        if (rows.whole[i] <= 0 && (fill == -1 || fill == -1e5 || fill == -1e8)) {
            overlaps.real[i] = 0;
            changed = true;
        }
    }
    return changed;
}

/// A prior without a truth has no label; the reference's RegionAssigner leaves the first class there.
bool label_of_nobody(const std::string& component, recorded& c) {
    if (component != "region_assigner" || !c.wants("gt_inds") || !c.wants("labels")) return false;
    const array& rows = c.outputs.at("gt_inds");
    array& labels = c.outputs.at("labels");
    std::vector<std::size_t> nobodies;
    for (std::size_t i = 0; i < labels.whole.size(); ++i) {
        if (rows.whole[i] > 0) continue;
        if (labels.whole[i] != 0) return false;  // not what the reference leaves everywhere
        nobodies.push_back(i);
    }
    for (const std::size_t i : nobodies) labels.whole[i] = -1;
    return !nobodies.empty();
}

/// A cell outside of the picture is ignored in an image without truths as well, where the reference ends before
/// it looks.
bool outside_without_truths(const std::string& component, recorded& c) {
    if (component != "region_assigner" || !c.wants("gt_inds") || c.input("gt_bboxes").shape.front() != 0) return false;
    const double border = c.number("allowed_border", 0);
    const std::vector<double> shape = c.list("img_shape");
    const array& priors = c.input("priors");
    array& rows = c.outputs.at("gt_inds");
    bool changed = false;
    for (std::size_t i = 0; i < rows.whole.size(); ++i) {
        const model::box p = model::box_at(priors, i);
        const bool inside = border < 0 || (p.x1 >= -border && p.y1 >= -border && p.x2 < shape.at(1) + border &&
                                           p.y2 < shape.at(0) + border);
        if ((inside && c.input("valid_flags").whole[i] != 0) || rows.whole[i] != 0) continue;
        rows.whole[i] = -1;
        changed = true;
    }
    return changed;
}

/// The mean of no elements is 0; the reference's is NaN.
bool mean_of_nothing(const std::string& component, recorded& c) {
    if (!is_loss(component) || !c.wants("loss") || reduction_of(c) != "mean" || c.maybe_number("avg_factor")) return false;
    const array& prediction = prediction_of(c);
    if (prediction.shape.empty() || prediction.shape.front() != 0) return false;
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
    if (!model::knows(component) && !is_assigner(component)) return false;
    const double limit = c.is_double ? 0x1p500 : 0x1p60;
    for (const auto& input : c.inputs) {
        if (!input.first.starts_with("gt_bboxes")) continue;
        const std::vector<double>& x = input.second.real;
        const array* const used = c.find_input("mask_gt");  // truths, rather than padding
        for (std::size_t g = 0; g + 3 < x.size(); g += 4) {
            if (used && !(used->is_whole ? used->whole[g / 4] != 0 : used->real[g / 4] != 0)) continue;
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
    if (!(is_box_loss(component) || is_difference_loss(component)) || !c.wants("loss") || reduction_of(c) != "none") {
        return false;
    }
    const array* const w = c.find_input("weight");
    if (!w) return false;
    if (!std::all_of(w->real.begin(), w->real.end(), [](double x) { return x == 0; })) return false;
    array& loss = c.outputs.at("loss");
    if (!loss.shape.empty() || loss.real.front() != 0) return false;
    std::vector<index> shape = c.input("pred").shape;
    if (is_box_loss(component) && component != "bounded_iou_loss") shape.pop_back();
    index size = 1;
    for (const index e : shape) size *= e;
    loss = array::of(shape, std::vector<double>(static_cast<std::size_t>(size), 0.0));
    c.inputs["grad_output"] = array::of(shape, std::vector<double>(static_cast<std::size_t>(size), 1.0));
    return true;
}

/// CIoU of equal boxes is 1, the loss 0 and without a slope, where in float the reference's alpha is 0/0.
bool equal_boxes(const std::string& component, recorded& c) {
    if (component != "ciou_loss" || c.is_double || !c.wants("loss") || !c.wants("grad_pred") || reduction_of(c) != "none") return false;
    const std::vector<double>& p = c.input("pred").real;
    const std::vector<double>& t = c.input("target").real;
    std::vector<double>& loss = c.outputs.at("loss").real;
    std::vector<double>& gradient = c.outputs.at("grad_pred").real;
    bool changed = false;
    for (std::size_t i = 0; i < loss.size(); ++i) {
        const auto same = [&](std::size_t k) { return p.at(4 * i + k) == t.at(4 * i + k); };
        if (!std::isnan(loss[i]) || !(same(0) && same(1) && same(2) && same(3))) continue;
        loss[i] = 0;
        for (std::size_t k = 4 * i; k < 4 * i + 4; ++k) {
            if (std::isnan(gradient.at(k))) gradient[k] = 0;
        }
        changed = true;
    }
    return changed;
}

/// A weight below 0, or NaN, is refused.
bool bad_weight(const std::string& component, recorded& c) {
    if (!is_loss(component) || c.raises) return false;
    const array* const w = c.find_input("weight");
    if (!w || std::all_of(w->real.begin(), w->real.end(), [](double x) { return x >= 0; })) return false;
    promise_error(c, false);
    return true;
}

/// A label that is no class, nor the background's, is refused; the reference's quality focal loss takes a negative one
/// for background.
bool label_of_no_class(const std::string& component, recorded& c) {
    if (component != "quality_focal_loss" || c.raises || !c.find_input("label")) return false;
    const std::vector<std::int64_t>& labels = c.input("label").whole;
    const index classes = c.input("pred").shape.at(1);
    if (std::all_of(labels.begin(), labels.end(), [&](std::int64_t l) { return l >= 0 && l <= classes; })) return false;
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

/// Rows of a matrix of boxes.
std::vector<model::box> boxes_of(const array* a) {
    std::vector<model::box> rows;
    for (std::size_t i = 0; a && i < a->real.size() / 4; ++i) rows.push_back(model::box_at(*a, i));
    return rows;
}

void write_assignment(recorded& c, const std::vector<std::int64_t>& gt_inds) {
    const std::vector<std::int64_t>& labels = c.input("gt_labels").whole;
    c.outputs.at("gt_inds").whole = gt_inds;
    for (std::size_t i = 0; c.wants("labels") && i < gt_inds.size(); ++i) {
        c.outputs.at("labels").whole[i] = gt_inds[i] > 0 ? labels[static_cast<std::size_t>(gt_inds[i] - 1)] : -1;
    }
}

/// Regions count in an image without truths as well, where the reference ends before it looks.
bool regions_without_truths(const std::string& component, recorded& c) {
    if (component != "max_iou_assigner" && component != "approx_max_iou_assigner" && component != "atss_assigner") return false;
    if (!c.wants("gt_inds") || !c.input("gt_bboxes").real.empty()) return false;
    const double ignore = c.number("ignore_iof_thr", -1);
    const bool of_prior = component == "atss_assigner" || c.flag("ignore_wrt_candidates", true);
    const auto priors = boxes_of(c.find_input("priors"));
    array& rows = c.outputs.at("gt_inds");
    bool changed = false;
    for (std::size_t i = 0; i < priors.size(); ++i) {
        for (const model::box& r : boxes_of(c.find_input("gt_bboxes_ignore"))) {
            const model::real share = of_prior ? model::overlap("iof", priors[i], r, 1e-6, c.is_double)
                                               : model::overlap("iof", r, priors[i], 1e-6, c.is_double);
            if (!(ignore > 0 && share > ignore) || rows.whole[i] != 0) continue;
            rows.whole[i] = -1;
            changed = true;
        }
    }
    return changed;
}

/// A truth that overlaps nothing takes nothing: in the reference min_pos_iou = 0 gives it all priors of
/// overlap 0. What max_iou leaves without such truths is worked out once more.
bool overlap_of_nothing(const std::string& component, recorded& c) {
    const bool approximated = component == "approx_max_iou_assigner";
    if (!(approximated || component == "max_iou_assigner") || !c.wants("gt_inds") || !c.flag("match_low_quality", true) ||
        c.number("min_pos_iou", 0) > 0) {
        return false;
    }
    const auto priors = boxes_of(c.find_input("priors"));
    const auto truths = boxes_of(c.find_input("gt_bboxes"));
    const auto regions = boxes_of(c.find_input("gt_bboxes_ignore"));
    const auto approxs = boxes_of(approximated ? c.find_input("approxs") : nullptr);
    const auto rounded = [&](model::real x) {
        return c.is_double ? static_cast<model::real>(static_cast<double>(x)) : static_cast<model::real>(static_cast<float>(x));
    };
    const auto share = [&](const char* mode, const model::box& a, const model::box& b) {
        return rounded(model::overlap(mode, a, b, 1e-6, c.is_double));
    };
    // The largest of what stands for prior i.
    const auto iou = [&](std::size_t g, std::size_t i) {
        if (!approximated) return share("iou", truths[g], priors[i]);
        const std::size_t each = approxs.size() / priors.size();
        model::real most = 0;
        for (std::size_t a = 0; a < each; ++a) most = std::max(most, share("iou", truths[g], approxs[i * each + a]));
        return most;
    };
    const model::real ignore = rounded(c.number("ignore_iof_thr", -1));
    const bool of_prior = c.flag("ignore_wrt_candidates", true);
    const parameter* const neg = c.find("neg_iou_thr");
    const bool pair = neg && neg->kind == parameter::list;
    const model::real low = pair ? rounded(neg->numbers.at(0)) : 0;
    const model::real high = rounded(pair ? neg->numbers.at(1) : c.number("neg_iou_thr", 0.4));
    std::vector<std::int64_t> rows;
    std::vector<bool> out;
    std::vector<model::real> best(truths.size(), 0);
    for (std::size_t i = 0; i < priors.size(); ++i) {
        const model::box& p = priors[i];
        bool in = false;
        for (const model::box& r : regions) {
            in = in || (ignore > 0 && (of_prior ? share("iof", p, r) : share("iof", r, p)) > ignore);
        }
        out.push_back(in);
        model::real most = -1;
        std::int64_t at = -1;
        for (std::size_t g = 0; g < truths.size() && !in; ++g) {
            const model::real o = iou(g, i);
            best[g] = std::max(best[g], o);
            if (o > most) {
                most = o;
                at = static_cast<std::int64_t>(g) + 1;
            }
        }
        rows.push_back(most >= rounded(c.number("pos_iou_thr", 0.5)) ? at : !in && most >= low && most < high ? 0 : -1);
    }
    bool some = false;
    for (std::size_t g = 0; g < truths.size(); ++g) {
        some = some || !(best[g] > 0);
        for (std::size_t i = 0; best[g] > 0 && i < priors.size(); ++i) {
            if (out[i] || iou(g, i) != best[g]) continue;
            rows[i] = static_cast<std::int64_t>(g) + 1;
            if (!c.flag("gt_max_assign_all", true)) break;
        }
    }
    if (!some || rows == c.outputs.at("gt_inds").whole) return false;
    write_assignment(c, rows);
    return true;
}

/// ATSS with one candidate a truth, whose overlap is the threshold (the reference's is NaN), or with so many
/// ignored priors that the reference takes some of them for candidates. Worked out once more.
bool unusual_candidates(const std::string& component, recorded& c) {
    if (component != "atss_assigner" || !c.wants("gt_inds") || !c.wants("max_overlaps")) return false;
    const auto priors = boxes_of(c.find_input("priors"));
    const auto truths = boxes_of(c.find_input("gt_bboxes"));
    const auto predicted = boxes_of(c.find_input("bboxes"));
    const auto regions = boxes_of(c.find_input("gt_bboxes_ignore"));
    const auto alpha = c.maybe_number("alpha");
    const double ignore = c.number("ignore_iof_thr", -1);
    const index topk = c.whole("topk", 9);
    std::vector<bool> out;
    for (const model::box& p : priors) {
        bool in = false;
        for (const model::box& r : regions) in = in || (ignore > 0 && model::overlap("iof", p, r, 1e-6, c.is_double) > ignore);
        out.push_back(in);
    }
    index candidates = 0;
    bool too_few = false;
    std::size_t first = 0;
    std::vector<std::size_t> ends;
    for (const double level : c.list("num_level_priors")) {
        const auto n = static_cast<std::size_t>(level);
        if (first + n > priors.size()) return false;
        const auto from = out.begin() + static_cast<std::ptrdiff_t>(first);
        const index free = std::count(from, from + static_cast<std::ptrdiff_t>(n), false);
        too_few = too_few || free < std::min(topk, static_cast<index>(n));
        candidates += std::min(topk, static_cast<index>(n));
        ends.push_back(first += n);
    }
    if (truths.empty() || priors.empty() || first != priors.size() || !(too_few || candidates == 1)) return false;
    const auto overlap = [&](std::size_t i, std::size_t g) {
        if (!alpha) return model::overlap("iou", priors[i], truths[g], 1e-6, c.is_double);
        const array& scores = c.input("scores");
        const auto classes = static_cast<std::size_t>(scores.shape.at(1));
        const auto label = static_cast<std::size_t>(c.input("gt_labels").whole[g]);
        const model::real s = 1 / (1 + std::exp(-static_cast<model::real>(scores.real[i * classes + label])));
        return std::pow(s, 1 - static_cast<model::real>(*alpha)) *
               std::pow(model::overlap("iou", predicted[i], truths[g], 1e-6, c.is_double), static_cast<model::real>(*alpha));
    };
    std::vector<std::int64_t> rows;
    for (const bool in : out) rows.push_back(in ? -1 : 0);
    std::vector<double> overlaps(priors.size(), 0);
    for (std::size_t g = 0; g < truths.size(); ++g) {
        const model::box& t = truths[g];
        std::vector<std::size_t> chosen;
        std::size_t from = 0;
        for (const std::size_t end : ends) {
            std::vector<std::pair<model::real, std::size_t>> level;
            for (std::size_t i = from; i < end; ++i) {
                const model::real dx = (priors[i].x1 + priors[i].x2 - t.x1 - t.x2) / 2;
                const model::real dy = (priors[i].y1 + priors[i].y2 - t.y1 - t.y2) / 2;
                if (!out[i]) level.emplace_back(dx * dx + dy * dy, i);
            }
            std::sort(level.begin(), level.end());
            for (std::size_t k = 0; k < std::min(level.size(), static_cast<std::size_t>(topk)); ++k) chosen.push_back(level[k].second);
            from = end;
        }
        model::real mean = 0;
        for (const std::size_t i : chosen) mean += overlap(i, g) / static_cast<model::real>(chosen.size());
        model::real squares = 0;
        for (const std::size_t i : chosen) squares += (overlap(i, g) - mean) * (overlap(i, g) - mean);
        const model::real least = chosen.size() > 1 ? mean + std::sqrt(squares / static_cast<model::real>(chosen.size() - 1)) : 0;
        for (const std::size_t i : chosen) {
            const model::real x = (priors[i].x1 + priors[i].x2) / 2;
            const model::real y = (priors[i].y1 + priors[i].y2) / 2;
            const auto o = static_cast<double>(overlap(i, g));
            if (overlap(i, g) < least || !(std::min({x - t.x1, y - t.y1, t.x2 - x, t.y2 - y}) > 0.01L)) continue;
            if (rows[i] > 0 && !(o > overlaps[i])) continue;
            rows[i] = static_cast<std::int64_t>(g) + 1;
            overlaps[i] = o;
        }
    }
    if (rows == c.outputs.at("gt_inds").whole) return false;
    write_assignment(c, rows);
    c.outputs.at("max_overlaps").real = overlaps;
    return true;
}

/// Balanced positives are all different, so there are as many as asked for; the reference may draw one twice,
/// and then takes more negatives.
bool distinct_picks(const std::string& component, recorded& c) {
    const bool balanced =
        component == "instance_balanced_pos_sampler" ||
        (component == "combined_sampler" && c.text("pos_sampler.type", "") == "InstanceBalancedPosSampler");
    if (!balanced || !c.wants("min_pos_inds") || !c.wants("max_neg_inds")) return false;
    const std::vector<std::int64_t>& rows = c.input("gt_inds").whole;
    const index num = c.whole("num", 0);
    const double bound = c.number("neg_pos_ub", -1);
    const index added = c.flag("add_gt_as_proposals", true) ? c.input("gt_bboxes").shape.at(0) : 0;
    const index positives = added + std::count_if(rows.begin(), rows.end(), [](std::int64_t g) { return g > 0; });
    const index wanted =
        std::min(static_cast<index>(static_cast<double>(num) * c.number("pos_fraction", 0)), positives);
    const auto negatives_with = [&](index pos) {
        const index cap = bound < 0 ? num : static_cast<index>(bound * static_cast<double>(std::max(pos, index{1})));
        return std::min({num - pos, cap, static_cast<index>(std::count(rows.begin(), rows.end(), 0))});
    };
    std::int64_t& fewest = c.outputs.at("min_pos_inds").whole.front();
    std::int64_t& most = c.outputs.at("max_neg_inds").whole.front();
    if (fewest >= wanted || most != negatives_with(fewest)) return false;
    fewest = wanted;
    most = negatives_with(wanted);
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
        {"P10 label of no class", label_of_no_class},
        {"P13 negative weight", bad_weight},
        {"P33 average factor", bad_avg_factor},
        {"P3 few candidates", few_candidates},
        {"P1 overlap of background", background_overlap},
        {"label of nobody", label_of_nobody},
        {"outside without truths", outside_without_truths},
        {"P1 regions without truths", regions_without_truths},
        {"P19 overlap of nothing", overlap_of_nothing},
        {"P20 few candidates", unusual_candidates},
        {"P2 mean of nothing", mean_of_nothing},
        {"P5 inverted box", inverted_boxes},
        {"P11 no positive weight", no_positive_weight},
        {"CIoU of equal boxes", equal_boxes},
        {"P24 distinct picks", distinct_picks},
        {"targets are constants", constant_targets},
    };
    std::vector<std::string> taken;
    for (const rule& r : rules) {
        if (r.apply(component, c)) taken.emplace_back(r.name);
    }
    return taken;
}

}  // namespace golden
