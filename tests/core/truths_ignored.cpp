// SPDX-License-Identifier: Apache-2.0
//
// Ignored regions and offsets of ground truths: what is taken, dropped and refused.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/core/truths.hpp>

#include <cmath>

namespace {

using list = boxgrad::truth_list<double>;
using rows = std::vector<std::array<double, 4>>;
constexpr auto any_label = boxgrad::detail::any_label;

template <class T = double>
auto upload(const boxgrad::truth_list<T>& t, boxgrad::bad_truth policy = boxgrad::bad_truth::reject) {
    return boxgrad::detail::upload_truths(boxgrad::memory<T>{}, "op", t, t.images(), any_label, policy);
}

}  // namespace

TEST_CASE("regions are listed image by image", "[core]") {
    list t;
    t.add_image({{0, 0, 1, 1}}, {0});
    CHECK(t.ignored_offsets == std::vector<test::index>{0, 0});
    t.add_image({}, {}, {{0, 0, 2, 2}, {0, 0, 3, 3}});
    t.add_image({{0, 0, 4, 4}}, {1});
    t.add_image({}, {}, {{0, 0, 5, 5}});
    CHECK(t.images() == 4);
    CHECK(t.size() == 2);
    CHECK(t.offsets == std::vector<test::index>{0, 1, 1, 2, 2});
    CHECK(t.ignored_offsets == std::vector<test::index>{0, 0, 2, 2, 3});
    const auto d = upload(t);
    CHECK(d.dropped_regions == 0);
    CHECK(test::to_host<1>(boxgrad::memory<double>{}, d.ignored_offset) == std::vector<test::index>{0, 0, 2, 2, 3});
    CHECK(test::to_host<2>(boxgrad::memory<double>{}, d.ignored) ==
          std::vector<double>{0, 0, 0, 0, 0, 0, 2, 3, 5, 2, 3, 5});
}

TEST_CASE("regions come after images that were listed by hand without any", "[core]") {
    list t;
    t.boxes = {{0, 0, 1, 1}};
    t.labels = {3};
    t.offsets = {0, 1, 1};
    const auto none = upload(t);
    CHECK(test::to_host<1>(boxgrad::memory<double>{}, none.ignored_offset) == std::vector<test::index>{0, 0, 0});
    t.add_image({}, {}, {{0, 0, 2, 2}});
    CHECK(t.ignored_offsets == std::vector<test::index>{0, 0, 0, 1});
    CHECK(test::to_host<1>(boxgrad::memory<double>{}, upload(t).ignored_offset) ==
          std::vector<test::index>{0, 0, 0, 1});
}

TEST_CASE("P4 a region that is no box is refused with its image and row, or dropped and counted", "[core][promise]") {
    const double inf = std::numeric_limits<double>::infinity();
    for (const auto& bad :
         rows{{0, 0, 0, 1}, {0, 0, 1, 0}, {2, 0, 1, 1}, {std::nan(""), 0, 1, 1}, {0, 0, inf, 1}, {0, 0, 1, 1e200}}) {
        list t;
        t.add_image({{0, 0, 1, 1}}, {0}, {{0, 0, 1, 1}});
        t.add_image({}, {}, {{0, 0, 2, 2}, bad, {0, 0, 3, 3}});
        try {
            upload(t);
            FAIL_CHECK("no error");
        } catch (const boxgrad::gt_error& e) {
            CHECK(e.image == 1);
            CHECK(e.row == 1);
            CHECK_THAT(e.what(),
                       Catch::Matchers::StartsWith(
                           "op: ignored region of image 1, row 1 must be finite with x1 < x2 and y1 < y2, got ["));
        }
        const auto d = upload(t, boxgrad::bad_truth::drop);
        CHECK(d.dropped == 0);
        CHECK(d.dropped_regions == 1);
        CHECK(test::to_host<1>(boxgrad::memory<double>{}, d.ignored_offset) == std::vector<test::index>{0, 1, 3});
        CHECK(test::to_host<2>(boxgrad::memory<double>{}, d.ignored) ==
              std::vector<double>{0, 0, 0, 0, 0, 0, 1, 2, 3, 1, 2, 3});
    }
}

