// SPDX-License-Identifier: Apache-2.0
//
// approx_max_iou and multi_instance against every pair of prior and truth.
#include "catch.hpp"
#include "overlap_assigners.hpp"

namespace {

using namespace test;

template <class B>
void check_all(const B& b, unsigned i) {
    using T = typename B::scalar;
    INFO("scene " << i);
    const auto s = test::overlap_number(i);
    const auto a = max_iou_number(i);
    const std::size_t each = 1 + i % 3;
    CHECK(assign_approx(b, a, s, each) == test::naive::by_overlap(s, approx_rules<T>(a, s, each)));
    const auto k = several_number(i);
    CHECK(assign_several(b, k, s) == test::naive::several<T>(s, static_cast<std::size_t>(k.num_instance),
                                                             static_cast<T>(k.pos_iou_thr),
                                                             static_cast<T>(k.neg_iou_thr), test::naive::iou<T>));
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("approx_max_iou and multi_instance are what every pair says, on every backend", "[assigner]",
                        test::backends) {
    for (unsigned i = 0; i < 60; ++i) check_all(TestType{}, i);
}

TEMPLATE_TEST_CASE("approx_max_iou and multi_instance are what every pair says: many scenes", "[assigner]",
                   boxgrad::memory<float>, boxgrad::memory<double>) {
    for (unsigned i = 100; i < 700; ++i) check_all(TestType{}, i);
}
