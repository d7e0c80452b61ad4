// SPDX-License-Identifier: Apache-2.0
//
// The balancing policies: shares of truths and of bins of overlap, how often each candidate comes, and what
// must hold whatever the numbers.
#include "catch.hpp"
#include "images.hpp"

#include <boxgrad/sampler/instance_balanced_pos.hpp>
#include <boxgrad/sampler/iou_balanced_neg.hpp>
#include <boxgrad/sampler/random.hpp>

#include <cmath>
#include <map>
#include <set>

namespace {

namespace sampler = boxgrad::sampler;
using memory = boxgrad::memory<double>;
const memory b;

/// An image of priors with the given rows and overlaps.
test::assigned_batch<memory> priors_of(const std::vector<std::int32_t>& truth, const std::vector<double>& overlap,
                                       std::size_t truths) {
    test::assigned_image<double> x{truth, overlap, std::vector<double>(4 * truth.size()), {}, {}};
    for (std::size_t g = 0; g < truths; ++g) {
        x.boxes.push_back({0, 0, 1, 1});
        x.labels.push_back(0);
    }
    return test::batch_of(b, {x});
}

/// Positives of each truth.
std::map<boxgrad::index, int> shares(const sampler::result<memory>& r) {
    std::map<boxgrad::index, int> n;
    for (const auto g : test::to_host<1>(b, r.pos_assigned_gt_inds)) ++n[g];
    return n;
}

}  // namespace

TEST_CASE("instance_balanced_pos takes round(n / truths) + 1 of each truth, halves to even", "[sampler]") {
    std::vector<std::int32_t> truth(20, 0);
    truth.insert(truth.end(), 20, 1);
    truth.insert(truth.end(), 2, 2);
    truth.insert(truth.end(), 30, boxgrad::assigner::background);
    const auto x = priors_of(truth, std::vector<double>(truth.size()), 3);
    std::set<std::map<boxgrad::index, int>> seen;
    for (std::uint64_t i = 0; i < 300; ++i) {
        const auto sample = [&](boxgrad::index num) {
            const sampler::instance_balanced_pos s{.num = 2 * num, .pos_fraction = 0.5, .add_gt_as_proposals = false};
            const auto r = std::move(s.sample(b, x.assignment, x.priors, x.truths, {i}).front());
            const auto pos = test::to_host<1>(b, r.pos_inds);
            CHECK(std::set<boxgrad::index>(pos.begin(), pos.end()).size() == static_cast<std::size_t>(num));
            CHECK(r.negatives == std::min<boxgrad::index>(num, 30));
            return shares(r);
        };
        auto n = sample(9);  // 4 of the first two, 2 of the third: 10, one too many
        CHECK((n[0] == 4 || n[0] == 3));
        CHECK((n[1] == 4 || n[1] == 3));
        CHECK((n[2] == 2 || n[2] == 1));
        seen.insert(n);
        n = sample(24);  // 9, 9, 2 and four more of the first two
        CHECK(n[2] == 2);
        CHECK((n[0] >= 9 && n[1] >= 9));
    }
    CHECK(seen.size() == 3);  // each truth was the one to lose

    std::fill(truth.begin() + 40, truth.begin() + 42, boxgrad::assigner::background);
    const auto two = priors_of(truth, std::vector<double>(truth.size()), 2);
    for (const auto& [n, each] : {std::pair(5, 3), std::pair(7, 5), std::pair(8, 5)}) {  // 2.5 -> 2, 3.5 -> 4, 4
        int most = 0;
        for (std::uint64_t i = 0; i < 100; ++i) {
            const sampler::instance_balanced_pos s{.num = n, .pos_fraction = 1, .add_gt_as_proposals = false};
            const auto r = std::move(s.sample(b, two.assignment, two.priors, two.truths, {i}).front());
            for (const auto& [g, count] : shares(r)) most = std::max(most, count);
        }
        CHECK(most == each);
    }
}

