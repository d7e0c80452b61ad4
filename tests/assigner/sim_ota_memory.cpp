// SPDX-License-Identifier: Apache-2.0
//
// P22: scratch is the documented formula to the byte; a request that fails throws std::bad_alloc, writes
// nothing of the caller's and leaves all objects usable.
#include "catch.hpp"
#include "naive_sim_ota.hpp"
#include "scene.hpp"

#include <boxgrad/assigner/dynamic_soft_label.hpp>

#include <new>

namespace {

struct tally {
    boxgrad::index bytes = 0, calls = 0, fail_at = -1;
};

/// Memory that counts what is asked for and fails at the k-th request.
template <class Base>
struct counting : Base {
    tally* t = nullptr;

    template <class U, int R>
    auto make(const boxgrad::extents<R>& e) const {
        if (t->calls++ == t->fail_at) throw std::bad_alloc();
        t->bytes += e.size() * static_cast<boxgrad::index>(sizeof(U));
        return Base::template make<U, R>(e);
    }
};
using plain = counting<boxgrad::memory<float>>;
static_assert(boxgrad::backend<plain>);

/// Runs f with every request failing in turn, then whole. f returns what must not change before success.
template <class F, class State>
void sweep(const char* name, tally& t, F&& f, State&& state) {
    INFO(name);
    t = {};
    f();
    const boxgrad::index calls = t.calls;
    REQUIRE(calls > 0);
    const auto before = state();
    for (boxgrad::index k = 0; k < calls; ++k) {
        INFO("request " << k);
        t = {};
        t.fail_at = k;
        CHECK_THROWS_AS(f(), std::bad_alloc);
        CHECK(state() == before);
    }
    t = {};
    f();
    CHECK(t.calls == calls);
}

}  // namespace

TEMPLATE_TEST_CASE("P22 the scratch of sim_ota and dynamic_soft_label is the documented formula", "[assigner][promise]",
                   boxgrad::memory<float>, boxgrad::memory<double>, boxgrad::reference<double>) {
    using B = counting<TestType>;
    using T = typename B::scalar;
    for (unsigned seed = 0; seed < 20; ++seed) {
        tally t;
        B b;
        b.t = &t;
        const std::size_t sizes[] = {1, 7, 64, 65, 200};
        const boxgrad::index images = 1 + seed % 3;
        const auto s = test::random_scene<T>(seed, sizes[seed % 5], seed % 4 * 3, 4, false);
        const auto n = static_cast<boxgrad::index>(s.size());
        const auto g = images * static_cast<boxgrad::index>(s.truths.size());
        const boxgrad::index regions = images * (seed % 2);
        boxgrad::truth_list<T> truths;
        for (boxgrad::index i = 0; i < images; ++i) {
            truths.add_image(s.truths, s.labels, std::vector<std::array<T, 4>>(seed % 2, {0, 0, 9, 9}));
        }
        const auto repeated = [&](const T* v, boxgrad::index size) {
            std::vector<T> all;
            for (boxgrad::index i = 0; i < images; ++i) all.insert(all.end(), v, v + size);
            return boxgrad::from_host<T>(b, test::extents<3>{{images, n, 4}}, all.data());
        };
        const auto priors = boxgrad::from_host<T>(b, test::extents<2>{{n, 4}}, s.priors.data()->data());
        const auto boxes = repeated(s.boxes.data()->data(), 4 * n);
        const auto scores = repeated(s.scores.data(), 4 * n);
        const boxgrad::index width = boxgrad::width_v<boxgrad::lanes_t<B>>;
        const boxgrad::index chunks = (n + width - 1) / width;
        const auto scalar = static_cast<boxgrad::index>(sizeof(T));
        const int topk = 1 + static_cast<int>(seed % 12);
        const boxgrad::index formula = images * n * (11 * scalar + 24) + 16 * images * chunks +
                                       g * (std::min<boxgrad::index>(topk, n) * (3 * scalar + 4) + 12) + 16 * images;
        // The truths themselves, and where the truths and the regions of each image begin.
        const boxgrad::index uploaded = g * (4 * scalar + 8) + regions * 4 * scalar + 2 * (images + 1) * 8;
        boxgrad::assigner::sim_ota<> a;
        a.candidate_topk = topk;
        t = {};
        a.assign(b, priors, boxes, scores, truths);
        CHECK(t.bytes == formula + uploaded);
        boxgrad::assigner::dynamic_soft_label<> soft;
        soft.topk = topk;
        t = {};
        soft.assign(b, priors, boxes, scores, truths);
        CHECK(t.bytes == formula + uploaded);
    }
}

