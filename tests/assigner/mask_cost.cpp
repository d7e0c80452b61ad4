// SPDX-License-Identifier: Apache-2.0
//
// Every cost of masks against its formula in long double.
#include "catch.hpp"
#include "naive_costs.hpp"

#include <boxgrad/assigner/mask_cost.hpp>

namespace {

using namespace boxgrad::assigner;
using test::wide;

}  // namespace

TEMPLATE_LIST_TEST_CASE("mask costs are their formulas on every backend", "[assigner]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    std::mt19937 random(7);
    for (const std::size_t queries : {std::size_t{0}, std::size_t{1}, std::size_t{5}, std::size_t{17}}) {
        for (const std::size_t pixels : {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{130}}) {
            const std::size_t truths = random() % 20;
            std::vector<T> mask;
            std::vector<std::uint8_t> truth;
            for (std::size_t k = 0; k < queries * pixels; ++k)
                mask.push_back(static_cast<T>(std::ldexp(static_cast<double>(random() % 4096), -8) - 8));
            for (std::size_t k = 0; k < truths * pixels; ++k)
                truth.push_back(static_cast<std::uint8_t>(random() % 2 * (1 + random() % 255)));
            const auto at = [](std::size_t n) { return static_cast<boxgrad::index>(n); };
            const auto m = test::from_host(b, test::extents<2>{{at(queries), at(pixels)}}, mask);
            const auto t = test::from_host(b, test::extents<2>{{at(truths), at(pixels)}}, truth);
            const boxgrad::memory<T> plain;
            const auto plain_m = test::from_host(plain, test::extents<2>{{at(queries), at(pixels)}}, mask);
            const auto plain_t = test::from_host(plain, test::extents<2>{{at(truths), at(pixels)}}, truth);
            // f(x, set) is summed over pixels into three sums; finish makes the cost of them.
            const auto check = [&](const auto& cost, auto f, auto finish) {
                const auto got = test::to_host<2>(b, mask_costs(b, cost, m, t));
                std::vector<T> want;
                for (std::size_t q = 0; q < queries; ++q) {
                    for (std::size_t g = 0; g < truths; ++g) {
                        std::array<wide, 3> sum{};
                        for (std::size_t k = 0; k < pixels; ++k) {
                            const auto x = f(static_cast<wide>(mask[q * pixels + k]), truth[g * pixels + k] != 0);
                            for (std::size_t j = 0; j < 3; ++j) sum[j] += x[j];
                        }
                        want.push_back(static_cast<T>(finish(sum)));
                    }
                }
                CHECK(test::near(got, want, 64));
                CHECK(got == test::to_host<2>(plain, mask_costs(plain, cost, plain_m, plain_t)));
            };
            const auto mean = [&](const std::array<wide, 3>& s) { return 1.5L * s[0] / static_cast<wide>(pixels); };
            check(
                cross_entropy_loss_cost{.weight = 1.5},
                [](wide x, bool set) { return std::array<wide, 3>{test::naive_softplus(set ? -x : x)}; }, mean);
            check(
                focal_loss_cost{.weight = 1.5},
                [](wide x, bool set) { return std::array<wide, 3>{test::naive_focal(x, set, 0.25L, 2, 1e-12L)}; },
                mean);
            check(
                dice_cost{.weight = 2, .pred_act = true, .eps = 1},
                [](wide x, bool set) {
                    const wide p = test::naive_sigmoid(x);
                    return std::array<wide, 3>{set ? p : 0, p, set ? wide(1) : wide(0)};
                },
                [](const auto& s) { return 2 * (1 - (2 * s[0] + 1) / (s[1] + s[2] + 1)); });
            check(
                dice_cost{.pred_act = true, .naive_dice = false},
                [](wide x, bool set) {
                    const wide p = test::naive_sigmoid(x);
                    return std::array<wide, 3>{set ? p : 0, p * p, set ? wide(1) : wide(0)};
                },
                [](const auto& s) { return 1 - (2 * s[0] + 1e-3L) / (s[1] + s[2] + 1e-3L); });
        }
    }
}

TEST_CASE("dice_cost without pred_act takes probabilities", "[assigner]") {
    const boxgrad::memory<double> b;
    boxgrad::shaped<double, 2> m(boxgrad::extents<2>{{1, 4}});
    m.data = {0.5, 0.25, 1, 0};
    boxgrad::shaped<std::uint8_t, 2> t(boxgrad::extents<2>{{1, 4}});
    t.data = {1, 0, 1, 0};
    CHECK(mask_costs(b, dice_cost{.eps = 0.25}, m, t)(0, 0) == Approx(1 - 3.25 / 4));
}

TEST_CASE("mask costs refuse what they cannot use", "[assigner][errors]") {
    const boxgrad::memory<double> b;
    const boxgrad::shaped<double, 2> masks(boxgrad::extents<2>{{2, 9}});
    const boxgrad::shaped<std::uint8_t, 2> truths(boxgrad::extents<2>{{3, 8}});
    CHECK_THROWS_WITH(mask_costs(b, dice_cost{}, masks, truths), "mask_costs: truths must be [*, 9], got [3, 8]");
    CHECK_THROWS_AS(mask_costs(b, dice_cost{.eps = 0}, masks, truths), boxgrad::config_error);
    CHECK_THROWS_WITH(mask_costs(b, cross_entropy_loss_cost{.weight = boxgrad::infinity<double>}, masks, truths),
                      "mask_costs: weight must be finite, got inf");
}