TEST_CASE("dropped truths leave the others their rows", "[core]") {
    list t;
    t.add_image({{0, 0, 0, 1}, {0, 0, 1, 1}, {5, 0, 1, 1}, {0, 0, 2, 2}}, {4, 5, 6, 7});
    t.add_image({{0, 0, 0, 1}}, {1});
    t.add_image({{0, 0, 3, 3}}, {2});
    const boxgrad::memory<double> b;
    const auto d = upload(t, boxgrad::bad_truth::drop);
    CHECK(d.dropped == 3);
    CHECK(d.size() == 3);
    CHECK(d.images() == 3);
    CHECK(d.kept == std::vector<test::index>{1, 3, 5});
    CHECK(d.host_offset == std::vector<test::index>{0, 2, 2, 3});
    CHECK(test::to_host<1>(b, d.row) == std::vector<std::int32_t>{1, 3, 0});
    CHECK(test::to_host<1>(b, d.label) == std::vector<std::int32_t>{5, 7, 2});
    const auto look = d.look(b);
    CHECK(look.image_of(0) == 0);
    CHECK(look.image_of(1) == 0);
    CHECK(look.image_of(2) == 2);
    CHECK(look.at(2).x2 == 3);
}

TEST_CASE("coordinates beyond the largest are refused in float, not in double", "[core][promise]") {
    boxgrad::truth_list<float> f;
    f.add_image({}, {}, {{0, 0, 1e19F, 1}});
    CHECK_THROWS_AS(upload<float>(f), boxgrad::gt_error);
    list d;
    d.add_image({}, {}, {{0, 0, 1e19, 1}});
    CHECK_NOTHROW(upload(d));
}

TEST_CASE("offsets that do not fit are refused", "[core][errors]") {
    using Catch::Matchers::StartsWith;
    list good;
    good.add_image({{0, 0, 1, 1}}, {0}, {{0, 0, 1, 1}});
    good.add_image({{0, 0, 1, 1}, {0, 0, 2, 2}}, {0, 1}, {{0, 0, 1, 1}});
    CHECK_NOTHROW(upload(good));
    for (const std::vector<test::index>& o :
         {std::vector<test::index>{}, {0}, {0, 2}, {0, 2, 1}, {0, 1, 3, 2}, {1, 1, 2}, {0, -1, 2}}) {
        auto t = good;
        t.ignored_offsets = o;
        CHECK_THROWS_AS(upload(t), boxgrad::shape_error);
        CHECK_THROWS_WITH(upload(t), StartsWith("op: truths must be offsets of ignored regions"));
    }
    for (const std::vector<test::index>& o :
         {std::vector<test::index>{}, {0, 1, 2}, {0, 4, 3}, {1, 2, 3}, {0, -1, 3}}) {
        auto t = good;
        t.offsets = o;
        CHECK_THROWS_AS(upload(t), boxgrad::shape_error);
    }
    auto regions_only = good;
    regions_only.ignored_offsets = {0};
    CHECK_THROWS_AS(upload(regions_only), boxgrad::shape_error);
    auto labels = good;
    labels.labels.pop_back();
    CHECK_THROWS_WITH(upload(labels), StartsWith("op: truths must be a label a box"));
    CHECK_THROWS_AS(list{}.add_image({{0, 0, 1, 1}}, {}), boxgrad::shape_error);
    list negative;
    negative.add_image({{0, 0, 1, 1}}, {-1});
    CHECK_THROWS_WITH(upload(negative), StartsWith("op: label -1 of image 0, row 0 must be in [0, "));
    CHECK_THROWS_WITH(
        boxgrad::detail::upload_truths(boxgrad::memory<double>{}, "op", good, 3, any_label, boxgrad::bad_truth::reject),
        "op: truths must be 3 images, got 2");
}
