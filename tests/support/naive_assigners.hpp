// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Assignment by largest overlap and by picks, written down a second time as N x G matrices, without regard to
/// speed. Overlaps are of the scalar T that is tested: coordinates are quarters of pixels, so that areas are exact
/// and an overlap is rounded once, here and there alike.

#include "place_scene.hpp"

#include <boxgrad/assigner/result.hpp>

#include <functional>

namespace test {

namespace naive {

using boxgrad::assigner::background;
using boxgrad::assigner::ignored;

template <class T>
T shared_side(T a1, T a2, T b1, T b2) {
    return std::max(T(0), std::min(a2, b2) - std::max(a1, b1));
}
template <class T>
T area(const row4& r) {
    return static_cast<T>(std::max(0.0, r[2] - r[0]) * std::max(0.0, r[3] - r[1]));
}
template <class T>
T intersection(row4 a, row4 b) {
    for (row4* r : {&a, &b}) {
        (*r)[2] = std::max((*r)[0], (*r)[2]);
        (*r)[3] = std::max((*r)[1], (*r)[3]);
    }
    return static_cast<T>(shared_side(a[0], a[2], b[0], b[2]) * shared_side(a[1], a[3], b[1], b[3]));
}
template <class T>
T iou(const row4& a, const row4& b) {
    const T i = intersection<T>(a, b);
    return i / std::max(area<T>(a) + area<T>(b) - i, static_cast<T>(1e-6));
}
template <class T>
T iof(const row4& a, const row4& b) {
    return intersection<T>(a, b) / std::max(area<T>(a), static_cast<T>(1e-6));
}
template <class T>
T giou(const row4& a, const row4& b) {
    const T joint = std::max(area<T>(a) + area<T>(b) - intersection<T>(a, b), static_cast<T>(1e-6));
    const row4 around{std::min(a[0], b[0]), std::min(a[1], b[1]), std::max({a[0], a[2], b[2]}),
                      std::max({a[1], a[3], b[3]})};
    const T hull = std::max(area<T>(around), static_cast<T>(1e-6));
    return intersection<T>(a, b) / joint - (hull - joint) / hull;
}

/// What is said of the priors of one image.
struct prior_states {
    std::vector<bool> sane, in_region;
};
/// Appends an image's result, and counts.
inline void append(place_answer& a, const std::vector<std::int32_t>& truth, const std::vector<double>& overlap) {
    a.truth.insert(a.truth.end(), truth.begin(), truth.end());
    a.overlap.insert(a.overlap.end(), overlap.begin(), overlap.end());
}
/// The truths of an image that are boxes.
inline std::vector<std::size_t> kept(const place_image& image) {
    std::vector<std::size_t> rows;
    for (std::size_t g = 0; g < image.truths.size(); ++g) {
        if (is_box(image.truths[g])) rows.push_back(g);
    }
    return rows;
}
template <class T>
bool in_a_region(const place_image& image, const row4& prior, double threshold, bool of_prior = true) {
    if (!(threshold > 0)) return false;
    return std::any_of(image.regions.begin(), image.regions.end(), [&](const row4& r) {
        return (of_prior ? iof<T>(prior, r) : iof<T>(r, prior)) > static_cast<T>(threshold);
    });
}

enum class low { none, reassign, label_only };

/// Rules of assignment by largest overlap.
template <class T>
struct overlap_rules {
    std::function<T(std::size_t i, const row4& prior, const row4& truth)> overlap;
    std::function<std::int32_t(T m, bool responsible)> state;  ///< 0: positive
    std::function<bool(T)> counts;                             ///< M(g) for low quality
    low quality = low::reassign;
    bool all = true;
    double ignore_iof_thr = -1;
    bool of_prior = true;
    std::int32_t without_truths = background;
    std::vector<bool> sane = {};         ///< by prior; empty: as its numbers say
    std::vector<bool> responsible = {};  ///< by image and prior; empty: all are
};

template <class T>
place_answer by_overlap(const place_scene& s, const overlap_rules<T>& rules) {
    place_answer e;
    const std::size_t n = s.size();
    for (std::size_t b = 0; b < s.images.size(); ++b) {
        const place_image& image = s.images[b];
        const auto rows = kept(image);
        std::vector<std::vector<T>> o(n, std::vector<T>(rows.size()));
        std::vector<std::int32_t> truth(n, background);
        std::vector<double> overlap(n, 0.0);
        std::vector<bool> open(n, true), may(n, true);
        std::vector<std::int32_t> best(n, 0);
        for (std::size_t i = 0; i < n; ++i) {
            may[i] = rules.responsible.empty() || rules.responsible[b * n + i];
            if (!(rules.sane.empty() ? is_number(s.priors[i]) : rules.sane[i])) {
                open[i] = false;
                ++e.nonfinite;
            } else if (in_a_region<T>(image, s.priors[i], rules.ignore_iof_thr, rules.of_prior)) {
                open[i] = false;
                truth[i] = ignored;
            }
            if (!open[i]) continue;
            for (std::size_t k = 0; k < rows.size(); ++k)
                o[i][k] = rules.overlap(i, s.priors[i], image.truths[rows[k]]);
            if (rows.empty()) {
                truth[i] = rules.without_truths;
                continue;
            }
            const auto most = std::max_element(o[i].begin(), o[i].end());
            best[i] = static_cast<std::int32_t>(most - o[i].begin());
            if (may[i]) overlap[i] = static_cast<double>(*most);
            const std::int32_t state = rules.state(*most, may[i]);
            truth[i] = state < 0 ? state : best[i];
        }
        for (std::size_t k = 0; k < rows.size() && rules.quality != low::none; ++k) {
            T most = -std::numeric_limits<T>::infinity();
            for (std::size_t i = 0; i < n; ++i) {
                if (open[i] && may[i]) most = std::max(most, o[i][k]);
            }
            if (!(most > 0) || !rules.counts(most)) continue;
            for (std::size_t i = 0; i < n; ++i) {
                if (!open[i] || !may[i] || o[i][k] != most) continue;
                if (rules.quality == low::reassign) truth[i] = static_cast<std::int32_t>(k);
                if (rules.quality == low::label_only && truth[i] < 0) truth[i] = best[i];
                if (!rules.all) break;
            }
        }
        for (std::int32_t& t : truth) t = t < 0 ? t : static_cast<std::int32_t>(rows[static_cast<std::size_t>(t)]);
        append(e, truth, overlap);
    }
    e.count(s);
    return e;
}

/// The K truths of largest overlap of every prior.
template <class T>
place_answer several(const place_scene& s, std::size_t instances, T positive, T negative,
                     const std::function<T(const row4&, const row4&)>& measure) {
    place_answer e;
    for (const place_image& image : s.images) {
        const auto rows = kept(image);
        std::vector<index> of_truth(image.truths.size(), 0);
        index positives = 0;
        for (const row4& p : s.priors) {
            std::vector<std::size_t> order(rows.size());
            std::iota(order.begin(), order.end(), std::size_t{0});
            const auto at = [&](std::size_t k) { return measure(p, image.truths[rows[k]]); };
            if (is_number(p))
                std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return at(a) > at(b); });
            T share = 0;
            for (const row4& r : image.regions) share = std::max(share, iof<T>(p, r));
            for (std::size_t k = 0; k < instances; ++k) {
                const bool any = k < order.size() && is_number(p);
                const T o = any ? at(order[k]) : T(0);
                std::int32_t t = o < negative ? background : ignored;
                if (o < positive && share > o && share >= positive) t = ignored;
                if (any && o >= positive) t = static_cast<std::int32_t>(rows[order[k]]);
                if (!is_number(p)) t = background;
                e.truth.push_back(t);
                e.overlap.push_back(static_cast<double>(o));
                if (t < 0) continue;
                ++positives;
                ++of_truth[static_cast<std::size_t>(t)];
            }
            e.nonfinite += is_number(p) ? 0 : 1;
        }
        e.positives.push_back(positives);
        e.truth_positives.insert(e.truth_positives.end(), of_truth.begin(), of_truth.end());
        e.dropped += static_cast<index>(image.truths.size() - rows.size());
    }
    return e;
}

