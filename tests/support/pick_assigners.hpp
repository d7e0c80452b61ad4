// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Assigners by picks with parameters and predictions by number, and the same rules for the matrices of
/// naive_assigners.hpp.

#include "catch.hpp"
#include "naive_assigners.hpp"

#include <boxgrad/assigner/atss.hpp>
#include <boxgrad/assigner/task_aligned.hpp>

namespace test {

namespace assigner = boxgrad::assigner;

inline constexpr auto drop = boxgrad::bad_truth::drop;
inline constexpr int classes = 3;

/// One to four levels of unequal size, some empty.
inline std::vector<std::size_t> levels_number(unsigned i, std::size_t n) {
    if (i % 4 == 0) return {n};
    if (i % 4 == 1) return {n - n / 3, n / 3};
    if (i % 4 == 2) return {0, n / 2, n - n / 2, 0};
    return {n / 7, n - n / 7 - n / 4, n / 4};
}
inline boxgrad::per_level<index> list_of(const std::vector<std::size_t>& levels) {
    boxgrad::per_level<index> l;
    for (const std::size_t x : levels) l.push_back(static_cast<index>(x));
    return l;
}

/// Predictions near the truths, on the grid of quarters; scores of few values where `coarse`. Some are broken.
inline naive::predictions predictions_number(unsigned i, const place_scene& s) {
    place_maker m(i + 31, i % 3 == 0 ? 4 : 0.25);
    naive::predictions q;
    q.classes = classes;
    for (const auto& image : s.images) {
        std::vector<row4> boxes;
        std::vector<double> scores;
        for (std::size_t k = 0; k < s.size(); ++k) {
            row4 p = m.box(48, 64);
            if (m.random() % 2 == 0 && !image.truths.empty()) {
                p = image.truths[m.random() % image.truths.size()];
                p[2] += m.upto(8);
                p[0] -= m.upto(8);
            }
            if (i % 5 == 1 && m.random() % 8 == 0) p[m.random() % 4] = k % 2 == 0 ? std::nan("") : 1e200;
            boxes.push_back(p);
            for (int c = 0; c < classes; ++c) {
                double x = static_cast<double>(m.random() % (i % 3 == 0 ? 4 : 1024)) / (i % 3 == 0 ? 4 : 1024);
                if (i % 7 == 2 && m.random() % 16 == 0)
                    x = k % 2 == 0 ? std::nan("") : std::numeric_limits<double>::infinity();
                scores.push_back(x);
            }
        }
        q.boxes.push_back(boxes);
        q.scores.push_back(scores);
    }
    return q;
}
template <class B>
auto boxes_tensor(const B& b, const naive::predictions& q) {
    std::vector<typename B::scalar> flat;
    for (const auto& image : q.boxes) {
        const auto f = flat_of<typename B::scalar>(image);
        flat.insert(flat.end(), f.begin(), f.end());
    }
    const auto images = static_cast<index>(q.boxes.size());
    const auto n = images == 0 ? 0 : static_cast<index>(q.boxes[0].size());
    return test::from_host(b, extents<3>{{images, n, 4}}, flat);
}
template <class B>
auto scores_tensor(const B& b, const naive::predictions& q) {
    std::vector<typename B::scalar> flat;
    for (const auto& image : q.scores) {
        for (const double x : image) flat.push_back(static_cast<typename B::scalar>(x));
    }
    const auto images = static_cast<index>(q.boxes.size());
    const auto n = images == 0 ? 0 : static_cast<index>(q.boxes[0].size());
    return test::from_host(b, extents<3>{{images, n, static_cast<index>(q.classes)}}, flat);
}

inline assigner::atss<> atss_number(unsigned i) {
    assigner::atss<> a;
    const int topk[] = {9, 1, 3, 4, 40, 100, 2};
    a.topk = topk[i % 7];
    const double alpha[] = {0.8, 0, 1, 0.5, 0.25};
    a.alpha = alpha[i % 5];
    if (i % 2 == 0) a.ignore_iof_thr = 0.25;
    return a;
}
template <class B>
place_answer assign_atss(const B& b, const assigner::atss<>& a, unsigned i, const place_scene& s) {
    return answer_of(
        b, a.assign(b, s.tensor(b), list_of(levels_number(i, s.size())), s.truths<typename B::scalar>(), drop));
}
template <class B>
place_answer assign_atss(const B& b, const assigner::atss<>& a, unsigned i, const place_scene& s,
                         const naive::predictions& q) {
    return answer_of(b, a.assign(b, s.tensor(b), list_of(levels_number(i, s.size())), boxes_tensor(b, q),
                                 scores_tensor(b, q), s.truths<typename B::scalar>(), drop));
}
template <class T>
place_answer naive_atss(const assigner::atss<>& a, unsigned i, const place_scene& s, bool& clear,
                        const naive::predictions* q = nullptr) {
    const auto sane = [&](std::size_t b, std::size_t k) {
        bool sound = is_number(s.priors[k]);
        if (!q) return sound;
        for (std::size_t c = 0; c < q->classes; ++c) sound = sound && std::isfinite(q->scores[b][k * q->classes + c]);
        return sound && is_number(q->boxes[b][k]);
    };
    const auto worth = [&](std::size_t b, std::size_t k, const row4& t, int label) {
        if (!q) return naive::iou<T>(s.priors[k], t);
        const double x = q->scores[b][k * q->classes + static_cast<std::size_t>(label)];
        const double o = naive::iou<double>(q->boxes[b][k], t);
        return static_cast<T>(std::pow(1 / (1 + std::exp(-x)), 1 - a.alpha) * std::pow(o, a.alpha));
    };
    return naive::atss<T>(s, levels_number(i, s.size()), static_cast<std::size_t>(a.topk), a.ignore_iof_thr, sane,
                          worth, clear, 1e-5);
}

/// Task-aligned assignment with a number: rules in the text's order, with IoU so that metrics are exact.
template <class Rules>
using task = assigner::task_aligned<Rules, boxgrad::overlap::iou>;
template <class Rules>
task<Rules> task_number(unsigned i) {
    task<Rules> a;
    const int topk[] = {13, 1, 2, 5, 60};
    const double alpha[] = {1, 0.5, 0, 2, 3};
    const double beta[] = {6, 1, 0.5, 0, 2, 6};
    const int topk2[] = {0, 0, 1, 0, 3, 7};
    a.topk = topk[i % 5];
    a.alpha = alpha[i % 5];
    a.beta = beta[i % 6];
    a.topk2 = topk2[i % 6];
    a.reg_max = i % 3 == 1 ? 1.5 : 0;
    a.small_side = i % 4 == 2 ? 12 : 0;
    a.grown_side = i % 4 == 2 ? 16.5 : 0;
    return a;
}
template <class Rules, class O>
naive::task_rules rules_of(const assigner::task_aligned<Rules, O>& a) {
    return {static_cast<std::size_t>(a.topk),
            a.alpha,
            a.beta,
            static_cast<std::size_t>(a.topk2),
            a.reg_max,
            a.small_side,
            a.grown_side,
            Rules::margin,
            Rules::score_eps,
            Rules::inside_first,
            Rules::among_all};
}
template <class B, class A>
naive::task_answer assign_task(const B& b, const A& a, const place_scene& s, const naive::predictions& q) {
    const auto r =
        a.assign(b, s.tensor(b), boxes_tensor(b, q), scores_tensor(b, q), s.truths<typename B::scalar>(), drop);
    const auto metric = test::to_host<2>(b, r.metric);
    const auto score = test::to_host<2>(b, r.score);
    return {answer_of(b, r), {metric.begin(), metric.end()}, {score.begin(), score.end()}};
}
/// Compares; false where rounding may decide.
template <class B, class A>
bool agrees(const B& b, const A& a, const place_scene& s, const naive::predictions& q) {
    using T = typename B::scalar;
    const auto e = naive::task_aligned<T>(
        s, q, rules_of(a), [](const row4& p, const row4& t) { return naive::iou<T>(t, p); }, 1e-4);
    const bool exact = a.alpha != 0.25;
    if (!exact && !e.clear) return false;
    const auto r = assign_task(b, a, s, q);
    CHECK(r.assigned == e.assigned);
    bool close = r.metric.size() == e.metric.size() && r.score.size() == e.score.size();
    for (std::size_t k = 0; close && k < e.metric.size(); ++k) {
        close = std::abs(r.metric[k] - e.metric[k]) <= 1e-5 * e.metric[k] &&
                std::abs(r.score[k] - e.score[k]) <= 1e-5 * e.score[k];
    }
    CHECK(close);
    return true;
}

/// Points with strides in place of boxes, some of them far.
inline place_scene points_number(unsigned i) {
    place_scene s = place_number(i);
    for (std::size_t k = 0; k < s.size(); ++k) {
        row4& p = s.priors[k];
        if (!is_number(p)) continue;
        p[2] = p[3] = k % 2 == 0 ? 8 : 16;
        if (k % 5 == 0) p[3] = 4;
    }
    return s;
}

}  // namespace test
