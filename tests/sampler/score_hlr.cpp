// SPDX-License-Identifier: Apache-2.0
//
// score_hlr against groups that are found by search; what samplers refuse.
#include "catch.hpp"
#include "images.hpp"

#include <boxgrad/sampler/instance_balanced_pos.hpp>
#include <boxgrad/sampler/iou_balanced_neg.hpp>
#include <boxgrad/sampler/ohem.hpp>
#include <boxgrad/sampler/pseudo.hpp>
#include <boxgrad/sampler/random.hpp>
#include <boxgrad/sampler/score_hlr.hpp>

#include <cmath>
#include <map>

namespace {

namespace sampler = boxgrad::sampler;

struct detections {
    std::vector<double> scores, losses;
    std::vector<std::array<double, 4>> boxes;
};

detections random_detections(unsigned seed, std::size_t n) {
    std::mt19937 r(seed);
    detections d;
    for (std::size_t i = 0; i < n; ++i) {
        d.scores.push_back(static_cast<double>(r() % 17) / 16);
        d.losses.push_back(static_cast<double>(r() % 9) / 4);
        const auto x = static_cast<double>(r() % 12);
        const auto y = static_cast<double>(r() % 3);
        d.boxes.push_back({x, y, x + 4, y + 1 + static_cast<double>(r() % 4)});
    }
    return d;
}

double iou(const std::array<double, 4>& a, const std::array<double, 4>& b) {
    const double w = std::max(0.0, std::min(a[2], b[2]) - std::max(a[0], b[0]));
    const double h = std::max(0.0, std::min(a[3], b[3]) - std::max(a[1], b[1]));
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h);
}

/// The weight of every negative that is picked of a pool.
std::map<boxgrad::index, double> naive(const sampler::score_hlr& s, const detections& d,
                                       const std::vector<boxgrad::index>& pool, boxgrad::index n,
                                       const sampler::seed& seed) {
    const auto score = [&](boxgrad::index i) { return d.scores[static_cast<std::size_t>(i)]; };
    const auto at = [&](boxgrad::index i) { return d.boxes[static_cast<std::size_t>(i)]; };
    std::vector<boxgrad::index> valid;
    std::vector<boxgrad::index> invalid;
    for (const auto i : pool) {
        const bool finite = std::abs(at(i)[0]) < 1e9 && std::abs(at(i)[2]) < 1e9;
        (score(i) > s.score_thr && finite ? valid : invalid).push_back(i);
    }
    std::map<boxgrad::index, boxgrad::index> leader;
    for (std::size_t left = valid.size(); left > 0;) {
        boxgrad::index best = -1;
        for (const auto i : valid) {
            if (!leader.count(i) && (best < 0 || score(i) > score(best))) best = i;
        }
        for (const auto i : valid) {
            if (leader.count(i) || (i != best && iou(at(best), at(i)) < s.iou_thr)) continue;
            leader[i] = best;
            --left;
        }
    }
    std::map<boxgrad::index, boxgrad::index> place;
    const auto before = [&](boxgrad::index i, boxgrad::index k) {
        return score(i) > score(k) || (score(i) == score(k) && i < k);
    };
    const auto rank = [&](boxgrad::index i) {
        return std::count_if(valid.begin(), valid.end(),
                             [&](auto k) { return leader[k] == leader[i] && before(k, i); });
    };
    for (const auto i : valid) {
        place[i] = std::count_if(valid.begin(), valid.end(),
                                 [&](auto k) { return rank(k) < rank(i) || (rank(k) == rank(i) && before(k, i)); });
    }
    const auto count = std::clamp<boxgrad::index>(n, 0, static_cast<boxgrad::index>(pool.size()));
    const auto bound = static_cast<double>(std::max(count, static_cast<boxgrad::index>(valid.size())));
    std::map<boxgrad::index, double> weight;
    double least = 1;
    for (const auto i : valid) {
        if (place[i] >= count) continue;
        weight[i] = (bound - static_cast<double>(place[i])) / bound;
        least = std::min(least, weight[i]);
    }
    std::sort(invalid.begin(), invalid.end(), [&](auto i, auto k) { return seed.bits(i, 1) < seed.bits(k, 1); });
    for (const auto i : invalid) {
        if (static_cast<boxgrad::index>(weight.size()) < count) weight[i] = least;
    }
    double sum = 0;
    double scaled = 0;
    for (auto& [i, w] : weight) {
        w = valid.empty() ? 1 : std::pow(s.bias + (1 - s.bias) * w, s.k);
        const double loss = d.losses[static_cast<std::size_t>(i)];
        if (std::isfinite(loss)) sum += loss, scaled += loss * w;
    }
    for (auto& [i, w] : weight) w *= scaled > 0 ? sum / scaled : 1;
    return weight;
}

