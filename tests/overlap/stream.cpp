// SPDX-License-Identifier: Apache-2.0
//
// Overlaps that are handed on instead of stored: a consumer sees every pair once, with the bits of the
// matrix.
#include "backends.hpp"
#include "catch.hpp"

#include <boxgrad/boxgrad.hpp>

#include <cstring>
#include <random>

namespace {

namespace overlap = boxgrad::overlap;
using boxgrad::view;
using position = boxgrad::index;
using test::extents;

/// The best of the others for each box, the first of equals, and how often a box was seen.
template <class T>
struct keep_best {
    view<T, 1> best;
    view<std::int32_t, 1> which, seen;

    template <class Row>
    BOXGRAD_FN void operator()(position i, int count, const Row& r) const {
        for (int k = 0; k < count; ++k) {
            best(i + k) = T(-2);
            which(i + k) = -1;
            seen(i + k) += 1;
        }
        for (position j = 0; j < r.size(); ++j) {
            const auto u = r(j);
            for (int k = 0; k < count; ++k) {
                const T x = boxgrad::lane(u, k);
                if (best(i + k) < x) {
                    best(i + k) = x;
                    which(i + k) = static_cast<std::int32_t>(j);
                }
            }
        }
    }
};

template <class T>
std::vector<T> random_boxes(unsigned seed, position n) {
    std::mt19937_64 random(seed);
    std::vector<T> v;
    for (position i = 0; i < n; ++i) {
        const auto at = [&] { return static_cast<T>(random() % 24) / T(2); };
        const T x = at();
        const T y = at();
        v.insert(v.end(), {x, y, x + at(), y + at()});
    }
    return v;
}

template <class B, class X, class Y, class O>
void check_stream(const B& b, const O& o, const X& x, const Y& y, position m, position n) {
    using T = typename B::scalar;
    const auto size = static_cast<std::size_t>(m);
    auto best = test::from_host(b, extents<1>{{m}}, std::vector<T>(size, T(0)));
    auto which = test::from_host(b, extents<1>{{m}}, std::vector<std::int32_t>(size, 0));
    auto seen = test::from_host(b, extents<1>{{m}}, std::vector<std::int32_t>(size, 0));
    overlap::stream(b, o, x, y,
                    keep_best<T>{boxgrad::as_view<1>(b, best, "test", "best"), boxgrad::as_view<1>(b, which, "test", "which"),
                                 boxgrad::as_view<1>(b, seen, "test", "seen")});
    const auto all = test::to_host<2>(b, overlap::pairwise(b, o, x, y));
    const auto got = test::to_host<1>(b, best);
    const auto at = test::to_host<1>(b, which);
    INFO(m << " x " << n);
    CHECK(test::to_host<1>(b, seen) == std::vector<std::int32_t>(size, 1));
    bool agree = true;
    for (std::size_t i = 0; i < size; ++i) {
        T expected = T(-2);
        std::int32_t first = -1;
        for (std::size_t j = 0; j < static_cast<std::size_t>(n); ++j) {
            const T u = all[i * static_cast<std::size_t>(n) + j];
            if (expected < u) {
                expected = u;
                first = static_cast<std::int32_t>(j);
            }
        }
        agree = agree && std::memcmp(&got[i], &expected, sizeof(T)) == 0 && at[i] == first;
    }
    CHECK(agree);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a consumer that keeps the best finds the matrix's best", "[overlap]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    const auto x = test::from_host(b, extents<2>{{35, 4}}, random_boxes<T>(41, 35));
    const auto y = test::from_host(b, extents<2>{{9, 4}}, random_boxes<T>(42, 9));
    check_stream(b, overlap::iou{}, x, y, 35, 9);
    check_stream(b, overlap::iou{}, y, x, 9, 35);
}

TEMPLATE_TEST_CASE("a stream of every size, from a grid too", "[overlap][property]", float, double) {
    using T = TestType;
    boxgrad::memory<T> b;
    const boxgrad::prior::yolo_anchor_generator g{{7.3}, {{{10, 13}, {16, 30.1}, {33, 23}}}};
    for (const position m : {0, 1, 3, 15, 16, 17, 33}) {
        for (const position n : {0, 1, 2, 17}) {
            const auto first = random_boxes<T>(43, m);
            const auto second = random_boxes<T>(44, n);
            const view<const T, 2> x(first.data(), {{m, 4}});
            const view<const T, 2> y(second.data(), {{n, 4}});
            check_stream(b, overlap::giou{}, x, y, m, n);
        }
        const auto second = random_boxes<T>(44, m);
        check_stream(b, overlap::giou{}, g.template grid<T>(0, {3, 4}), view<const T, 2>(second.data(), {{m, 4}}), 36, m);
#if defined(_OPENMP)
        b.threads = 2;
        check_stream(b, overlap::ciou{}, g.template grid<T>(0, {3, 4}), view<const T, 2>(second.data(), {{m, 4}}), 36, m);
        b.threads = 1;
#endif
    }
}
