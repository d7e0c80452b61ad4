// SPDX-License-Identifier: Apache-2.0
// Does the hostile backend bite? Each misdeed happens in a process of its own, which must not survive.
#include <boxgrad/testing/archetype.hpp>

#include "support/catch.hpp"

#include <type_traits>

#if defined(__linux__) && !defined(__CUDACC__)
#include <csignal>
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace {

using boxgrad::extents;
using boxgrad::index;
using boxgrad::view;
using backend = boxgrad::testing::archetype<float>;
using tensor = boxgrad::tensor_t<backend, float, 2>;

static_assert(!std::is_default_constructible_v<tensor> && !std::is_copy_constructible_v<tensor>);
static_assert(std::is_nothrow_move_constructible_v<tensor>);

struct write_at {
    view<float, 2> to;
    index offset;
    BOXGRAD_FN void operator()(index) const { to.data[offset] = 1; }
};

#if defined(__linux__) && !defined(__CUDACC__)
template <class F>
bool survives(F misdeed) {
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGSEGV, SIG_DFL);
        std::signal(SIGABRT, SIG_DFL);
        std::fclose(stderr);
        misdeed();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
#endif

}  // namespace

TEST_CASE("new elements are NaN, or integers that are no index", "[backend][archetype]") {
    const backend b;
    auto t = b.make<float, 2>(extents<2>{{2, 3}});
    auto i = b.make<std::int32_t, 1>(extents<1>{{2}});
    auto flag = b.make<std::uint8_t, 1>(extents<1>{{2}});
    CHECK(t.element(1, 2) != t.element(1, 2));
    CHECK(i.element(1) > 700'000'000);
    CHECK(flag.element(0) > 1);
}

TEST_CASE("the layout is transposed, with gaps, and one axis runs backwards", "[backend][archetype]") {
    const backend b;
    auto t = b.make<float, 2>(extents<2>{{5, 4}});
    const auto v = b.look(t);
    CHECK(v.stride[0] == 2);
    CHECK(v.stride[1] < -2 * 5);
    auto column = b.make<float, 1>(extents<1>{{3}});
    CHECK(b.look(column).stride[0] == -2);
}

#if defined(__linux__) && !defined(__CUDACC__)
TEST_CASE("the host may not touch a backend's memory", "[backend][archetype]") {
    CHECK(survives([] {
        const backend b;
        auto t = b.make<float, 2>(extents<2>{{2, 3}});
        b.for_each(1, write_at{b.look(t), 0});
        float x = 0;
        b.download(b.look(t).data, &x, 1);
        if (x != 1.0F) _exit(1);
    }));
    CHECK_FALSE(survives([] {
        const backend b;
        auto t = b.make<float, 2>(extents<2>{{2, 3}});
        b.look(t)(0, 0) = 1;
    }));
    CHECK_FALSE(survives([] {  // after a kernel as before it
        const backend b;
        auto t = b.make<float, 2>(extents<2>{{2, 3}});
        b.for_each(1, write_at{b.look(t), 0});
        const volatile float x = b.look(t)(0, 0);
        static_cast<void>(x);
    }));
    CHECK_FALSE(survives([] {
        const backend b;
        float source = 1;
        float destination = 0;
        b.upload(&source, &destination, 1);
    }));
}

TEST_CASE("a kernel that writes into a gap is found out", "[backend][archetype]") {
    for (const boxgrad::index offset : {-1, 1, 3, 5}) {
        CHECK_FALSE(survives([=] {
            const backend b;
            auto t = b.make<float, 2>(extents<2>{{2, 3}});
            b.for_each(1, write_at{b.look(t), offset});
        }));
    }
    const backend b;
    auto t = b.make<float, 2>(extents<2>{{2, 3}});
    b.for_each(1, write_at{b.look(t), 2});
    CHECK(t.intact());
}
#endif
