// SPDX-License-Identifier: Apache-2.0
//
// SimOTA against the matrices of support/naive_sim_ota.hpp, and what must hold whatever the numbers.
#include "backends.hpp"
#include "catch.hpp"
#include "naive_sim_ota.hpp"

#include <boxgrad/boxgrad.hpp>

#include <numeric>

namespace {

namespace assigner = boxgrad::assigner;
using test::extents;
using test::scene_lists;

template <class T>
constexpr double slack = sizeof(T) == 4 ? 2e-5 : 1e-10;

template <class B>
struct answer {
    std::vector<std::int32_t> truth;
    std::vector<typename B::scalar> overlap;
    std::vector<boxgrad::index> positives, truth_positives;
    boxgrad::index nonfinite;
    friend bool operator==(const answer&, const answer&) = default;
};

template <class T>
std::vector<T> flat(const std::vector<std::array<T, 4>>& rows) {
    std::vector<T> v;
    for (const auto& r : rows) v.insert(v.end(), r.begin(), r.end());
    return v;
}

template <class B, class Assigner>
answer<B> assign(const B& b, const Assigner& a, const scene_lists<typename B::scalar>& s) {
    const auto n = static_cast<boxgrad::index>(s.size());
    boxgrad::truth_list<typename B::scalar> t;
    t.add_image(s.truths, s.labels);
    const auto priors = test::from_host(b, extents<2>{{n, 4}}, flat(s.priors));
    const auto boxes = test::from_host(b, extents<2>{{n, 4}}, flat(s.boxes));
    const auto scores = test::from_host(b, extents<2>{{n, static_cast<boxgrad::index>(s.classes)}}, s.scores);
    const auto r = a.assign(b, priors, boxes, scores, t);
    return {test::to_host<2>(b, r.truth), test::to_host<2>(b, r.overlap), r.positives, r.truth_positives, r.nonfinite_priors};
}

/// Compares with the matrices; false where the scene is not clear enough to tell.
template <class Rules, class B>
bool agrees(const B& b, const scene_lists<typename B::scalar>& s, const assigner::sim_ota<Rules>& a = {}) {
    using T = typename B::scalar;
    const auto e = test::naive_sim_ota<Rules>(
        s, {a.center_radius, a.iou_weight, a.cls_weight, static_cast<std::size_t>(a.candidate_topk)}, slack<T>);
    if (!e.clear) return false;
    const auto r = assign(b, a, s);
    CHECK(r.truth == e.truth);
    CHECK(r.truth_positives == e.truth_positives);
    CHECK(r.positives[0] == std::accumulate(e.truth_positives.begin(), e.truth_positives.end(), std::ptrdiff_t{0}));
    std::vector<T> overlap;
    for (const double o : e.overlap) overlap.push_back(static_cast<T>(o));
    CHECK(test::near(r.overlap, overlap, 16));
    return true;
}

/// Scenes of all sizes: none, fewer than a pack, not a multiple of it, many; no truths to forty.
template <class T>
scene_lists<T> scene_number(unsigned i) {
    const std::size_t n[] = {0, 1, 2, 3, 5, 7, 8, 9, 15, 17, 31, 33, 63, 65, 100, 127, 130, 257, 300};
    const std::size_t g[] = {1, 2, 3, 5, 8, 13, 20, 40, 0, 4, 6};
    return test::random_scene<T>(i, n[i % std::size(n)], g[i % std::size(g)], 1 + i % 7, i % 3 == 0);
}

using rule_sets = std::tuple<assigner::mmdetection_rules, assigner::megvii_rules, assigner::cjm_rules>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("sim_ota is what its matrices say: three rules, a thousand scenes", "[assigner]", rule_sets) {
    int told = 0;
    int told_float = 0;
    for (unsigned i = 0; i < 1000; ++i) {
        INFO("scene " << i);
        told += agrees<TestType>(boxgrad::memory<double>{}, scene_number<double>(i)) ? 1 : 0;
        told_float += agrees<TestType>(boxgrad::memory<float>{}, scene_number<float>(i)) ? 1 : 0;
        agrees<TestType>(boxgrad::reference<double>{}, scene_number<double>(i));
    }
    CHECK(told > 850);
    CHECK(told_float > 500);
}

TEMPLATE_LIST_TEST_CASE("sim_ota is what its matrices say on every backend", "[assigner]", test::backends) {
    using T = typename TestType::scalar;
    int told = 0;
    for (unsigned i = 1000; i < 1060; ++i) {
        INFO("scene " << i);
        told += agrees<assigner::mmdetection_rules>(TestType{}, scene_number<T>(i)) ? 1 : 0;
    }
    CHECK(told > 25);
}

TEST_CASE("sim_ota's parameters mean what they say", "[assigner]") {
    int told = 0;
    for (unsigned i = 0; i < 300; ++i) {
        const auto s = scene_number<double>(2000 + i);
        assigner::sim_ota<> a;
        a.center_radius = 0.5 + 0.5 * (i % 6);
        a.candidate_topk = 1 + static_cast<int>(i % 14);
        a.iou_weight = i % 4;
        a.cls_weight = i % 3;
        told += agrees(boxgrad::memory<double>{}, s, a) ? 1 : 0;
    }
    CHECK(told > 200);
}

TEST_CASE("P17 dead predictions are as if absent, and the others' overlaps keep their bits", "[assigner][promise]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double inf = std::numeric_limits<double>::infinity();
    const boxgrad::memory<double> b;
    const assigner::sim_ota<> a;
    std::mt19937_64 random(3);
    for (unsigned i = 0; i < 300; ++i) {
        INFO("scene " << i);
        const auto clean = scene_number<double>(3000 + i);
        scene_lists<double> spoilt = clean;
        scene_lists<double> without = clean;
        without.priors.clear();
        without.boxes.clear();
        without.scores.clear();
        std::vector<std::size_t> rest;
        boxgrad::index spoilt_boxes = 0;
        for (std::size_t k = 0; k < clean.size(); ++k) {
            const auto row = clean.scores.begin() + static_cast<std::ptrdiff_t>(k * clean.classes);
            if (random() % 4 == 0) {
                const double bad[] = {nan, inf, -inf, 0x1p501};
                if (random() % 2 == 0) {
                    spoilt.boxes[k][random() % 4] = bad[random() % 4];
                    ++spoilt_boxes;
                } else {
                    spoilt.scores[k * clean.classes + random() % clean.classes] = random() % 2 == 0 ? nan : inf;
                }
                continue;
            }
            rest.push_back(k);
            without.priors.push_back(clean.priors[k]);
            without.boxes.push_back(clean.boxes[k]);
            without.scores.insert(without.scores.end(), row, row + static_cast<std::ptrdiff_t>(clean.classes));
        }
        const auto r = assign(b, a, spoilt);
        const auto e = assign(b, a, without);
        CHECK(r.nonfinite >= spoilt_boxes);
        CHECK(r.truth_positives == e.truth_positives);
        std::vector<std::int32_t> truth(clean.size(), assigner::background);
        std::vector<double> overlap(clean.size(), 0.0);
        for (std::size_t k = 0; k < rest.size(); ++k) {
            truth[rest[k]] = e.truth[k];
            overlap[rest[k]] = e.overlap[k];
        }
        CHECK(r.truth == truth);
        CHECK(r.overlap == overlap);
    }
}

TEMPLATE_LIST_TEST_CASE("sim_ota follows a permutation of priors and of truths", "[assigner][property]", rule_sets) {
    const boxgrad::memory<double> b;
    const assigner::sim_ota<TestType> a;
    int told = 0;
    for (unsigned i = 0; i < 200; ++i) {
        INFO("scene " << i);
        const auto s = scene_number<double>(4000 + i);
        if (!test::naive_sim_ota<TestType>(s, {a.center_radius}, slack<double>).clear) continue;
        std::mt19937_64 random(i);
        std::vector<std::size_t> to(s.size());
        std::iota(to.begin(), to.end(), std::size_t{0});
        std::shuffle(to.begin(), to.end(), random);
        auto moved = s;
        for (std::size_t k = 0; k < s.size(); ++k) {
            moved.priors[to[k]] = s.priors[k];
            moved.boxes[to[k]] = s.boxes[k];
            std::copy_n(s.scores.begin() + static_cast<std::ptrdiff_t>(k * s.classes), s.classes,
                        moved.scores.begin() + static_cast<std::ptrdiff_t>(to[k] * s.classes));
        }
        const auto e = assign(b, a, s);
        const auto r = assign(b, a, moved);
        bool same = r.truth_positives == e.truth_positives;
        for (std::size_t k = 0; k < s.size(); ++k) same = same && r.truth[to[k]] == e.truth[k] && r.overlap[to[k]] == e.overlap[k];
        // Prices of pairs apart are not numbers under cjm's rules, so all are equal and the order decides.
        if (!std::is_same_v<TestType, assigner::cjm_rules>) CHECK(same);

        if (s.truths.empty() || std::is_same_v<TestType, assigner::cjm_rules>) continue;
        ++told;
        auto turned = s;
        std::reverse(turned.truths.begin(), turned.truths.end());
        std::reverse(turned.labels.begin(), turned.labels.end());
        const auto last = static_cast<std::int32_t>(s.truths.size()) - 1;
        auto renamed = assign(b, a, turned);
        for (auto& t : renamed.truth) t = t < 0 ? t : last - t;
        std::reverse(renamed.truth_positives.begin(), renamed.truth_positives.end());
        CHECK(renamed == e);
    }
    CHECK((told > 100 || std::is_same_v<TestType, assigner::cjm_rules>));
}

TEST_CASE("sim_ota: a prior far away changes nothing, and no more positives than asked for", "[assigner][property]") {
    const boxgrad::memory<double> b;
    const assigner::sim_ota<> a;
    bool fewer = false;
    for (unsigned i = 0; i < 300; ++i) {
        INFO("scene " << i);
        const auto s = scene_number<double>(5000 + i);
        const auto e = assign(b, a, s);
        const auto n = test::naive_sim_ota<assigner::mmdetection_rules>(s, {a.center_radius}, slack<double>);
        const auto wanted = static_cast<boxgrad::index>(std::accumulate(n.wanted.begin(), n.wanted.end(), std::size_t{0}));
        if (n.clear) {
            CHECK(e.positives[0] <= wanted);
            fewer = fewer || e.positives[0] < wanted;
        }
        for (const std::int32_t t : e.truth) CHECK((t >= assigner::background && t < static_cast<std::int32_t>(s.truths.size())));

        auto far = s;
        const std::size_t at = s.size() / 2;
        const auto row = static_cast<std::ptrdiff_t>(at);
        far.priors.insert(far.priors.begin() + row, {1e6, 1e6, 8, 8});
        far.boxes.insert(far.boxes.begin() + row, {0, 0, 30, 30});
        far.scores.insert(far.scores.begin() + static_cast<std::ptrdiff_t>(at * s.classes), s.classes, 0.9);
        auto r = assign(b, a, far);
        CHECK(r.truth[at] == assigner::background);
        r.truth.erase(r.truth.begin() + row);
        r.overlap.erase(r.overlap.begin() + row);
        CHECK(r == e);
    }
    CHECK(fewer);  // truths do compete for priors in these scenes
}
