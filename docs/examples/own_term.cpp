// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/evaluate.hpp>

#include <cstdio>

/// Charbonnier's loss sqrt(d² + eps²) - eps.
struct charbonnier {
    double eps = 1e-3;
    template <boxgrad::number V>
    V operator()(V x, boxgrad::base_t<V> t) const {
        using T = boxgrad::scalar_t<V>;
        const V d = x - V(t), e(static_cast<T>(eps));
        return sqrt(d * d + e * e) - e;
    }
};
static_assert(boxgrad::loss::elementwise_term<charbonnier>);

int main() {
    const boxgrad::memory<double> backend;
    const std::vector<double> prediction{1, 2, 5};
    const std::vector<double> target{1, 4, 4};
    const auto [value, gradient] = boxgrad::loss::value_and_gradient(
        backend, charbonnier{}, boxgrad::reduction::mean{}, prediction, target);
    std::printf("loss %.4f gradient %.4f %.4f %.4f\n", value, gradient(0), gradient(1), gradient(2));
}
