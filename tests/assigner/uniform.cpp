// SPDX-License-Identifier: Apache-2.0
//
// YOLOF's nearest predictions and priors against sorted lists of all of them.
#include "catch.hpp"
#include "place_scene.hpp"

#include <boxgrad/assigner/uniform.hpp>

namespace {

using test::place_scene;
using test::row4;
namespace assigner = boxgrad::assigner;

/// An assignment with its entries.
struct answer : test::place_answer {
    std::vector<std::int32_t> prior;
    std::vector<std::uint8_t> good;
    std::vector<double> predicted, target, best;
};

assigner::uniform assigner_number(unsigned i) {
    const double pos[] = {0.15, 0.05, 0.3};
    const double neg[] = {0.7, 0.37, 0.23};
    return {.pos_ignore_thr = pos[i % 3],
            .neg_ignore_thr = neg[i % 2 + (i / 2) % 2],
            .match_times = 1 + static_cast<int>(i % 5),
            .ignore_iof_thr = i % 4 == 0 ? 0.0 : 0.43};
}

/// Predictions of every image: the priors, moved by quarters of pixels.
std::vector<row4> predictions(const place_scene& s, unsigned seed) {
    std::mt19937_64 random(seed);
    std::vector<row4> rows;
    for (std::size_t b = 0; b < s.images.size(); ++b) {
        for (row4 p : s.priors) {
            for (double& x : p) x += 0.25 * static_cast<double>(random() % 13);
            if (seed % 6 == 1 && random() % 9 == 0) p[random() % 4] = std::nan("");
            rows.push_back(p);
        }
    }
    return rows;
}

answer naive(const assigner::uniform& a, const place_scene& s, const std::vector<row4>& predicted, bool& clear) {
    answer e;
    test::careful tell;
    const auto times = static_cast<std::size_t>(a.match_times);
    for (std::size_t b = 0; b < s.images.size(); ++b) {
        const auto& image = s.images[b];
        const row4* const q = predicted.data() + b * s.size();
        std::vector<std::int32_t> truth(s.size(), assigner::background);
        std::vector<bool> free(s.size());
        const std::size_t rows = image.truths.size();
        for (std::size_t k = 0; k < s.size(); ++k) {
            free[k] = test::is_number(s.priors[k]) && test::is_number(q[k]);
            if (!free[k]) {
                ++e.nonfinite;
                continue;
            }
            for (const row4& t : image.truths) {
                if (test::is_box(t) && tell.above(test::naive_iou(q[k], t), a.neg_ignore_thr))
                    truth[k] = assigner::ignored;
            }
            for (const row4& r : image.regions) {
                if (a.ignore_iof_thr > 0 && tell.above(test::naive_iof(s.priors[k], r), a.ignore_iof_thr)) {
                    truth[k] = assigner::ignored;
                    free[k] = false;
                }
            }
        }
        const std::size_t first = e.prior.size();
        e.prior.resize(first + 2 * times * rows, -1);
        e.good.resize(first + 2 * times * rows, 0);
        e.predicted.resize(4 * e.prior.size());
        e.target.resize(4 * e.prior.size());
        for (std::size_t g = 0; g < rows; ++g) {
            const row4& t = image.truths[g];
            double best = 0;
            for (int side = 0; side < 2 && test::is_box(t); ++side) {
                std::vector<std::pair<double, std::size_t>> list;
                for (std::size_t k = 0; k < s.size(); ++k) {
                    const row4& x = side == 0 ? q[k] : s.priors[k];
                    if (!free[k]) continue;
                    best = std::max(best, test::naive_iou(s.priors[k], t));
                    list.emplace_back(
                        std::abs(x[0] + x[2] - t[0] - t[2]) / 2 + std::abs(x[1] + x[3] - t[1] - t[3]) / 2 +
                            std::abs((x[2] - x[0]) - (t[2] - t[0])) + std::abs((x[3] - x[1]) - (t[3] - t[1])),
                        k);
                }
                std::sort(list.begin(), list.end());
                for (std::size_t k = 0; k < times; ++k) {
                    const std::size_t at = first + (2 * k + static_cast<std::size_t>(side)) * rows + g;
                    std::copy(t.begin(), t.end(), e.target.begin() + static_cast<std::ptrdiff_t>(4 * at));
                    if (k < list.size()) e.prior[at] = static_cast<std::int32_t>(list[k].second);
                }
            }
            e.best.push_back(best);
        }
        for (std::size_t at = first; at < e.prior.size(); ++at) {
            if (e.prior[at] < 0) continue;
            const auto k = static_cast<std::size_t>(e.prior[at]);
            const std::size_t g = (at - first) % rows;
            e.good[at] = tell.above(test::naive_iou(s.priors[k], image.truths[g]), a.pos_ignore_thr) ? 1 : 0;
            truth[k] = e.good[at] != 0 ? static_cast<std::int32_t>(g) : assigner::ignored;
            std::copy(q[k].begin(), q[k].end(), e.predicted.begin() + static_cast<std::ptrdiff_t>(4 * at));
        }
        for (std::size_t k = 0; k < s.size(); ++k) {
            e.overlap.push_back(
                truth[k] < 0 ? 0 : test::naive_iou(s.priors[k], image.truths[static_cast<std::size_t>(truth[k])]));
        }
        e.truth.insert(e.truth.end(), truth.begin(), truth.end());
    }
    e.count(s);
    clear = tell.clear;
    return e;
}

template <class B>
answer assign(const B& b, const assigner::uniform& a, const place_scene& s, const std::vector<row4>& predicted) {
    using T = typename B::scalar;
    std::vector<T> flat;
    for (const row4& r : predicted) {
        for (const double x : r) flat.push_back(static_cast<T>(x));
    }
    const auto n = static_cast<test::index>(s.size());
    const auto q = test::from_host(b, test::extents<3>{{static_cast<test::index>(s.images.size()), n, 4}}, flat);
    const auto r = a.assign(b, s.tensor(b), q, s.truths<T>(), boxgrad::bad_truth::drop);
    const auto numbers = [](const std::vector<T>& v) { return std::vector<double>(v.begin(), v.end()); };
    return {test::answer_of(b, r),
            test::to_host<1>(b, r.pos_prior),
            test::to_host<1>(b, r.pos_idx),
            numbers(test::to_host<2>(b, r.pos_predicted_boxes)),
            numbers(test::to_host<2>(b, r.target_boxes)),
            numbers(test::to_host<1>(b, r.truth_overlap))};
}

template <class B>
bool agrees(const B& b, unsigned i) {
    INFO("scene " << i);
    const auto s = test::place_number(i);
    const auto q = predictions(s, i);
    bool clear = false;
    const auto e = naive(assigner_number(i), s, q, clear);
    if (!clear) return false;
    using T = typename B::scalar;
    const auto r = assign(b, assigner_number(i), s, q);
    CHECK(test::agree<T>(r, e));
    CHECK(r.prior == e.prior);
    CHECK(r.good == e.good);
    CHECK(r.predicted == e.predicted);
    CHECK(r.target == e.target);
    bool close = r.best.size() == e.best.size();
    for (std::size_t g = 0; close && g < e.best.size(); ++g) {
        close = test::near(static_cast<T>(r.best[g]), static_cast<T>(e.best[g]));
    }
    CHECK(close);
    return true;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("uniform is what sorted lists say, on every backend", "[assigner]", test::backends) {
    int told = 0;
    for (unsigned i = 0; i < 60; ++i) told += agrees(TestType{}, i) ? 1 : 0;
    CHECK(told > 35);
}

TEST_CASE("uniform is what sorted lists say: many scenes", "[assigner]") {
    int told = 0;
    for (unsigned i = 100; i < 900; ++i) {
        told += agrees(boxgrad::memory<double>{}, i) ? 1 : 0;
        told += agrees(boxgrad::memory<float>{}, i) ? 1 : 0;
    }
    CHECK(told > 1000);
}

TEST_CASE("uniform: an image alone as in a batch; a permutation of priors; strangers change nothing",
          "[assigner][property]") {
    const boxgrad::memory<double> b;
    for (unsigned i = 0; i < 100; ++i) {
        // Predictions that follow from priors alone.
        const auto run = [&](const place_scene& x) {
            std::vector<row4> q;
            for (std::size_t k = 0; k < x.images.size(); ++k) {
                for (const row4& p : x.priors) q.push_back({p[0] + 1.5, p[1] - 2, p[2] + 2, p[3] - 1});
            }
            return static_cast<test::place_answer>(assign(b, assigner_number(i), x, q));
        };
        CHECK(test::same_alone(test::place_number(3 * i + 2), run));
        auto s = test::smooth_place(i, 40, 2);
        for (const row4& x : test::strangers()) CHECK(test::same_beside(s, x, run));
        for (auto& image : s.images) image.truths.resize(1), image.labels.resize(1);  // entries have an order of truths
        CHECK(test::same_reversed(s, run));
    }
}

TEST_CASE("uniform: the last entry of a prior counts, and truths that are dropped keep their place", "[assigner]") {
    const boxgrad::memory<double> b;
    boxgrad::truth_list<double> t;
    t.add_image({{0, 0, 10, 10}, {5, 5, 5, 9}, {2, 0, 12, 10}}, {0, 1, 2});
    const auto priors = test::rows(b, 4, {1, 0, 11, 10});
    const auto r = assigner::uniform{.match_times = 2}.assign(b, priors, priors, t, boxgrad::bad_truth::drop);
    CHECK(test::to_host(b, r.truth) == std::vector<std::int32_t>{2});
    CHECK(test::to_host(b, r.pos_prior) == std::vector<std::int32_t>{0, -1, 0, 0, -1, 0, -1, -1, -1, -1, -1, -1});
    CHECK(test::to_host(b, r.pos_idx) == std::vector<std::uint8_t>{1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0});
    CHECK(test::to_host(b, r.truth_overlap)[1] == 0);
    CHECK(r.dropped_truths == 1);
    // Too little of an overlap: ignored, whatever it was.
    const auto none = assigner::uniform{.pos_ignore_thr = 0.9}.assign(b, priors, priors, t, boxgrad::bad_truth::drop);
    CHECK(test::to_host(b, none.truth) == std::vector<std::int32_t>{assigner::ignored});
}

TEMPLATE_TEST_CASE("P22 uniform's scratch is the documented formula", "[assigner][promise]", boxgrad::memory<float>,
                   boxgrad::reference<double>) {
    using T = typename TestType::scalar;
    for (unsigned i = 0; i < 20; ++i) {
        counted::byte_counter<TestType> b;
        test::index bytes = 0;
        b.bytes = &bytes;
        const auto s = test::smooth_place(i, i * 9, 1);
        const auto priors = s.tensor(b);
        const auto t = s.truths<T>();
        const auto a = assigner_number(i);
        bytes = 0;
        a.assign(b, priors, priors, t);
        const auto n = static_cast<test::index>(s.size());
        const auto scalar = static_cast<test::index>(sizeof(T));
        const test::index entries = 2 * a.match_times * t.size();
        CHECK(bytes == t.images() * n * (scalar + 4) + entries * (9 * scalar + 9) + t.size() * (scalar + 12) +
                           16 * t.images() + 8 + test::truth_bytes(t));
    }
}

TEST_CASE("uniform refuses what it cannot mean, before it writes", "[assigner][errors]") {
    const boxgrad::memory<float> b;
    boxgrad::truth_list<float> t;
    t.add_image({{0, 0, 1, 1}}, {0});
    const auto priors = test::rows(b, 4, {0, 0, 1, 1});
    CHECK_THROWS_WITH((assigner::uniform{.match_times = 0}.assign(b, priors, priors, t)),
                      "uniform::assign: match_times must be positive, got 0");
    CHECK_THROWS_AS((assigner::uniform{.pos_ignore_thr = std::nan("")}.assign(b, priors, priors, t)),
                    boxgrad::config_error);
    CHECK_THROWS_AS((assigner::uniform{.neg_ignore_thr = std::nan("")}.assign(b, priors, priors, t)),
                    boxgrad::config_error);
    CHECK_THROWS_AS(assigner::uniform{}.assign(b, priors, test::rows(b, 4, {0, 0, 1, 1, 0, 0, 1, 1}), t),
                    boxgrad::shape_error);
    CHECK_THROWS_AS(assigner::uniform{}.assign(b, test::rows(b, 3, {0, 0, 1}), priors, t), boxgrad::shape_error);
    t.add_image({{1, 0, 1, 1}}, {0});
    CHECK_THROWS_AS(assigner::uniform{}.assign(b, priors, priors, t), boxgrad::shape_error);  // a matrix for two
    t.offsets.pop_back();
    t.boxes.pop_back();
    t.labels.pop_back();
    t.ignored_offsets.pop_back();
    t.boxes[0] = {1, 0, 1, 1};
    CHECK_THROWS_AS(assigner::uniform{}.assign(b, priors, priors, t), boxgrad::gt_error);
}