TEST_CASE("iou_balanced_neg takes as many of each bin, whatever was asked before", "[sampler][promise]") {
    // 20 of overlap 0, 10 of each of 0.1, 0.2, ..., 0.6; the largest overlap is 0.9, a positive's.
    std::vector<std::int32_t> truth{0};
    std::vector<double> overlap{0.9};
    for (int k = 0; k < 7; ++k) {
        for (int n = 0; n < (k == 0 ? 20 : 10); ++n) {
            truth.push_back(boxgrad::assigner::background);
            overlap.push_back(k / 10.0);
        }
    }
    const auto x = priors_of(truth, overlap, 1);
    struct range {
        int low, high;
    };
    const auto check = [&](const sampler::pick::iou_balanced& p, boxgrad::index num, const std::vector<range>& bounds) {
        const sampler::iou_balanced_neg s{
            .num = num, .pos_fraction = 0, .add_gt_as_proposals = false, .neg_sampler = p};
        for (std::uint64_t i = 0; i < 200; ++i) {
            const auto r = std::move(s.sample(b, x.assignment, x.priors, x.truths, {i}).front());
            CHECK(r.negatives == std::min<boxgrad::index>(num, 80));
            std::vector<int> n(7, 0);
            for (const auto row : test::to_host<1>(b, r.neg_inds)) {
                ++n[static_cast<std::size_t>(overlap[static_cast<std::size_t>(row)] * 10 + 0.5)];
            }
            const std::vector<int> bins{n[0] + n[1] + n[2], n[3] + n[4] + n[5], n[6], n[0]};
            for (std::size_t k = 0; k < bounds.size(); ++k) {
                CHECK((bins[k] >= bounds[k].low && bins[k] <= bounds[k].high));
            }
        }
    };
    // Bins [0, 0.3), [0.3, 0.6), [0.6, 0.9): 5 of each, on every call (the reference's second call leaves 0 out).
    check({}, 15, {{5, 5}, {5, 5}, {5, 5}, {0, 5}});
    // 14 of each, but the last bin has 10: 4 of any.
    check({}, 42, {{14, 18}, {14, 18}, {10, 10}});
    // floor_thr = 0 leaves 0 for the floor's part: int(20 / 2) = 10 binned, 3 of each and one more; 10 of the floor.
    check({.floor_thr = 0, .floor_fraction = 0.5}, 20, {{13, 14}, {3, 4}, {3, 4}, {10, 10}});
    // Below 0.25: 10 of the floor; bins from 0.25 on, (0.9 - 0.25) / 2 wide: [0.25, 0.575), [0.575, 0.9).
    check({.floor_thr = 0.25, .floor_fraction = 0.5, .num_bins = 2}, 20, {{10, 10}, {5, 5}, {5, 5}});
    // One bin: nothing of the floor.
    check({.floor_thr = 0.25, .num_bins = 1}, 20, {{0, 0}, {0, 20}, {0, 10}});
    // More than the binned have: 40, and 20 of the floor's.
    check({.floor_thr = 0.25}, 60, {{20, 20}, {30, 30}, {10, 10}});
    check({.floor_thr = 0.25}, 600, {{40, 40}, {30, 30}, {10, 10}});
    // Everything in the floor's part that is no more than half: the rest is of any.
    check({.floor_thr = 0.95, .floor_fraction = 0}, 30, {{0, 30}, {0, 30}, {0, 10}});
}

TEST_CASE("Within a bin and within a truth every candidate comes as often", "[sampler]") {
    std::vector<std::int32_t> truth(8, 0);
    truth.insert(truth.end(), 4, 1);
    std::vector<double> overlap(12, 0.9);
    for (int n = 0; n < 12; ++n) {
        truth.push_back(boxgrad::assigner::background);
        overlap.push_back(n < 8 ? 0.1 : 0.5);
    }
    const auto x = priors_of(truth, overlap, 2);
    const sampler::combined<sampler::pick::instance_balanced, sampler::pick::iou_balanced> s{
        .num = 8, .pos_fraction = 0.5, .add_gt_as_proposals = false, .neg_sampler = {.num_bins = 2}};
    std::vector<int> count(24, 0);
    constexpr int runs = 40000;
    for (std::uint64_t i = 0; i < runs; ++i) {
        const auto kept = test::to_host<2>(b, s.subsample(b, x.assignment, {1, i}));
        for (std::size_t k = 0; k < kept.size(); ++k) count[k] += kept[k] == boxgrad::assigner::ignored ? 0 : 1;
    }
    // 3 of each truth, then 4 of these 6; 2 of each bin: bins [0, 0.45) and [0.45, 0.9).
    for (std::size_t k = 0; k < 24; ++k) {
        const bool few = k % 12 >= 8;
        const double p = few ? 0.5 : 0.25;
        CHECK(std::abs(count[k] - p * runs) < 5.5 * std::sqrt(runs * p * (1 - p)));
    }
}

