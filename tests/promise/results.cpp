// SPDX-License-Identifier: Apache-2.0
//
// Promises about what comes out: memory, inputs untouched, layouts, threads, batches.
#include "catch.hpp"
#include "scene.hpp"

#include <new>
#include <thread>

namespace {

using l1_loss = boxgrad::yolox_loss<boxgrad::recipe::mmdetection, boxgrad::recipe::mmdetection::box, boxgrad::loss::l1>;
using boxgrad::view;
using test::extents;
using plain = boxgrad::memory<float>;

const l1_loss three{.classes = 3};

/// Views of one value array in some layout: axes in any order, gaps, an offset, negative strides.
struct arranged {
    std::vector<float> memory;
    view<float, 4> v;

    arranged(const extents<4>& e, const std::array<int, 4>& order, boxgrad::index gap, int negative) {
        boxgrad::index step = gap;
        extents<4> stride;
        for (const int axis : order) {
            stride[axis] = step;
            step *= e[axis];
        }
        memory.assign(static_cast<std::size_t>(step + 3), -77.0F);
        float* first = memory.data() + 3;
        if (negative >= 0) {
            first += (e[negative] - 1) * stride[negative];
            stride[negative] = -stride[negative];
        }
        v = view<float, 4>(first, e, stride);
    }
};

struct arranged_head {
    std::vector<arranged> parts[3];
    std::vector<view<float, 4>> views[3];

    arranged_head(const test::head_values<float>& h, const std::array<int, 4>& order, boxgrad::index gap, int negative, bool fill) {
        for (std::size_t k = 0; k < 3; ++k) {
            for (std::size_t l = 0; l < h.levels(); ++l) {
                parts[k].emplace_back(h.shape[k][l], order, gap, negative);
                if (fill) {
                    for (std::size_t i = 0; i < h.value[k][l].size(); ++i) {
                        parts[k].back().v.at_flat(static_cast<boxgrad::index>(i)) = h.value[k][l][i];
                    }
                }
                views[k].push_back(parts[k].back().v);
            }
        }
    }
    auto look() { return boxgrad::yolox_head(views[0], views[1], views[2]); }
    std::vector<float> values() const {
        std::vector<float> all;
        for (const auto& list : views) {
            for (const auto& v : list) {
                for (boxgrad::index i = 0; i < v.size(); ++i) all.push_back(v.at_flat(i));
            }
        }
        return all;
    }
};

/// Plain memory that counts what is asked for and fails at the k-th request.
struct counting : plain {
    struct tally {
        boxgrad::index bytes = 0, calls = 0, fail_at = -1;
    };
    tally* t = nullptr;

    template <class U, int R>
    tensor<U, R> make(const extents<R>& e) const {
        if (t->calls++ == t->fail_at) throw std::bad_alloc();
        t->bytes += e.size() * static_cast<boxgrad::index>(sizeof(U));
        return plain::make<U, R>(e);
    }
};
static_assert(boxgrad::backend<counting>);

}  // namespace

