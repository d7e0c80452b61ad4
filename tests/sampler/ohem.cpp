// SPDX-License-Identifier: Apache-2.0
//
// Hard example mining on every backend; one image and a batch.
#include "catch.hpp"
#include "naive.hpp"

#include <boxgrad/sampler/ohem.hpp>
#include <boxgrad/sampler/pseudo.hpp>
#include <boxgrad/sampler/random.hpp>

namespace {

namespace sampler = boxgrad::sampler;

}  // namespace

TEMPLATE_LIST_TEST_CASE("ohem takes the largest losses, of equal ones the lower row, NaN last", "[sampler]",
                        test::backends) {
    using T = typename TestType::scalar;
    const TestType b{};
    for (unsigned i = 0; i < 26; ++i) {
        INFO("scene " << i);
        const auto list = test::images<T>(i);
        const auto batch = test::batch_of(b, list);
        const test::quota quota = test::quota_number(i);
        const auto s = quota.given_to(sampler::ohem{.num_classes = 20});
        std::vector<test::assigned_image<T>> candidates;
        std::vector<std::vector<T>> loss;
        std::vector<boxgrad::tensor_t<TestType, T, 1>> losses;
        std::vector<test::sampled> want;
        for (const auto& x : list) {
            candidates.push_back(quota.add_gt_as_proposals ? test::with_truths(x) : x);
            loss.emplace_back();
            for (std::size_t n = 0; n < candidates.back().truth.size(); ++n)
                loss.back().push_back(static_cast<T>(n * 7 % 5));
            if (loss.back().size() > 4) loss.back()[4] = std::numeric_limits<T>::quiet_NaN();
            losses.push_back(test::from_host(b, boxgrad::extents<1>{{candidates.back().size()}}, loss.back()));
            const auto by_loss = [&](boxgrad::index m, boxgrad::index n) {
                const T x1 = loss.back()[static_cast<std::size_t>(m)];
                const T x2 = loss.back()[static_cast<std::size_t>(n)];
                return x1 > x2 || (x1 == x1 && x2 != x2);
            };
            want.push_back(test::picked(x, quota, by_loss, by_loss));
        }
        CHECK(test::on_host(b, s.sample(b, batch.assignment, batch.priors, batch.truths, losses)) == want);

        // A function is asked for the losses of all positives, or negatives, where there is a choice.
        const auto asked = [&](const sampler::ohem_candidates<TestType>& q) {
            const auto image = static_cast<std::size_t>(q.image);
            const auto& c = candidates[image];
            const auto label = test::to_host<1>(b, q.labels);
            const auto box = test::to_host<2>(b, q.boxes);
            std::vector<T> l;
            bool good = true;
            for (const auto row : test::to_host<1>(b, q.indices)) {
                const auto r = static_cast<std::size_t>(row);
                good =
                    good && label[l.size()] == (c.truth[r] < 0 ? 20 : c.labels[static_cast<std::size_t>(c.truth[r])]);
                for (std::size_t j = 0; j < 4; ++j) good = good && box[4 * l.size() + j] == c.priors[4 * r + j];
                l.push_back(loss[image][r]);
            }
            CHECK(good);
            return test::from_host(b, boxgrad::extents<1>{{static_cast<boxgrad::index>(l.size())}}, l);
        };
        CHECK(test::on_host(b, s.sample(b, batch.assignment, batch.priors, batch.truths, asked)) == want);
    }
}

TEMPLATE_TEST_CASE("One image's rows, shared priors and a batch give the same", "[sampler]", boxgrad::memory<double>,
                   boxgrad::testing::archetype<float>) {
    using T = typename TestType::scalar;
    const TestType b{};
    const auto x = test::random_image<T>(9, 33, 3);
    const auto batch = test::batch_of(b, {x, x});
    const sampler::seed seed{4, 9};
    const auto truth = test::from_host(b, boxgrad::extents<1>{{33}}, x.truth);
    const auto priors = test::from_host(b, boxgrad::extents<2>{{33, 4}}, x.priors);
    const auto boxes = test::from_host(b, boxgrad::extents<2>{{3, 4}}, [&] {
        std::vector<T> flat;
        for (const auto& r : x.boxes) flat.insert(flat.end(), r.begin(), r.end());
        return flat;
    }());
    const auto labels =
        test::from_host(b, boxgrad::extents<1>{{3}}, std::vector<std::int64_t>(x.labels.begin(), x.labels.end()));
    const sampler::random s{.num = 10, .pos_fraction = 0.4};
    const auto all = test::on_host(b, s.sample(b, batch.assignment, batch.priors, batch.truths, seed));
    CHECK(all == test::on_host(b, s.sample(b, batch.assignment, priors, batch.truths, seed)));
    CHECK(all[0] == test::on_host(b, s.sample(b, truth, priors, boxes, labels, seed)));
    CHECK(all[1] == test::on_host(b, s.sample(b, truth, priors, boxes, labels, seed.of_image(1))));
    CHECK(all[0] != all[1]);

    std::vector<T> loss(36);
    for (std::size_t i = 0; i < loss.size(); ++i) loss[i] = static_cast<T>(i * 5 % 17);
    const auto losses = test::from_host(b, boxgrad::extents<1>{{36}}, loss);
    const sampler::ohem mine{.num = 10, .pos_fraction = 0.4};
    const auto two = boxgrad::as_const_view<1>(b, losses, "test", "losses");
    const auto both =
        test::on_host(b, mine.sample(b, batch.assignment, batch.priors, batch.truths, std::vector{two, two}));
    CHECK(both[1] == test::on_host(b, mine.sample(b, truth, priors, boxes, labels, losses)));
    CHECK(test::on_host(b, sampler::pseudo{}.sample(b, batch.assignment, priors, batch.truths))[0] ==
          test::on_host(b, sampler::pseudo{}.sample(b, truth, priors, boxes, labels)));
}