TEST_CASE("Sizes, ratio, disjoint picks, and nothing changes", "[sampler][promise]") {
    using pair = sampler::combined<sampler::pick::instance_balanced, sampler::pick::iou_balanced>;
    for (unsigned i = 0; i < 300; ++i) {
        const auto image = test::random_image<double>(i, i % 70, i % 5);
        const auto x = test::batch_of(b, {image, image});
        const pair s{.num = static_cast<boxgrad::index>(i % 41),
                     .pos_fraction = (i % 7) / 6.0,
                     .neg_pos_ub = i % 3 == 0 ? -1 : i % 4 / 2.0,
                     .add_gt_as_proposals = i % 2 == 0,
                     .neg_sampler = {.floor_thr = static_cast<double>(i % 5) / 8 - 0.125,
                                     .floor_fraction = (i % 4) / 3.0,
                                     .num_bins = 1 + static_cast<int>(i % 4)}};
        const auto results = s.sample(b, x.assignment, x.priors, x.truths, {i});
        const auto again = s.sample(b, x.assignment, x.priors, x.truths, {i});
        const auto alone = test::batch_of(b, {image});
        const auto second = s.sample(b, alone.assignment, alone.priors, alone.truths, sampler::seed{i}.of_image(1));
        CHECK(test::on_host(b, results[1]) == test::on_host(b, second[0]));
        for (std::size_t k = 0; k < 2; ++k) {
            const auto r = test::on_host(b, results[k]);
            CHECK(r == test::on_host(b, again[k]));
            const auto added = s.add_gt_as_proposals ? static_cast<boxgrad::index>(image.boxes.size()) : 0;
            const auto state = [&](boxgrad::index row) {
                return row < added ? 0 : image.truth[static_cast<std::size_t>(row - added)];
            };
            const auto all_pos =
                added + std::count_if(image.truth.begin(), image.truth.end(), [](int g) { return g >= 0; });
            const auto all_neg = std::count(image.truth.begin(), image.truth.end(), -1);
            const auto pos = std::min<boxgrad::index>(
                static_cast<boxgrad::index>(static_cast<double>(s.num) * s.pos_fraction), all_pos);
            auto neg = std::min<boxgrad::index>(s.num - pos, all_neg);
            if (s.neg_pos_ub >= 0) {
                neg = std::min<boxgrad::index>(
                    neg,
                    static_cast<boxgrad::index>(s.neg_pos_ub * static_cast<double>(std::max<boxgrad::index>(pos, 1))));
            }
            CHECK(r.positives == pos);
            CHECK(r.negatives == neg);
            for (const auto& picks : {r.pos, r.neg})
                CHECK(std::adjacent_find(picks.begin(), picks.end(), std::greater_equal<>{}) == picks.end());
            for (const auto row : r.pos) CHECK(state(row) >= 0);
            for (const auto row : r.neg) CHECK(state(row) == -1);
            CHECK(results[k].avg_factor() == std::max<boxgrad::index>(pos, 1) + std::max<boxgrad::index>(neg, 1));
        }
        const auto fresh = test::batch_of(b, {image, image});
        CHECK(test::to_host<2>(b, x.assignment.truth) == test::to_host<2>(b, fresh.assignment.truth));
        CHECK(test::to_host<2>(b, x.assignment.overlap) == test::to_host<2>(b, fresh.assignment.overlap));
        CHECK(test::to_host<3>(b, x.priors) == test::to_host<3>(b, fresh.priors));
        CHECK(x.truths.boxes == fresh.truths.boxes);
    }
}