TEST_CASE("P22 scratch is what the formula says, and a failed request writes nothing", "[promise]") {
    const auto h = test::random_head<float>(11, 2, 3);
    const auto t = test::random_truths<float>(11, {3, 5}, 3);
    counting::tally tally;
    counting b;
    b.t = &tally;
    const test::head_tensors<counting> head(b, h);
    auto g = three.make_gradient(b, head.look());
    const boxgrad::yolox_head gradient(g.classes, g.boxes, g.objectness);
    tally = {};
    const auto counted = three.count(b, head.look(), t);
    // B·N·(11 floats + 5 integers) + G·topk·(3 floats + 1 integer), and less than 256 bytes for a truth, an
    // image and a chunk together: nothing of size N x G.
    const boxgrad::index n = 2 * (96 + 24 + 6);
    const boxgrad::index expected = n * (11 * 4 + 5 * 4) + 8 * 10 * (3 * 4 + 4);
    CHECK(tally.bytes >= expected);
    CHECK(tally.bytes <= expected + 256 * (8 + 2) + n * 16);

    tally = {};
    three.value_and_gradient_into(b, head.look(), t, gradient);
    const boxgrad::index calls = tally.calls;
    CHECK(calls > 10);
    for (boxgrad::index k = 0; k < calls; ++k) {
        for (auto* list : {&g.classes, &g.boxes, &g.objectness}) {
            for (auto& x : *list) std::fill(x.data.begin(), x.data.end(), -5.0F);
        }
        tally = {};
        tally.fail_at = k;
        CHECK_THROWS_AS(three.value_and_gradient_into(b, head.look(), t, gradient), std::bad_alloc);
        bool untouched = true;
        for (auto* list : {&g.classes, &g.boxes, &g.objectness}) {
            for (auto& x : *list) {
                for (const float v : x.data) untouched = untouched && v == -5.0F;
            }
        }
        CHECK(untouched);
    }
}

TEMPLATE_LIST_TEST_CASE("P25 inputs are only read, and two calls give the same bits", "[promise]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const auto h = test::random_head<T>(12, 2, 3);
    const auto t = test::random_truths<T>(12, {4, 2}, 3);
    const test::head_tensors<TestType> head(b, h);
    const auto first = three.value_and_gradient(b, head.look(), t);
    const auto second = three.value_and_gradient(b, head.look(), t);
    CHECK(first.value.total == second.value.total);
    CHECK(test::same_bits(test::gradient_to_host(b, first.gradient), test::gradient_to_host(b, second.gradient)));
    for (std::size_t l = 0; l < 3; ++l) {
        CHECK(test::same_bits(test::to_host<4>(b, head.classes[l]), h.value[0][l]));
        CHECK(test::same_bits(test::to_host<4>(b, head.boxes[l]), h.value[1][l]));
        CHECK(test::same_bits(test::to_host<4>(b, head.objectness[l]), h.value[2][l]));
    }
}

TEST_CASE("P28 an output that overlaps an input or another output is refused", "[promise]") {
    const plain b;
    const auto h = test::random_head<float>(13, 1, 3);
    const auto t = test::random_truths<float>(13, {2}, 3);
    arranged_head head(h, {3, 2, 1, 0}, 1, -1, true);
    arranged_head gradient(h, {3, 2, 1, 0}, 1, -1, false);
    CHECK_NOTHROW(three.value_and_gradient_into(b, head.look(), t, gradient.look()));
    const auto before = head.values();
    CHECK_THROWS_AS(three.value_and_gradient_into(b, head.look(), t, head.look()), boxgrad::shape_error);
    CHECK(test::same_bits(before, head.values()));
    gradient.views[2][0] = gradient.views[2][1];
    CHECK_THROWS_AS(three.value_and_gradient_into(b, head.look(), t, gradient.look()), boxgrad::shape_error);
    arranged_head again(h, {3, 2, 1, 0}, 1, -1, false);
    again.views[1][1].data = again.views[1][0].data;  // two outputs share memory
    CHECK_THROWS_AS(three.value_and_gradient_into(b, head.look(), t, again.look()), boxgrad::shape_error);
}