template <class B>
auto predictions_of(const B& b, const detections& d) {
    using T = typename B::scalar;
    const auto n = static_cast<boxgrad::index>(d.scores.size());
    const auto as_scalar = [](const std::vector<double>& v) { return std::vector<T>(v.begin(), v.end()); };
    std::vector<T> flat;
    for (const auto& r : d.boxes) {
        for (const double x : r) flat.push_back(static_cast<T>(x));
    }
    return sampler::score_hlr_predictions{test::from_host(b, boxgrad::extents<1>{{n}}, as_scalar(d.scores)),
                                          test::from_host(b, boxgrad::extents<2>{{n, 4}}, flat),
                                          test::from_host(b, boxgrad::extents<1>{{n}}, as_scalar(d.losses))};
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("score_hlr is what a search for groups says", "[sampler]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b{};
    const std::size_t sizes[] = {0, 1, 3, 8, 17, 33, 65};
    for (unsigned i = 0; i < 28; ++i) {
        INFO("scene " << i);
        const std::vector<test::assigned_image<T>> list{test::random_image<T>(2 * i, sizes[i % 7], i % 3),
                                                        test::random_image<T>(2 * i + 1, sizes[i % 7], 2)};
        const auto batch = test::batch_of(b, list);
        const sampler::score_hlr s{.num = static_cast<boxgrad::index>(i % 4 * 10),
                                   .pos_fraction = 0.25,
                                   .add_gt_as_proposals = i % 2 == 0,
                                   .k = i % 3 == 0 ? 0.5 : 2.0,
                                   .bias = i % 5 == 0 ? 0.25 : 0.0,
                                   .score_thr = i % 7 == 6 ? 2.0 : 0.3,
                                   .iou_thr = i % 4 == 3 ? 0.3 : 0.5};
        std::vector<detections> found;
        std::vector<decltype(predictions_of(b, detections{}))> predictions;
        for (std::size_t k = 0; k < 2; ++k) {
            found.push_back(
                random_detections(i + 100, list[k].truth.size() + (s.add_gt_as_proposals ? list[k].boxes.size() : 0)));
            if (found[k].scores.size() > 6) {
                found[k].scores[3] = std::numeric_limits<double>::quiet_NaN();
                found[k].boxes[4][2] = std::numeric_limits<double>::infinity();
                found[k].losses[5] = std::numeric_limits<double>::quiet_NaN();
            }
            predictions.push_back(predictions_of(b, found[k]));
        }
        const sampler::seed seed{i, 3};
        const auto results = s.sample(b, batch.assignment, batch.priors, batch.truths, predictions, seed);
        const auto uniform =
            sampler::random{.num = s.num, .pos_fraction = 0.25, .add_gt_as_proposals = s.add_gt_as_proposals}.sample(
                b, batch.assignment, batch.priors, batch.truths, seed);
        for (std::size_t k = 0; k < 2; ++k) {
            const auto r = test::on_host<TestType>(b, results[k]);
            CHECK(r.pos == test::on_host(b, uniform[k]).pos);
            const auto added = static_cast<boxgrad::index>(found[k].scores.size() - list[k].truth.size());
            std::vector<boxgrad::index> pool;
            for (std::size_t n = 0; n < list[k].truth.size(); ++n) {
                if (list[k].truth[n] == boxgrad::assigner::background)
                    pool.push_back(added + static_cast<boxgrad::index>(n));
            }
            const auto want =
                naive(s, found[k], pool, s.num - r.positives, seed.of_image(static_cast<boxgrad::index>(k)));
            std::vector<boxgrad::index> rows;
            std::vector<T> weights;
            for (const auto& [row, w] : want) {
                rows.push_back(row);
                weights.push_back(static_cast<T>(w));
            }
            CHECK(r.neg == rows);
            CHECK(test::near(test::to_host<1>(b, results[k].neg_label_weights), weights, 16));
        }
    }
}

TEST_CASE("score_hlr keeps the sum of the negatives' losses", "[sampler]") {
    const boxgrad::memory<double> b;
    const auto x = test::random_image<double>(5, 60, 2);
    const auto batch = test::batch_of(b, {x});
    const auto d = random_detections(1, 62);
    std::vector<decltype(predictions_of(b, d))> predictions;
    predictions.push_back(predictions_of(b, d));
    const auto r = std::move(sampler::score_hlr{.num = 20}
                                 .sample(b, batch.assignment, batch.priors, batch.truths, predictions, sampler::seed{1})
                                 .front());
    double plain = 0;
    double weighted = 0;
    for (boxgrad::index i = 0; i < r.negatives; ++i) {
        plain += d.losses[static_cast<std::size_t>(r.neg_inds(i))];
        weighted += d.losses[static_cast<std::size_t>(r.neg_inds(i))] * r.neg_label_weights(i);
    }
    CHECK(test::near(plain, weighted));
}

TEST_CASE("What samplers refuse, and what they do with truths that are no boxes", "[sampler][promise]") {
    const boxgrad::memory<double> b;
    const auto x = test::random_image<double>(3, 20, 3);
    const auto batch = test::batch_of(b, {x, x});
    const sampler::seed seed{};
    const auto run = [&](const auto& s) { s.sample(b, batch.assignment, batch.priors, batch.truths, seed); };
    const auto text = [](const auto& f) -> std::string {
        try {
            f();
        } catch (const boxgrad::error& e) {
            return e.what();
        }
        return "";
    };
    CHECK(text([&] { run(sampler::random{.num = -1}); }) == "sampler::sample: num must be from 0 to 2^53, got -1");
    CHECK(text([&] { run(sampler::random{.pos_fraction = 1.5}); }) ==
          "sampler::sample: pos_fraction must be from 0 to 1, got 1.500000");
    CHECK(text([&] { run(sampler::random{.neg_pos_ub = std::nan("")}); }) ==
          "sampler::sample: neg_pos_ub must be a number, got nan");
    CHECK(text([&] { run(sampler::iou_balanced_neg{.neg_sampler = {.num_bins = 0}}); }) ==
          "sampler::sample: num_bins must be positive, got 0");
    CHECK(text([&] { run(sampler::iou_balanced_neg{.neg_sampler = {.floor_fraction = 2}}); }) ==
          "sampler::sample: floor_fraction must be from 0 to 1, got 2.000000");
    CHECK_THROWS_AS(run(sampler::iou_balanced_neg{.neg_sampler = {.floor_thr = std::nan("")}}), boxgrad::config_error);
    CHECK_THROWS_AS((sampler::iou_balanced_neg{.neg_sampler = {.num_bins = -1}}.subsample(b, batch.assignment, seed)),
                    boxgrad::config_error);
    CHECK_THROWS_AS((sampler::random{.num = -1}.subsample(b, batch.assignment, seed)), boxgrad::config_error);
    run(sampler::random{.num = boxgrad::index{1} << 53, .pos_fraction = 1, .neg_pos_ub = 1e300});

    auto fewer = batch.truths;
    fewer.offsets.pop_back();
    CHECK(text([&] { sampler::random{}.sample(b, batch.assignment, batch.priors, fewer, seed); }) ==
          "sampler::sample: truths must be 2 images, got 1");
    auto others = batch.truths;
    others.offsets = {0, 1, 6};
    const std::string row = text([&] { sampler::random{}.sample(b, batch.assignment, batch.priors, others, seed); });
    CHECK(row.find("truth must be a row of 1 truths, got") != std::string::npos);
    CHECK(row.find("of image 0") != std::string::npos);
    const auto short_priors = test::from_host(b, boxgrad::extents<2>{{19, 4}}, std::vector<double>(76));
    CHECK(text([&] { sampler::pseudo{}.sample(b, batch.assignment, short_priors, batch.truths); }) ==
          "pseudo::sample: priors must be 20 rows, got 19");

    // Truths that are no boxes are no proposals.
    auto broken = batch.truths;
    broken.boxes[4] = {5, 5, 5, 9};
    try {
        sampler::random{}.sample(b, batch.assignment, batch.priors, broken, seed);
        FAIL("no error");
    } catch (const boxgrad::gt_error& e) {
        CHECK(e.image == 1);
        CHECK(e.row == 1);
    }
    const auto r = sampler::random{}.sample(b, batch.assignment, batch.priors, broken, seed, boxgrad::bad_truth::drop);
    const auto first = test::on_host(b, r[0]);
    const auto second = test::on_host(b, r[1]);
    CHECK(second.positives == first.positives - 1);
    CHECK(std::count(first.is_gt.begin(), first.is_gt.end(), 1) == 3);
    CHECK(std::count(second.is_gt.begin(), second.is_gt.end(), 1) == 2);
    CHECK(std::vector(second.assigned.begin(), second.assigned.begin() + 2) == std::vector<boxgrad::index>{0, 2});
    sampler::random{.add_gt_as_proposals = false}.sample(b, batch.assignment, batch.priors, broken, seed);

    // Losses and predictions are of the candidates, whether or not they are needed.
    const std::vector<double> ones(23, 1.0);
    const sampler::ohem mine{.num = 1000};
    const auto mined = [&](const auto& losses) {
        return [&] { mine.sample(b, batch.assignment, batch.priors, batch.truths, losses); };
    };
    CHECK(text(mined(std::vector{ones, ones})).empty());
    CHECK(text(mined(std::vector{ones})) == "ohem::sample: losses must be a tensor an image, got 1");
    CHECK(text(mined(std::vector{ones, std::vector<double>(20)})) == "ohem::sample: losses must be [23], got [20]");
    const sampler::ohem few{.num = 4};
    const auto answer = [](const auto&) { return std::vector<double>(1); };
    CHECK_THROWS_AS(few.sample(b, batch.assignment, batch.priors, batch.truths, answer), boxgrad::shape_error);

    const auto d = random_detections(1, 23);
    std::vector<decltype(predictions_of(b, d))> predictions;
    predictions.push_back(predictions_of(b, d));
    const auto ranked = [&](const sampler::score_hlr& s) {
        return [&] { s.sample(b, batch.assignment, batch.priors, batch.truths, predictions, seed); };
    };
    CHECK(text(ranked({})) == "score_hlr::sample: predictions must be 2 images, got 1");
    predictions.push_back(predictions_of(b, random_detections(1, 22)));
    CHECK(text(ranked({})) == "score_hlr::sample: predictions.scores must be [23], got [22]");
    CHECK(text(ranked({.k = -1})) == "score_hlr::sample: k must be at least 0, got -1.000000");
    CHECK(text(ranked({.bias = 2})) == "score_hlr::sample: bias must be from 0 to 1, got 2.000000");
    CHECK(text(ranked({.iou_thr = 0})) == "score_hlr::sample: iou_thr must be positive, got 0.000000");
}
