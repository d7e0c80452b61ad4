// SPDX-License-Identifier: Apache-2.0
//
// Ignored regions in YOLOX's loss: priors in them enter nothing, whatever is predicted there.
#include "catch.hpp"
#include "scene.hpp"

namespace {

/// Centres of cells of strides 8, 16, 32 over 64 x 96 pixels, in the order of priors.
std::vector<std::array<double, 2>> centres() {
    std::vector<std::array<double, 2>> c;
    for (const int s : {8, 16, 32}) {
        for (int y = 0; y < 64 / s; ++y) {
            for (int x = 0; x < 96 / s; ++x) c.push_back({(x + 0.5) * s, (y + 0.5) * s});
        }
    }
    return c;
}

template <class T>
bool within(const std::array<double, 2>& p, const std::array<T, 4>& r) {
    return p[0] > static_cast<double>(r[0]) && p[0] < static_cast<double>(r[2]) && p[1] > static_cast<double>(r[1]) &&
           p[1] < static_cast<double>(r[3]);
}

/// Adds a region to every image.
template <class T>
boxgrad::truth_list<T> with_regions(const boxgrad::truth_list<T>& t, const std::array<T, 4>& region) {
    boxgrad::truth_list<T> r = t;
    r.ignored_offsets = {0};
    for (boxgrad::index i = 0; i < t.images(); ++i) {
        r.ignored.push_back(region);
        r.ignored_offsets.push_back(static_cast<boxgrad::index>(r.ignored.size()));
    }
    return r;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("priors in an ignored region enter nothing: no objectness, no gradient, no positive", "[head]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const boxgrad::yolox_loss<> loss{.classes = 3};
    const auto c = centres();
    const std::array<T, 4> region{10, 6, 52, 40};
    for (unsigned seed = 0; seed < 3; ++seed) {
        auto h = test::random_head<T>(seed, 3, 3);
        const auto truths = with_regions(test::random_truths<T>(seed, {4, 0, 7}, 3), region);
        const auto e = test::evaluate(b, loss, h, truths);
        // Objectness of the ignored priors alone, image by image; the gradient's order is classes, boxes, objectness.
        std::size_t classes_and_boxes = 0;
        for (std::size_t l = 0; l < 3; ++l) classes_and_boxes += h.classes(l).size() + h.boxes(l).size();
        std::size_t prior = 0;
        std::size_t at = classes_and_boxes;
        double sum = 0;
        int some = 0;
        for (std::size_t l = 0; l < 3; ++l) {
            const std::size_t cells = h.objectness(l).size() / 3;
            for (std::size_t i = 0; i < 3; ++i) {
                for (std::size_t k = 0; k < cells; ++k, ++at) {
                    const auto state = e.truth[i * c.size() + prior + k];
                    const bool in = within(c[prior + k], region);
                    CHECK((state == boxgrad::assigner::ignored) == in);
                    CHECK((e.gradient[at] == T(0)) == in);
                    some += in ? 1 : 0;
                    const auto x = static_cast<double>(h.objectness(l)[i * cells + k]);
                    if (!in) sum += std::log1p(std::exp(-std::abs(x))) + std::max(x, 0.0) - (state >= 0 ? x : 0);
                }
            }
            prior += cells;
        }
        CHECK(some > 30);
        CHECK(static_cast<double>(e.value.objectness) == Approx(sum / e.value.normaliser).epsilon(1e-5));

        // What is predicted there does not matter, NaN included.
        auto other = h;
        prior = 0;
        for (std::size_t l = 0; l < 3; ++l) {
            const std::size_t cells = h.objectness(l).size() / 3;
            for (std::size_t i = 0; i < 3; ++i) {
                for (std::size_t k = 0; k < cells; ++k) {
                    if (!within(c[prior + k], region)) continue;
                    other.objectness(l)[i * cells + k] = std::numeric_limits<T>::quiet_NaN();
                    other.boxes(l)[i * 4 * cells + k] = std::numeric_limits<T>::quiet_NaN();
                    other.classes(l)[i * 3 * cells + k] = T(7);
                }
            }
            prior += cells;
        }
        const auto o = test::evaluate(b, loss, other, truths);
        CHECK(o.value.total == e.value.total);
        CHECK(o.truth == e.truth);
        CHECK(test::same_bits(o.gradient, e.gradient));
    }
}

TEST_CASE("regions that hold no prior, or none at all, change no bit; steps tell the weight", "[head]") {
    const boxgrad::memory<float> b;
    const boxgrad::yolox_loss<> loss{.classes = 3};
    const auto h = test::random_head<float>(5, 2, 3);
    const auto truths = test::random_truths<float>(5, {4, 3}, 3);
    const auto e = test::evaluate(b, loss, h, truths);
    const auto far = test::evaluate(b, loss, h, with_regions(truths, {500, 500, 600, 600}));
    CHECK(far.value.total == e.value.total);
    CHECK(far.truth == e.truth);
    CHECK(test::same_bits(far.gradient, e.gradient));

    const test::head_tensors<boxgrad::memory<float>> head(b, h);
    const auto regions = with_regions(truths, {10, 6, 52, 40});
    const auto counted = loss.count(b, head.look(), regions);
    const auto t = boxgrad::yolox::targets_of(b, loss, head.look(), counted, 1);
    const auto c = centres();
    const auto weight = test::to_host<1>(b, t.objectness_weight);
    const auto target = test::to_host<1>(b, t.objectness);
    for (std::size_t i = 0; i < c.size(); ++i) {
        const bool in = within(c[i], regions.ignored[1]);
        CHECK(weight[i] == (in ? 0.0F : 1.0F));
        if (in) CHECK(target[i] == 0.0F);
    }
}
