// SPDX-License-Identifier: Apache-2.0
//
// Samplers that draw, on every backend: literal picks, and a model that is written again.
#include "catch.hpp"
#include "naive.hpp"

#include <boxgrad/sampler/instance_balanced_pos.hpp>
#include <boxgrad/sampler/iou_balanced_neg.hpp>
#include <boxgrad/sampler/pseudo.hpp>
#include <boxgrad/sampler/random.hpp>

namespace {

namespace sampler = boxgrad::sampler;

}  // namespace

TEMPLATE_LIST_TEST_CASE("A seed's picks are these on every backend", "[sampler][promise]", test::backends) {
    const TestType b{};
    const auto x = test::random_image<typename TestType::scalar>(1, 40, 4);
    const auto batch = test::batch_of(b, {x, x});
    const auto check = [&](const auto& s, const test::picks& pos, const test::picks& neg) {
        const auto r = s.sample(b, batch.assignment, batch.priors, batch.truths, sampler::seed{2024, 5});
        CHECK(test::to_host<1>(b, r[1].pos_inds) == pos);
        CHECK(test::to_host<1>(b, r[1].neg_inds) == neg);
    };
    check(sampler::random{.num = 8, .pos_fraction = 0.5}, {0, 16, 18, 26}, {6, 12, 21, 27});
    using balanced = sampler::combined<sampler::pick::instance_balanced, sampler::pick::iou_balanced>;
    check(balanced{.num = 10, .pos_fraction = 0.4}, {0, 2, 18, 35}, {6, 12, 15, 21, 27, 40});
}

TEMPLATE_LIST_TEST_CASE("random, pseudo and subsample are what an order of keys says", "[sampler]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b{};
    for (unsigned i = 0; i < 26; ++i) {
        INFO("scene " << i);
        const auto list = test::images<T>(i);
        const auto batch = test::batch_of(b, list);
        test::quota quota = test::quota_number(i);
        const auto s = quota.given_to(sampler::random{});
        const sampler::seed seed{77 + i, 1000};
        const auto by_bits = [&](std::size_t image, std::uint32_t purpose) {
            return [seed, image, purpose](boxgrad::index x, boxgrad::index y) {
                const auto bits = [&](boxgrad::index r) {
                    return boxgrad::philox4x32({{static_cast<std::uint32_t>(r), purpose << 24,
                                                 static_cast<std::uint32_t>(1000 + image), 0}},
                                               seed.value)
                        .low();
                };
                return bits(x) < bits(y);
            };
        };
        std::vector<test::sampled> drawn;
        std::vector<test::sampled> all;
        std::vector<std::int32_t> thinned;
        for (std::size_t k = 0; k < list.size(); ++k) {
            drawn.push_back(test::picked(list[k], quota, by_bits(k, 0), by_bits(k, 1)));
            all.push_back(test::gathered(list[k], 0, test::where(list[k], [](auto g) { return g >= 0; }),
                                         test::where(list[k], [](auto g) { return g == -1; })));
            auto without = quota;
            without.add_gt_as_proposals = false;
            const test::sampled p = test::picked(list[k], without, by_bits(k, 0), by_bits(k, 1));
            const auto at = thinned.insert(thinned.end(), list[k].truth.size(), boxgrad::assigner::ignored);
            for (const auto r : p.pos) at[r] = list[k].truth[static_cast<std::size_t>(r)];
            for (const auto r : p.neg) at[r] = boxgrad::assigner::background;
        }
        CHECK(test::on_host(b, s.sample(b, batch.assignment, batch.priors, batch.truths, seed)) == drawn);
        CHECK(test::on_host(b, sampler::pseudo{}.sample(b, batch.assignment, batch.priors, batch.truths)) == all);
        CHECK(test::to_host<2>(b, s.subsample(b, batch.assignment, seed)) == thinned);
    }
}
