// SPDX-License-Identifier: Apache-2.0
#include "support/backends.hpp"
#include "support/catch.hpp"

namespace {

using boxgrad::extents;
using boxgrad::index;

template <class B, class T, int R>
void there_and_back(const B& b, const extents<R>& e) {
    std::vector<T> values;
    for (index i = 0; i < e.size(); ++i) values.push_back(static_cast<T>(i % 120));
    const auto t = test::from_host(b, e, values);
    CHECK(test::to_host<R>(b, t) == values);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("elements survive the way to a backend and back", "[backend]", test::backends) {
    const TestType b{};
    using T = typename TestType::scalar;
    there_and_back<TestType, T>(b, extents<1>{{7}});
    there_and_back<TestType, T>(b, extents<2>{{2, 3}});
    there_and_back<TestType, T>(b, extents<3>{{2, 3, 4}});
    there_and_back<TestType, T>(b, extents<4>{{2, 3, 4, 5}});
    there_and_back<TestType, T>(b, extents<2>{{1, 1}});
    there_and_back<TestType, T>(b, extents<2>{{0, 3}});
    there_and_back<TestType, T>(b, extents<3>{{2, 0, 3}});
    there_and_back<TestType, std::uint8_t>(b, extents<2>{{3, 2}});
    there_and_back<TestType, std::int32_t>(b, extents<2>{{3, 1}});
    there_and_back<TestType, std::int64_t>(b, extents<4>{{1, 2, 1, 3}});
}
