// SPDX-License-Identifier: Apache-2.0
/// \file
/// Samplers. Where the reference draws at random a case holds the smallest and the largest of some counts
/// over 12 to 60 runs. The largest of 30 draws lies above the 74 % quantile of the distribution but for one
/// time in ten thousand (0.74^30 = 1.2e-4); here the distribution is that of 2400 seeds.

#include "golden_check/backends.hpp"
#include "golden_check/components.hpp"

#include <boxgrad/sampler/instance_balanced_pos.hpp>
#include <boxgrad/sampler/iou_balanced_neg.hpp>
#include <boxgrad/sampler/ohem.hpp>
#include <boxgrad/sampler/pseudo.hpp>
#include <boxgrad/sampler/random.hpp>

#include <algorithm>
#include <cmath>

namespace golden {

namespace {

namespace sampler = boxgrad::sampler;

/// The inputs that all cases have.
template <class B>
struct image {
    boxgrad::tensor_t<B, typename B::scalar, 2> priors;
    boxgrad::assigner::result<B> assignment;
    boxgrad::truth_list<typename B::scalar> truths;
};
template <class B>
image<B> image_of(const B& b, const recorded& c) {
    const array& gt_inds = c.input("gt_inds");
    const std::vector<index> shape{1, gt_inds.shape.at(0)};
    if (c.input("labels").shape != gt_inds.shape)
        throw bad_file("input labels has another shape");  // of no consequence
    std::vector<std::int32_t> rows;
    for (const std::int64_t g : whole_numbers(gt_inds)) {
        rows.push_back(g > 0    ? static_cast<std::int32_t>(g - 1)
                       : g == 0 ? boxgrad::assigner::background
                                : boxgrad::assigner::ignored);
    }
    image<B> i{tensor_of<2>(b, c.input("priors")),
               {boxgrad::from_host(b, extents_of<2>(shape), rows.data()),
                tensor_of<2>(b, c.input("max_overlaps"), shape),
                {},
                {}},
               {}};
    add_truths(i.truths, c.input("gt_bboxes"), c.input("gt_labels"));
    return i;
}

/// The parameters that all samplers share.
template <class Sampler>
Sampler with_quota(const recorded& c, Sampler s) {
    s.num = c.whole("num", 0);
    s.pos_fraction = c.number("pos_fraction", 0);
    s.neg_pos_ub = c.number("neg_pos_ub", -1);
    s.add_gt_as_proposals = c.flag("add_gt_as_proposals", true);
    return s;
}

template <class B>
void report_all(checker& k, const B& b, const sampler::result<B>& r) {
    report<1>(k, b, "pos_inds", r.pos_inds);
    report<1>(k, b, "neg_inds", r.neg_inds);
    report<2>(k, b, "pos_priors", r.pos_priors);
    report<2>(k, b, "neg_priors", r.neg_priors);
    report<2>(k, b, "priors", r.priors(b));
    report<1>(k, b, "pos_is_gt", r.pos_is_gt);
    report<1>(k, b, "pos_assigned_gt_inds", r.pos_assigned_gt_inds);
    report<1>(k, b, "pos_gt_labels", r.pos_gt_labels);
    report<2>(k, b, "pos_gt_bboxes", r.pos_gt_boxes);
    k.output("num_pos", r.num_pos());
    k.output("num_neg", r.num_neg());
    k.output("num_gts", r.num_gts);
    k.output("avg_factor", r.avg_factor());
}

using counts = std::vector<std::int64_t>;

/// Positives, negatives, negatives of overlap 0, negatives by overlap in 8 bins of 0 to 0.4.
template <class B>
counts counts_of(const B& b, const sampler::result<B>& r, const recorded& c) {
    counts n(11, 0);
    n[0] = r.positives;
    n[1] = r.negatives;
    const index added = c.flag("add_gt_as_proposals", true) ? r.num_gts : 0;
    for (const index i : boxgrad::to_host<1>(b, r.neg_inds)) {
        const double overlap = c.input("max_overlaps").real[static_cast<std::size_t>(i - added)];
        if (overlap == 0) ++n[2];
        const double bin = std::floor(overlap / 0.05);
        if (bin < 8) ++n[3 + static_cast<std::size_t>(bin)];
    }
    return n;
}

/// Reports a recorded count where it lies between two quantiles of ours, else the nearer of them.
void report_near(checker& k, const std::string& name, const std::vector<counts>& ours, std::size_t first, double low,
                 double high) {
    if (!k.expected().wants(name)) return;
    const array& want = k.expected().outputs.at(name);
    counts near;
    for (std::size_t i = 0; i < want.whole.size(); ++i) {
        counts all;
        for (const counts& x : ours) all.push_back(x[first + i]);
        std::sort(all.begin(), all.end());
        const auto quantile = [&](double q) {
            return all[static_cast<std::size_t>(q * static_cast<double>(all.size() - 1))];
        };
        near.push_back(std::clamp(want.whole[i], quantile(low), quantile(high)));
    }
    k.output(name, want.shape, near);
}

/// Reports what a sampler that draws picks, or the ranges of its counts.
template <class Sampler>
void drawn(checker& k, const Sampler& unlimited) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        const auto s = with_quota(c, unlimited);
        const auto i = image_of(b, c);
        const auto at = [&](std::uint64_t n) {
            return std::move(s.sample(b, i.assignment, i.priors, i.truths, sampler::seed{20260, n}).front());
        };
        if (!c.flag("random", false)) {
            report_all(k, b, at(0));
            return;
        }
        std::vector<counts> ours;
        for (std::uint64_t n = 0; n < 2400; ++n) ours.push_back(counts_of(b, at(n), c));
        for (const auto& [name, first] :
             {std::pair("_counts", 0U), std::pair("_pos_inds", 0U), std::pair("_neg_inds", 1U)}) {
            report_near(k, std::string("min") + name, ours, first, 0, 0.26);
            report_near(k, std::string("max") + name, ours, first, 0.74, 1);
        }
        k.output("num_gts", c.input("gt_bboxes").shape.at(0));
    });
}