TEST_CASE("P30 every layout gives the same integers and the same bits of every gradient", "[promise]") {
    const plain b;
    const auto h = test::random_head<float>(14, 3, 5, 96, 160);
    const auto t = test::random_truths<float>(14, {6, 0, 9}, 5, 96, 160);
    l1_loss loss = three;
    loss.classes = 5;
    arranged_head contiguous(h, {3, 2, 1, 0}, 1, -1, true);
    arranged_head reference(h, {3, 2, 1, 0}, 1, -1, false);
    const auto expected = loss.value_and_gradient_into(b, contiguous.look(), t, reference.look());
    REQUIRE(expected.value.positives > 0);
    const std::array<int, 4> orders[] = {{3, 2, 1, 0}, {0, 1, 2, 3}, {1, 3, 2, 0}, {2, 3, 0, 1}, {3, 1, 2, 0}};
    for (const auto& order : orders) {
        for (const boxgrad::index gap : {1, 3}) {
            for (const int negative : {-1, 0, 1, 2, 3}) {
                arranged_head head(h, order, gap, negative, true);
                arranged_head gradient(h, order, gap, (negative + 2) % 4, false);
                const auto r = loss.value_and_gradient_into(b, head.look(), t, gradient.look());
                CHECK(r.assignment.truth.data == expected.assignment.truth.data);
                CHECK(r.assignment.overlap.data == expected.assignment.overlap.data);
                CHECK(test::same_bits(gradient.values(), reference.values()));
                CHECK(test::near(r.value.total, expected.value.total));
            }
        }
    }
    arranged_head gradient(h, {3, 2, 1, 0}, 1, -1, false);
    gradient.views[0][0].stride[3] = 0;
    CHECK_THROWS_AS(loss.value_and_gradient_into(b, contiguous.look(), t, gradient.look()), boxgrad::shape_error);
}