/// Predictions of an image: a box and a score of each class for every prior.
struct predictions {
    std::vector<std::vector<row4>> boxes;     // [B][N]
    std::vector<std::vector<double>> scores;  // [B][N * C]
    std::size_t classes = 1;
};

/// ATSS. `worth`(b, i, truth, label) is what stands for the overlap. `clear` is set to false where rounding may
/// decide, by less than `slack`.
template <class T>
place_answer atss(const place_scene& s, const std::vector<std::size_t>& levels, std::size_t topk, double ignore_iof_thr,
                  const std::function<bool(std::size_t b, std::size_t i)>& sane,
                  const std::function<T(std::size_t b, std::size_t i, const row4& truth, int label)>& worth,
                  bool& clear, double slack) {
    place_answer e;
    const std::size_t n = s.size();
    for (std::size_t b = 0; b < s.images.size(); ++b) {
        const place_image& image = s.images[b];
        std::vector<std::int32_t> truth(n, background);
        std::vector<double> overlap(n, 0.0);
        std::vector<bool> open(n, true);
        for (std::size_t i = 0; i < n; ++i) {
            if (!sane(b, i)) {
                open[i] = false;
                ++e.nonfinite;
            } else if (in_a_region<T>(image, s.priors[i], ignore_iof_thr)) {
                open[i] = false;
                truth[i] = ignored;
            }
        }
        for (const std::size_t g : kept(image)) {
            const row4& t = image.truths[g];
            const auto centre = [](const row4& r) { return std::array{(r[0] + r[2]) / 2, (r[1] + r[3]) / 2}; };
            const auto c = centre(t);
            std::vector<std::size_t> candidates;
            std::size_t first = 0;
            for (const std::size_t level : levels) {
                std::vector<std::size_t> near_by;
                for (std::size_t i = first; i < first + level; ++i) {
                    if (open[i]) near_by.push_back(i);
                }
                const auto distance = [&](std::size_t i) {
                    const auto p = centre(s.priors[i]);
                    return (p[0] - c[0]) * (p[0] - c[0]) + (p[1] - c[1]) * (p[1] - c[1]);
                };
                std::stable_sort(near_by.begin(), near_by.end(),
                                 [&](auto x, auto y) { return distance(x) < distance(y); });
                if (near_by.size() > topk) near_by.resize(topk);
                candidates.insert(candidates.end(), near_by.begin(), near_by.end());
                first += level;
            }
            if (candidates.empty()) continue;
            std::vector<T> values;
            for (const std::size_t i : candidates) values.push_back(worth(b, i, t, image.labels[g]));
            long double mean = 0, deviation = 0;
            for (const T v : values) mean += static_cast<long double>(v);
            mean /= static_cast<long double>(values.size());
            for (const T v : values)
                deviation += (static_cast<long double>(v) - mean) * (static_cast<long double>(v) - mean);
            if (values.size() > 1) deviation = std::sqrt(deviation / static_cast<long double>(values.size() - 1));
            const bool equal = std::all_of(values.begin(), values.end(), [&](T v) { return v == values[0]; });
            const double threshold = equal ? static_cast<double>(values[0]) : static_cast<double>(mean + deviation);
            for (std::size_t k = 0; k < candidates.size(); ++k) {
                const std::size_t i = candidates[k];
                const auto v = static_cast<double>(values[k]);
                const auto p = centre(s.priors[i]);
                const double inside = std::min({p[0] - t[0], p[1] - t[1], t[2] - p[0], t[3] - p[1]});
                if (!equal && std::abs(v - threshold) < slack) clear = false;
                if (v < threshold || !(inside > 0.01)) continue;
                if (truth[i] >= 0 && v != overlap[i] && std::abs(v - overlap[i]) < slack) clear = false;
                if (truth[i] >= 0 && !(v > overlap[i])) continue;
                truth[i] = static_cast<std::int32_t>(g);
                overlap[i] = v;
            }
        }
        append(e, truth, overlap);
    }
    e.count(s);
    return e;
}