/// The softmax cross entropy of each candidate.
template <class T>
std::vector<T> losses_of(const recorded& c, const std::vector<std::int64_t>& label) {
    const array& score = c.input("cls_score");
    const auto classes = static_cast<std::size_t>(score.shape.at(1));
    std::vector<T> loss;
    for (std::size_t i = 0; i < label.size(); ++i) {
        const double* const row = score.real.data() + i * classes;
        double sum = 0;
        for (std::size_t k = 0; k < classes; ++k) sum += std::exp(row[k]);
        loss.push_back(static_cast<T>(std::log(sum) - row[label[i]]));
    }
    return loss;
}

}  // namespace

GOLDEN_COMPONENT(pseudo_sampler) {
    on_backends(k, [&](const auto& b) {
        const auto i = image_of(b, k.expected());
        report_all(k, b, sampler::pseudo{}.sample(b, i.assignment, i.priors, i.truths).front());
    });
}

GOLDEN_COMPONENT(random_sampler) { drawn(k, sampler::random{}); }

GOLDEN_COMPONENT(instance_balanced_pos_sampler) { drawn(k, sampler::instance_balanced_pos{}); }

namespace {

sampler::pick::iou_balanced bins_of(const recorded& c, const std::string& prefix) {
    return {.floor_thr = c.number(prefix + "floor_thr", -1),
            .floor_fraction = c.number(prefix + "floor_fraction", 0),
            .num_bins = static_cast<int>(c.whole(prefix + "num_bins", 3))};
}

template <class Pos>
void combined_with(checker& k) {
    const std::string negatives = k.expected().text("neg_sampler.type", "");
    if (negatives == "IoUBalancedNegSampler") {
        sampler::combined<Pos, sampler::pick::iou_balanced> s;
        s.neg_sampler = bins_of(k.expected(), "neg_sampler.");
        drawn(k, s);
    } else if (negatives == "RandomSampler") {
        drawn(k, sampler::combined<Pos, sampler::pick::uniform>{});
    } else {
        throw bad_file("neg_sampler is not understood: " + negatives);
    }
}

}  // namespace

GOLDEN_COMPONENT(combined_sampler) {
    const std::string positives = k.expected().text("pos_sampler.type", "");
    if (positives == "InstanceBalancedPosSampler") {
        combined_with<sampler::pick::instance_balanced>(k);
    } else if (positives == "RandomSampler") {
        combined_with<sampler::pick::uniform>(k);
    } else {
        throw bad_file("pos_sampler is not understood: " + positives);
    }
}

GOLDEN_COMPONENT(iou_balanced_neg_sampler) {
    sampler::iou_balanced_neg s;
    s.neg_sampler = bins_of(k.expected(), "");
    drawn(k, s);
}

GOLDEN_COMPONENT(ohem_sampler) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        auto s = with_quota(c, sampler::ohem{});
        s.num_classes = c.whole("num_classes", 80);
        const auto i = image_of(b, c);
        // Truths are of their own class, an ignored prior's loss is not looked at.
        std::vector<std::int64_t> label;
        if (s.add_gt_as_proposals) label = whole_numbers(c.input("gt_labels"));
        for (const std::int64_t l : whole_numbers(c.input("labels"))) label.push_back(l < 0 ? s.num_classes : l);
        const std::vector<T> loss = losses_of<T>(c, label);
        const auto tensor = boxgrad::from_host(b, extents_of<1>({static_cast<index>(loss.size())}), loss.data());
        const std::vector losses{boxgrad::as_const_view<1>(b, tensor, "golden", "loss")};
        report_all(k, b, s.sample(b, i.assignment, i.priors, i.truths, losses).front());
    });
}

}  // namespace golden