TEST_CASE("P31 one loss and one head serve many threads", "[promise]") {
    const plain b;
    const auto h = test::random_head<float>(15, 2, 3);
    const auto t = test::random_truths<float>(15, {4, 2}, 3);
    const test::head_tensors<plain> head(b, h);
    const auto expected = test::gradient_to_host(b, three.value_and_gradient(b, head.look(), t).gradient);
    std::vector<int> same(8, 0);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < same.size(); ++i) {
        threads.emplace_back([&, i] {
            for (int k = 0; k < 20; ++k) {
                same[i] += test::same_bits(expected, test::gradient_to_host(b, three.value_and_gradient(b, head.look(), t).gradient)) ? 1 : 0;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    for (const int s : same) CHECK(s == 20);
}

#if defined(_OPENMP)
TEMPLATE_TEST_CASE("P34 the number of threads changes no bit", "[promise]", float, double) {
    const auto h = test::random_head<TestType>(16, 4, 7, 160, 160);
    const auto t = test::random_truths<TestType>(16, {8, 0, 30, 3}, 7, 160, 160);
    l1_loss loss = three;
    loss.classes = 7;
    boxgrad::memory<TestType> b;
    const auto one = test::evaluate(b, loss, h, t);
    for (const int threads : {2, 8}) {
        b.threads = threads;
        const auto many = test::evaluate(b, loss, h, t);
        CHECK(many.truth == one.truth);
        CHECK(test::same_bits(many.gradient, one.gradient));
        CHECK(test::same_bits(many.overlap, one.overlap));
        CHECK(std::memcmp(&many.value.total, &one.value.total, sizeof(TestType)) == 0);
        CHECK(std::memcmp(&many.value.objectness, &one.value.objectness, sizeof(TestType)) == 0);
    }
}
#endif

TEMPLATE_LIST_TEST_CASE("P34 a batch and its parts: the same bits under a common normaliser", "[promise]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const auto whole = test::random_head<T>(17, 3, 3);
    const auto truths = test::random_truths<T>(17, {5, 0, 2}, 3);
    const test::head_tensors<TestType> head(b, whole);
    const auto counted = three.count(b, head.look(), truths);
    auto g = three.make_gradient(b, head.look());
    const auto value = three.finish_into(b, head.look(), counted, 10, boxgrad::yolox_head(g.classes, g.boxes, g.objectness));
    const auto truth = test::to_host<2>(b, counted.matching.result.truth);
    double total = 0;
    boxgrad::index positives = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        test::head_values<T> part = whole;
        for (std::size_t k = 0; k < 3; ++k) {
            for (std::size_t l = 0; l < 3; ++l) {
                part.shape[k][l][0] = 1;
                const auto n = static_cast<std::ptrdiff_t>(part.shape[k][l].size());
                const auto from = whole.value[k][l].begin() + n * static_cast<std::ptrdiff_t>(i);
                part.value[k][l].assign(from, from + n);
            }
        }
        boxgrad::truth_list<T> own;
        const auto first = static_cast<std::size_t>(truths.offsets[i]);
        const auto last = static_cast<std::size_t>(truths.offsets[i + 1]);
        std::vector<int> labels;
        for (std::size_t k = first; k < last; ++k) labels.push_back(static_cast<int>(truths.labels[k]));
        own.add_image({truths.boxes.begin() + truths.offsets[i], truths.boxes.begin() + truths.offsets[i + 1]}, labels);
        const test::head_tensors<TestType> alone(b, part);
        const auto c = three.count(b, alone.look(), own);
        auto d = three.make_gradient(b, alone.look());
        total += static_cast<double>(
            three.finish_into(b, alone.look(), c, 10, boxgrad::yolox_head(d.classes, d.boxes, d.objectness)).total);
        positives += c.positives;
        const auto rows = test::to_host<2>(b, c.matching.result.truth);
        CHECK(std::equal(rows.begin(), rows.end(), truth.begin() + static_cast<std::ptrdiff_t>(i * rows.size())));
        for (std::size_t l = 0; l < 3; ++l) {
            const auto compare = [&](const auto& all, const auto& one) {
                const auto x = test::to_host<4>(b, all[l]);
                const auto y = test::to_host<4>(b, one[l]);
                const std::vector<T> mine(x.begin() + static_cast<std::ptrdiff_t>(i * y.size()),
                                          x.begin() + static_cast<std::ptrdiff_t>((i + 1) * y.size()));
                CHECK(test::same_bits(mine, y));
            };
            compare(g.classes, d.classes);
            compare(g.boxes, d.boxes);
            compare(g.objectness, d.objectness);
        }
    }
    CHECK(positives == counted.positives);
    CHECK(test::near(static_cast<T>(total), value.total));
}

TEMPLATE_LIST_TEST_CASE("V3 every backend agrees with the reference", "[promise]", test::backends) {
    using T = typename TestType::scalar;
    for (unsigned seed = 100; seed < 112; ++seed) {
        const auto h = test::random_head<T>(seed, 2, 4);
        const auto t = test::random_truths<T>(seed, {static_cast<int>(seed % 7), 6}, 4);
        l1_loss loss = three;
        loss.classes = 4;
        const auto expected = test::evaluate(boxgrad::reference<T>{}, loss, h, t);
        const auto r = test::evaluate(TestType{}, loss, h, t);
        CHECK(r.truth == expected.truth);
        CHECK(r.truth_positives == expected.truth_positives);
        CHECK(test::near(r.gradient, expected.gradient));
        CHECK(test::near(r.overlap, expected.overlap));
        CHECK(test::near(r.value.total, expected.value.total));
    }
}

TEST_CASE("a box loss falls as a box comes nearer: all recipes but cjm", "[promise]") {
    const auto is_monotone = [](const auto& term) {
        bool monotone = true;
        double before = -1;
        for (int i = 0; i <= 400; ++i) {  // from on the target to 40 widths away
            const double x = 0.1 * i;
            const double l = term(boxgrad::box<double>{x, 0, x + 1, 1}, boxgrad::box<double>{0, 0, 1, 1});
            monotone = monotone && l >= before - 1e-15;
            before = l;
        }
        return monotone;
    };
    CHECK(is_monotone(boxgrad::recipe::mmdetection::default_box));
    CHECK(is_monotone(boxgrad::recipe::megvii::default_box));
    CHECK(is_monotone(boxgrad::loss::giou{}));
    CHECK_FALSE(is_monotone(boxgrad::recipe::cjm::default_box));
}
