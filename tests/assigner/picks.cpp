// SPDX-License-Identifier: Apache-2.0
//
// Assigners by picks against every pair of prior and truth: atss, task_aligned.
#include "pick_assigners.hpp"

namespace {

using namespace test;

/// Both assigners on scene i. Returns how many comparisons were clear.
template <class B>
int check_all(const B& b, unsigned i) {
    using T = typename B::scalar;
    INFO("scene " << i);
    int told = 0;
    const auto s = test::overlap_number(i);
    const auto a = atss_number(i);
    bool clear = true;
    const auto e = naive_atss<T>(a, i, s, clear);
    if (clear) {
        CHECK(assign_atss(b, a, i, s) == e);
        ++told;
    }
    const auto q = predictions_number(i, s);
    clear = true;
    const auto predicted = naive_atss<T>(a, i, s, clear, &q);
    if (clear) {
        CHECK(test::agree<T>(assign_atss(b, a, i, s, q), predicted));
        ++told;
    }
    const auto points = points_number(i);
    const auto p = predictions_number(i, points);
    told += agrees(b, task_number<assigner::tood_rules>(i), points, p) ? 1 : 0;
    told += agrees(b, task_number<assigner::yolov8_rules>(i), points, p) ? 1 : 0;
    return told;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("assigners by picks are what every pair says, on every backend", "[assigner]", test::backends) {
    int told = 0;
    for (unsigned i = 0; i < 60; ++i) told += check_all(TestType{}, i);
    CHECK(told > 200);
}
TEMPLATE_TEST_CASE("assigners by picks are what every pair says: many scenes", "[assigner]", boxgrad::memory<float>,
                   boxgrad::memory<double>) {
    int told = 0;
    for (unsigned i = 100; i < 600; ++i) told += check_all(TestType{}, i);
    CHECK(told > 1800);
}