/// Parameters of task-aligned assignment, written once more.
struct task_rules {
    std::size_t topk = 13;
    double alpha = 1, beta = 6;
    std::size_t topk2 = 0;
    double reg_max = 0, small_side = 0, grown_side = 0;
    double margin = 0.01, eps = 1e-7;
    bool inside_first = false, among_all = false;
};
struct task_answer {
    place_answer assigned;
    std::vector<double> metric, score;
    bool clear = true;
};

/// `measure`(box, truth) is the overlap, clamped to 0 here. Points are x, y, strides.
template <class T>
task_answer task_aligned(const place_scene& s, const predictions& q, const task_rules& r,
                         const std::function<T(const row4&, const row4&)>& measure, double slack) {
    task_answer a;
    const std::size_t n = s.size();
    for (std::size_t b = 0; b < s.images.size(); ++b) {
        const place_image& image = s.images[b];
        const auto rows = kept(image);
        const std::size_t m = rows.size();
        std::vector<std::int32_t> truth(n, background);
        std::vector<bool> open(n, true);
        std::vector<std::vector<T>> o(m, std::vector<T>(n)), metric = o;
        std::vector<std::vector<bool>> in(m, std::vector<bool>(n)), picked = in;
        const auto score = [&](std::size_t i, std::size_t c) { return q.scores[b][i * q.classes + c]; };
        for (std::size_t i = 0; i < n; ++i) {
            bool sound = is_number(s.priors[i]) && is_number(q.boxes[b][i]);
            for (std::size_t c = 0; c < q.classes; ++c) sound = sound && std::isfinite(score(i, c));
            if (!sound) {
                open[i] = false;
                ++a.assigned.nonfinite;
            } else if (std::any_of(image.regions.begin(), image.regions.end(),
                                   [&](const row4& x) { return holds(x, s.priors[i][0], s.priors[i][1]); })) {
                open[i] = false;
                truth[i] = ignored;
            }
        }
        for (std::size_t k = 0; k < m; ++k) {
            const row4& t = image.truths[rows[k]];
            row4 reach = t;
            for (std::size_t axis = 0; axis < 2; ++axis) {
                if (!(t[axis + 2] - t[axis] < r.small_side)) continue;
                const double middle = (t[axis] + t[axis + 2]) / 2;
                reach[axis] = middle - r.grown_side / 2;
                reach[axis + 2] = middle + r.grown_side / 2;
            }
            std::vector<std::size_t> order;
            for (std::size_t i = 0; i < n; ++i) {
                if (!open[i]) continue;
                const row4& p = s.priors[i];
                const auto least = std::min({p[0] - reach[0], p[1] - reach[1], reach[2] - p[0], reach[3] - p[1]});
                const double across = std::max(p[0] - t[0], t[2] - p[0]);
                const double down = std::max(p[1] - t[1], t[3] - p[1]);
                in[k][i] =
                    least > r.margin && (r.reg_max == 0 || (across <= r.reg_max * p[2] && down <= r.reg_max * p[3]));
                o[k][i] = std::max(T(0), measure(q.boxes[b][i], t));
                const T x = static_cast<T>(std::max(0.0, score(i, static_cast<std::size_t>(image.labels[rows[k]]))));
                // Whole powers as products and the square root are the same to the bit; others are not.
                const auto power = [](T base, double p2) {
                    if (p2 == 0.5) return std::sqrt(base);
                    if (p2 != std::floor(p2) || p2 > 8) return static_cast<T>(std::pow(base, static_cast<T>(p2)));
                    T y = 1;
                    for (int j = 0; j < static_cast<int>(p2); ++j) y *= base;
                    return y;
                };
                metric[k][i] = power(x, r.alpha) * power(o[k][i], r.beta);
                if (metric[k][i] > 0 && (in[k][i] || !r.inside_first)) order.push_back(i);
            }
            std::stable_sort(order.begin(), order.end(), [&](auto x, auto y) { return metric[k][x] > metric[k][y]; });
            if (order.size() > r.topk) {
                const auto last = static_cast<double>(metric[k][order[r.topk - 1]]);
                const auto next = static_cast<double>(metric[k][order[r.topk]]);
                if (last != next && last - next <= slack * last) a.clear = false;
                order.resize(r.topk);
            }
            for (const std::size_t i : order) picked[k][i] = in[k][i];
        }
        std::vector<double> overlap(n, 0.0);
        std::vector<T> of_positive(n, T(0));
        for (std::size_t i = 0; i < n; ++i) {
            std::vector<std::size_t> takers;
            for (std::size_t k = 0; k < m; ++k) {
                if (picked[k][i]) takers.push_back(k);
            }
            if (takers.empty()) continue;
            if (takers.size() > 1 && r.among_all) {
                takers.clear();
                for (std::size_t k = 0; k < m; ++k) {
                    if (in[k][i]) takers.push_back(k);
                }
            }
            std::size_t k = takers[0];
            for (const std::size_t x : takers) {
                const double gap = std::abs(static_cast<double>(o[x][i] - o[k][i]));
                if (gap > 0 && gap <= slack) a.clear = false;
                if (o[x][i] > o[k][i]) k = x;
            }
            truth[i] = static_cast<std::int32_t>(k);
            overlap[i] = static_cast<double>(o[k][i]);
            of_positive[i] = metric[k][i];
        }
        std::vector<T> target(n, T(0));
        for (std::size_t k = 0; k < m; ++k) {
            std::vector<std::size_t> mine;
            for (std::size_t i = 0; i < n; ++i) {
                if (truth[i] == static_cast<std::int32_t>(k)) mine.push_back(i);
            }
            std::stable_sort(mine.begin(), mine.end(), [&](auto x, auto y) { return of_positive[x] > of_positive[y]; });
            for (std::size_t j = r.topk2 == 0 ? mine.size() : r.topk2; j < mine.size(); ++j) {
                const auto gap = static_cast<double>(of_positive[mine[r.topk2 - 1]] - of_positive[mine[j]]);
                if (gap > 0 && gap <= slack * static_cast<double>(of_positive[mine[j]])) a.clear = false;
                truth[mine[j]] = background;
                overlap[mine[j]] = 0;
                of_positive[mine[j]] = 0;
            }
            T most_metric = 0, most_overlap = 0;
            for (std::size_t i = 0; i < n; ++i) {
                if (truth[i] != static_cast<std::int32_t>(k)) continue;
                most_metric = std::max(most_metric, of_positive[i]);
                most_overlap = std::max(most_overlap, o[k][i]);
            }
            for (std::size_t i = 0; i < n; ++i) {
                if (truth[i] == static_cast<std::int32_t>(k))
                    target[i] = of_positive[i] * most_overlap / (most_metric + static_cast<T>(r.eps));
            }
        }
        for (std::int32_t& t : truth) t = t < 0 ? t : static_cast<std::int32_t>(rows[static_cast<std::size_t>(t)]);
        append(a.assigned, truth, overlap);
        for (std::size_t i = 0; i < n; ++i) {
            a.metric.push_back(static_cast<double>(of_positive[i]));
            a.score.push_back(static_cast<double>(target[i]));
        }
    }
    a.assigned.count(s);
    return a;
}

}  // namespace naive

