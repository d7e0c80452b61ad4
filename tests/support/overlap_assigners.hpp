// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Assigners by largest overlap with parameters by number, and the same rules for the matrices of
/// naive_assigners.hpp.

#include "naive_assigners.hpp"

#include <boxgrad/assigner/approx_max_iou.hpp>
#include <boxgrad/assigner/grid.hpp>
#include <boxgrad/assigner/matcher.hpp>
#include <boxgrad/assigner/max_iou.hpp>
#include <boxgrad/assigner/multi_instance.hpp>

namespace test {

using naive::overlap_rules;
namespace assigner = boxgrad::assigner;
using boxgrad::assigner::low_quality;
using boxgrad::assigner::match;

inline constexpr auto drop = boxgrad::bad_truth::drop;

// Parameters by number. Coarse scenes hit these thresholds exactly.
template <class Overlap = boxgrad::overlap::iou>
assigner::max_iou<Overlap> max_iou_number(unsigned i) {
    assigner::max_iou<Overlap> a;
    const double positive[] = {0.5, 0.25, 0.75, 1.0 / 3, 0.2};
    a.pos_iou_thr = positive[i % 5];
    if (i % 3 == 0) a.neg_iou_thr = a.pos_iou_thr;
    if (i % 3 == 1) a.neg_iou_thr = {0.125, 0.25};
    if (i % 3 == 2) a.neg_iou_thr = 0.2;
    a.min_pos_iou = i % 4 == 0 ? 0 : 0.1 * (i % 4);
    a.gt_max_assign_all = i % 7 < 4;
    a.ignore_iof_thr = i % 4 == 3 ? -1 : 0.25;
    a.ignore_wrt_candidates = i % 2 == 0;
    a.match_low_quality = i % 5 == 4 ? low_quality::none : i % 5 == 3 ? low_quality::label_only : low_quality::reassign;
    return a;
}
template <class T, class Overlap>
overlap_rules<T> rules_of(const assigner::max_iou<Overlap>& a) {
    overlap_rules<T> r;
    r.overlap = [](std::size_t, const row4& p, const row4& t) {
        return std::is_same_v<Overlap, boxgrad::overlap::giou> ? naive::giou<T>(p, t) : naive::iou<T>(p, t);
    };
    const auto positive = static_cast<T>(a.pos_iou_thr);
    const auto low = static_cast<T>(a.neg_iou_thr.low);
    const auto high = static_cast<T>(a.neg_iou_thr.high);
    r.state = [=](T m, bool) {
        return m >= positive ? 0 : low <= m && m < high ? assigner::background : assigner::ignored;
    };
    r.counts = [least = static_cast<T>(a.min_pos_iou)](T m) { return m >= least; };
    r.quality = a.match_low_quality == low_quality::none       ? naive::low::none
                : a.match_low_quality == low_quality::reassign ? naive::low::reassign
                                                               : naive::low::label_only;
    r.all = a.gt_max_assign_all;
    r.ignore_iof_thr = a.ignore_iof_thr;
    r.of_prior = a.ignore_wrt_candidates;
    return r;
}

inline assigner::matcher<> matcher_number(unsigned i) {
    const assigner::matcher<> published;
    const match b = match::negative, o = match::neither, p = match::positive;
    assigner::matcher<> a[] = {published,
                               {.thresholds = {0.5}, .labels = {b, p}},
                               {.thresholds = {0.25, 0.5}, .labels = {o, b, p}},
                               {.thresholds = {0.125, 0.25, 0.5, 0.75}, .labels = {o, b, o, p, o}},
                               {.thresholds = {0.25, 0.25, 0.5}, .labels = {p, o, b, p}},
                               {.thresholds = {}, .labels = {b}}};
    auto m = a[i % std::size(a)];
    m.allow_low_quality_matches = i % 4 != 1;
    if (i % 5 == 0) m.ignore_iof_thr = -1;
    return m;
}
template <class T>
overlap_rules<T> rules_of(const assigner::matcher<>& a) {
    const auto code = [](match m) {
        return m == match::negative ? assigner::background : m == match::neither ? assigner::ignored : 0;
    };
    overlap_rules<T> r;
    r.overlap = [](std::size_t, const row4& p, const row4& t) { return naive::iou<T>(p, t); };
    r.state = [=](T m, bool) {
        int band = 0;
        while (band < a.thresholds.size() && m >= static_cast<T>(a.thresholds[band])) ++band;
        return code(a.labels[band]);
    };
    r.counts = [](T) { return true; };
    r.quality = a.allow_low_quality_matches ? naive::low::label_only : naive::low::none;
    r.ignore_iof_thr = a.ignore_iof_thr;
    r.without_truths = a.labels[0] == match::neither ? assigner::ignored : assigner::background;
    return r;
}

inline std::vector<std::uint8_t> flags_number(unsigned i, const place_scene& s) {
    std::vector<std::uint8_t> f;
    for (std::size_t k = 0; k < s.size() * s.images.size(); ++k) {
        f.push_back((k * 7 + i) % 3 == 0 ? 0 : static_cast<std::uint8_t>(1 + k % 2));
    }
    return f;
}
inline assigner::grid<> grid_number(unsigned i) {
    assigner::grid<> a;
    const double positive[] = {0.5, 0.25, 0.2};
    a.pos_iou_thr = positive[i % 3];
    a.neg_iou_thr = i % 2 == 0 ? assigner::negative_range(0.25) : assigner::negative_range(0.125, 0.25);
    a.min_pos_iou = i % 4 == 0 ? 0 : 0.25;
    a.gt_max_assign_all = i % 5 < 3;
    if (i % 3 == 1) a.ignore_iof_thr = -1;
    return a;
}
template <class T>
overlap_rules<T> rules_of(const assigner::grid<>& a, const std::vector<std::uint8_t>& flags) {
    overlap_rules<T> r;
    r.overlap = [](std::size_t, const row4& p, const row4& t) { return naive::iou<T>(p, t); };
    const auto positive = static_cast<T>(a.pos_iou_thr);
    const auto low = static_cast<T>(a.neg_iou_thr.low);
    const auto high = static_cast<T>(a.neg_iou_thr.high);
    r.state = [=](T m, bool responsible) {
        return m > positive && responsible ? 0 : low < m && m <= high ? assigner::background : assigner::ignored;
    };
    r.counts = [least = static_cast<T>(a.min_pos_iou)](T m) { return m > least; };
    r.all = a.gt_max_assign_all;
    r.ignore_iof_thr = a.ignore_iof_thr;
    for (const std::uint8_t f : flags) r.responsible.push_back(f != 0);
    return r;
}

template <class B, class A, class X>
place_answer assign(const B& b, const A& a, const X& priors, const place_scene& s) {
    return answer_of(b, a.assign(b, priors, s.truths<typename B::scalar>(), drop));
}
template <class B, class A>
place_answer assign(const B& b, const A& a, const place_scene& s) {
    return assign(b, a, s.tensor(b), s);
}
template <class B>
place_answer assign_grid(const B& b, const assigner::grid<>& a, const place_scene& s,
                         const std::vector<std::uint8_t>& f) {
    const auto flags =
        test::from_host(b, extents<2>{{static_cast<index>(s.images.size()), static_cast<index>(s.size())}}, f);
    return answer_of(b, a.assign(b, s.tensor(b), flags, s.truths<typename B::scalar>(), drop));
}

/// Every approximation is the prior, shifted.
inline std::vector<row4> approxs_of(const place_scene& s, std::size_t each) {
    std::vector<row4> rows;
    for (const row4& p : s.priors) {
        for (std::size_t a = 0; a < each; ++a) {
            const double x = 2.5 * static_cast<double>(a) - 2.5, w = static_cast<double>(a * a);
            rows.push_back({p[0] + x, p[1] - x, p[2] + x + w, p[3] - x});
        }
    }
    return rows;
}
template <class B>
place_answer assign_approx(const B& b, const assigner::max_iou<>& a, const place_scene& s, std::size_t each) {
    const auto flat = flat_of<typename B::scalar>(approxs_of(s, each));
    const auto approxs =
        test::from_host(b, extents<3>{{static_cast<index>(s.size()), static_cast<index>(each), 4}}, flat);
    const assigner::approx_max_iou<> x{.matching = a};
    return answer_of(b, x.assign(b, approxs, s.tensor(b), s.truths<typename B::scalar>(), drop));
}
template <class T>
overlap_rules<T> approx_rules(const assigner::max_iou<>& a, const place_scene& s, std::size_t each) {
    auto r = rules_of<T>(a);
    const auto rows = approxs_of(s, each);
    r.overlap = [=](std::size_t i, const row4&, const row4& t) {
        T o = naive::iou<T>(rows[i * each], t);
        for (std::size_t k = 1; k < each; ++k) o = std::max(o, naive::iou<T>(rows[i * each + k], t));
        return o;
    };
    for (std::size_t i = 0; i < s.size(); ++i) r.sane.push_back(is_number(s.priors[i]));
    return r;
}

template <class B>
place_answer assign_several(const B& b, const assigner::multi_instance<>& a, const place_scene& s) {
    const auto r = a.assign(b, s.tensor(b), s.truths<typename B::scalar>(), drop);
    const auto overlap = test::to_host<3>(b, r.overlap);
    return {test::to_host<3>(b, r.truth),
            {overlap.begin(), overlap.end()},
            r.positives,
            r.truth_positives,
            r.nonfinite_priors,
            r.dropped_truths};
}
inline assigner::multi_instance<> several_number(unsigned i) {
    return {.num_instance = 1 + static_cast<int>(i % 4), .pos_iou_thr = i % 2 == 0 ? 0.25 : 0.5, .neg_iou_thr = 0.25};
}

}  // namespace test