TEST_CASE("P22 a failed request of any operation throws and writes nothing", "[assigner][promise]") {
    tally t;
    plain b;
    b.t = &t;
    const auto h = test::random_head<float>(5, 2, 3);
    const auto truths = test::random_truths<float>(5, {3, 4}, 3);
    const test::head_tensors<plain> head(b, h);
    using l1_loss = boxgrad::yolox_loss<boxgrad::recipe::mmdetection, boxgrad::recipe::mmdetection::box, boxgrad::loss::l1>;
    const l1_loss loss{.classes = 3};
    auto g = loss.make_gradient(b, head.look());
    const boxgrad::yolox_head gradient(g.classes, g.boxes, g.objectness);
    float mark = 0;
    const auto fill = [&](float x) {
        mark = x;
        for (auto* list : {&g.classes, &g.boxes, &g.objectness}) {
            for (auto& one : *list) std::fill(one.data.begin(), one.data.end(), x);
        }
    };
    const auto untouched = [&] {
        for (auto* list : {&g.classes, &g.boxes, &g.objectness}) {
            for (auto& one : *list) {
                for (const float x : one.data) {
                    if (x != mark) return false;
                }
            }
        }
        return true;
    };
    const auto nothing = [] { return 0; };
    const auto counted = loss.count(b, head.look(), truths);
    // The gradient is marked anew before each attempt, so that a single write of a failed one would show.
    sweep("value_and_gradient_into", t, [&] { fill(-5); loss.value_and_gradient_into(b, head.look(), truths, gradient); fill(-5); }, untouched);
    sweep("finish_into", t, [&] { fill(-6); loss.finish_into(b, head.look(), counted, 3, gradient); fill(-6); }, untouched);
    sweep("value_and_gradient", t, [&] { loss.value_and_gradient(b, head.look(), truths); }, nothing);
    sweep("count", t, [&] { loss.count(b, head.look(), truths); }, nothing);
    sweep("finish", t, [&] { loss.finish(b, head.look(), counted, 3); }, nothing);
    sweep("decode", t, [&] { boxgrad::yolox::decode(b, head.look(), loss.strides); }, nothing);
    sweep("predict", t, [&] { boxgrad::yolox::predict(b, head.look(), loss.strides, 0.3); }, nothing);
    sweep("targets_of", t, [&] { boxgrad::yolox::targets_of(b, loss, head.look(), counted, 1); }, nothing);

    std::vector<std::array<float, 4>> p(3000, {0, 0, 4, 4});
    const std::vector<std::array<float, 4>> q(3000, {1, 1, 4, 5});
    const std::vector<float> w(3000, 0.5F);
    std::vector<std::array<float, 4>> d(3000);
    const auto intact = [&] {
        for (const auto& row : d) {
            for (const float x : row) {
                if (x != -7) return false;
            }
        }
        return true;
    };
    const auto reset = [&] { std::fill(d.begin(), d.end(), std::array<float, 4>{-7, -7, -7, -7}); };
    namespace l = boxgrad::loss;
    namespace red = boxgrad::reduction;
    const l::giou giou;
    sweep("evaluate, none", t, [&] { reset(); l::value_and_gradient_into(b, giou, red::none{}, p, q, d, w); reset(); }, intact);
    sweep("evaluate, mean", t, [&] { reset(); l::value_and_gradient_into(b, giou, red::mean{}, p, q, d, w, 2.0); reset(); }, intact);
    sweep("evaluate, value", t, [&] { l::value(b, giou, red::sum{}, p, q); }, nothing);
    sweep("pairwise", t, [&] { boxgrad::overlap::pairwise(b, boxgrad::overlap::iou{}, p, q); }, nothing);
    sweep("aligned", t, [&] { boxgrad::overlap::aligned(b, boxgrad::overlap::iou{}, p, q); }, nothing);
    sweep("grid_priors", t, [&] { boxgrad::prior::grid_priors(b, boxgrad::prior::mlvl_point_generator{{8, 16}, 0.5}, {{4, 4}, {2, 2}}); }, nothing);

    fill(0);
    const auto whole = loss.value_and_gradient_into(b, head.look(), truths, gradient);
    CHECK(whole.value.total == loss.value(boxgrad::memory<float>{}, head.look(), truths).value.total);
}