/// A scene for overlaps: as place_number, with some priors turned inside out and some equal to a truth.
inline place_scene overlap_number(unsigned i) {
    place_scene s = place_number(i);
    place_maker m(i + 7919, 1);
    for (row4& p : s.priors) {
        if (m.random() % 16 == 0) std::swap(p[0], p[2]);
        const place_image& image = s.images[m.random() % s.images.size()];
        if (m.random() % 8 == 0 && !image.truths.empty()) p = image.truths[m.random() % image.truths.size()];
    }
    return s;
}
/// The numbers of rows as T, one after another.
template <class T>
std::vector<T> flat_of(const std::vector<row4>& rows) {
    std::vector<T> flat;
    for (const row4& r : rows) {
        for (const double x : r) flat.push_back(static_cast<T>(x));
    }
    return flat;
}
/// What was said of scene `s` with priors and truths in reverse order, in the order of `s`.
inline place_answer turned_back(place_answer a, const place_scene& s) {
    auto truth = a.truth.begin();
    auto overlap = a.overlap.begin();
    auto of_truth = a.truth_positives.begin();
    const auto n = static_cast<std::ptrdiff_t>(s.size());
    for (const place_image& image : s.images) {
        const auto last = static_cast<std::int32_t>(image.truths.size()) - 1;
        for (auto t = truth; t != truth + n; ++t) *t = *t < 0 ? *t : last - *t;
        std::reverse(truth, truth + n);
        std::reverse(overlap, overlap + n);
        std::reverse(of_truth, of_truth + last + 1);
        truth += n;
        overlap += n;
        of_truth += last + 1;
    }
    return a;
}
/// `n` priors in a batch of images, with regions.
inline place_scene many_places(unsigned seed, std::size_t n, std::size_t images, std::size_t truths,
                               double step = 0.25) {
    place_maker m(seed, step);
    place_scene s;
    for (std::size_t k = 0; k < n; ++k) s.priors.push_back(m.box(32, 96));
    for (std::size_t b = 0; b < images; ++b) {
        place_image image;
        for (std::size_t g = 0; g < truths; ++g) {
            image.truths.push_back(m.box(48, 64));
            image.labels.push_back(static_cast<int>(m.random() % 3));
        }
        image.regions.push_back(m.box(24, 96));
        s.images.push_back(image);
    }
    return s;
}

}  // namespace test
