// SPDX-License-Identifier: Apache-2.0
//
// P22: scratch and result of assigners by overlap and by picks are the documented formulas to the byte; a request
// that fails throws std::bad_alloc, leaks nothing and leaves all objects usable.
#include "catch.hpp"
#include "naive_assigners.hpp"

#include <boxgrad/assigner/approx_max_iou.hpp>
#include <boxgrad/assigner/atss.hpp>
#include <boxgrad/assigner/grid.hpp>
#include <boxgrad/assigner/matcher.hpp>
#include <boxgrad/assigner/multi_instance.hpp>
#include <boxgrad/assigner/task_aligned.hpp>

namespace {

namespace assigner = boxgrad::assigner;

/// Memory that counts what is asked for and fails at the k-th request.
struct tally {
    test::index bytes = 0, calls = 0, fail_at = -1;
};
template <class Base>
struct counting : Base {
    tally* t = nullptr;

    template <class U, int R>
    auto make(const boxgrad::extents<R>& e) const {
        if (t->calls++ == t->fail_at) throw std::bad_alloc();
        t->bytes += e.size() * static_cast<test::index>(sizeof(U));
        return Base::template make<U, R>(e);
    }
};

}  // namespace

TEMPLATE_TEST_CASE("P22 scratch of assigners by overlap and by picks is the documented formula", "[assigner][promise]",
                   boxgrad::memory<float>, boxgrad::reference<double>) {
    using B = counting<TestType>;
    using T = typename B::scalar;
    const std::size_t sizes[] = {0, 1, 17, 1024, 1025, 5000, 70000};
    for (unsigned i = 0; i < 14; ++i) {
        tally count;
        B b;
        b.t = &count;
        const auto s = test::many_places(i, sizes[i % 7], sizes[i % 7] > 5000 ? 1 : 1 + i % 3, i % 5);
        const auto truths = s.truths<T>();
        const auto images = truths.images(), g = truths.size(), n = static_cast<test::index>(s.size());
        const auto scalar = static_cast<test::index>(sizeof(T));
        INFO(n << " priors, " << g << " truths, " << images << " images");
        const auto priors = s.tensor(b);
        const auto flags = test::from_host(b, test::extents<2>{{images, n}},
                                           std::vector<std::uint8_t>(static_cast<std::size_t>(images * n), 1));
        const auto approxs =
            test::from_host(b, test::extents<3>{{n, 2, 4}}, std::vector<T>(static_cast<std::size_t>(8 * n)));
        const auto boxes = test::from_host(b, test::extents<3>{{images, n, 4}},
                                           std::vector<T>(static_cast<std::size_t>(4 * images * n)));
        const auto scores = test::from_host(b, test::extents<3>{{images, n, 3}},
                                            std::vector<T>(static_cast<std::size_t>(3 * images * n)));
        const auto is = [&](test::index formula, auto&& f) {
            count = {};
            f();
            CHECK(count.bytes == formula + test::truth_bytes(truths));
            const test::index calls = count.calls;
            if (i >= 6) return;
            for (test::index k = 0; k < calls; ++k) {
                count = {};
                count.fail_at = k;
                CHECK_THROWS_AS(f(), std::bad_alloc);
            }
            count = {};
            f();
            CHECK(count.calls == calls);
        };
        const test::index block = std::max<test::index>(1024, n / 64);
        const test::index blocks = std::min<test::index>(64, (n + block - 1) / block);
        const test::index by_overlap = images * n * (scalar + 4) + g * (blocks + 1) * scalar + 8 * g + 8 * images;
        is(by_overlap, [&] { assigner::max_iou<>{}.assign(b, priors, truths); });
        is(by_overlap, [&] { assigner::matcher<>{}.assign(b, priors, truths); });
        is(by_overlap, [&] { assigner::grid<>{}.assign(b, priors, flags, truths); });
        is(by_overlap, [&] { assigner::approx_max_iou<>{}.assign(b, approxs, priors, truths); });
        const int instances = 1 + static_cast<int>(i % 4);
        is(images * n * (instances * (scalar + 4) + 4),
           [&] { assigner::multi_instance<>{.num_instance = instances}.assign(b, priors, truths); });
        const int topk = 1 + static_cast<int>(3 * (i % 5));
        const test::index first = n / 7;
        const boxgrad::per_level<test::index> levels{first, n - first};
        const test::index columns = std::min<test::index>(topk, first) + std::min<test::index>(topk, n - first);
        const test::index by_picks = images * n * (3 * scalar + 4) + g * columns * (scalar + 4) + 8 * g + 8 * images;
        const assigner::atss<> a{.topk = topk};
        is(by_picks, [&] { a.assign(b, priors, levels, truths); });
        is(by_picks, [&] { a.assign(b, priors, levels, boxes, scores, truths); });
        const assigner::task_aligned<> t{.topk = topk, .topk2 = static_cast<int>(i % 6)};
        const test::index picks = std::min<test::index>(std::max(t.topk, t.topk2), n);
        const test::index packs = boxgrad::packs_of<boxgrad::lanes_t<B>>(n);
        is(images * (n * (4 * scalar + 4) + 4 * packs * scalar) + g * (picks * (scalar + 4) + 2 * scalar) + 8 * g +
               8 * images,
           [&] { t.assign(b, priors, boxes, scores, truths); });
    }
}
