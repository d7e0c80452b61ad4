// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/testing/conformance.hpp>

#include "support/backends.hpp"
#include "support/catch.hpp"

namespace {

using boxgrad::index;

/// An element by the tensor's own means.
struct own_access {
    template <class X, class... I>
    decltype(auto) operator()(X& t, I... i) const {
        if constexpr (requires { t.device_view(); }) {
            return t.element(i...);  // archetype
        } else if constexpr (requires { t.shape[0], t.data[0], t(i...); }) {
            return t(i...);  // shaped
        } else if constexpr (requires { t.shape[0], t.data[0]; }) {
            index n = 0;  // row-major memory of a device
            int k = 0;
            ((n = n * t.shape[k++] + i), ...);
#if defined(__CUDACC__)
            return t.data[static_cast<std::size_t>(n)];
#else
            return t.data.data().get()[n];
#endif
        } else {
            return t(i...);
        }
    }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("every backend keeps the promises of the concept", "[backend]", test::backends) {
    CHECK(boxgrad::testing::conformance(TestType{}, own_access{}) == std::vector<std::string>{});
}

#if defined(_OPENMP)
TEST_CASE("threads change nothing", "[backend]") {
    boxgrad::memory<float> b;
    b.threads = 4;
    CHECK(boxgrad::testing::conformance(b, own_access{}) == std::vector<std::string>{});
}
#endif
