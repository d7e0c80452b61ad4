// SPDX-License-Identifier: Apache-2.0
/// \file
/// Losses of differences.

#include "golden_check/components.hpp"
#include "golden_check/components/evaluate.hpp"

#include <boxgrad/loss/balanced_l1.hpp>
#include <boxgrad/loss/mse.hpp>
#include <boxgrad/loss/smooth_l1.hpp>

namespace golden {

namespace {

/// All as one term, so that a third as much is compiled.
struct difference {
    enum { smooth, balanced, squared } kind = smooth;
    boxgrad::loss::smooth_l1 smooth_l1{};
    boxgrad::loss::balanced_l1 balanced_l1{};

    constexpr void check() const {
        if (kind == smooth) smooth_l1.check();
        if (kind == balanced) balanced_l1.check();
    }
    template <boxgrad::number V>
    BOXGRAD_FN V operator()(const V& x, boxgrad::base_t<V> t) const {
        if (kind == smooth) return smooth_l1(x, t);
        if (kind == balanced) return balanced_l1(x, t);
        return boxgrad::loss::mse{}(x, t);
    }
};

void compare(checker& k, const difference& term) {
    on_backends(k, [&](const auto& b) { evaluate(k, b, term); });
}

}  // namespace

GOLDEN_COMPONENT(smooth_l1_loss) { compare(k, {difference::smooth, {k.expected().number("beta", 1)}, {}}); }

GOLDEN_COMPONENT(balanced_l1_loss) {
    const recorded& c = k.expected();
    compare(k, {difference::balanced, {}, {c.number("alpha", 0.5), c.number("gamma", 1.5), c.number("beta", 1)}});
}

GOLDEN_COMPONENT(mse_loss) { compare(k, {difference::squared, {}, {}}); }

}  // namespace golden
