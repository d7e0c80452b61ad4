// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/rules.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// No logarithm of a cost passes this: PyTorch clamps binary cross entropy's at -100.
inline constexpr double largest_log = 100.0;

/// Σ -ln q over many q in (0, 1]: the product of mantissas and the sum of exponents, so one logarithm
/// serves `renew` factors and nothing underflows.
template <plain_number V>
struct log_sum {
    using T = scalar_t<V>;
    static constexpr int renew = 64;
    V mantissa = V(T(1));
    V exponent = V(T(0));
    V clamped = V(T(0));
    int factors = 0;

    BOXGRAD_FN void add(V q) {
        constexpr T floor = sizeof(T) == 4 ? T(0x1p-126) : T(3.7200759760208356e-44);  // e^-100
        const mask_t<V> below = q < V(floor);
        clamped = clamped + select(below, V(T(largest_log)), V(T(0)));
        V m;
        exponent = exponent + split_exponent(select(below, V(T(1)), q), m);
        mantissa = mantissa * m;
        if (++factors == renew) fold();
    }
    BOXGRAD_FN V value() {
        fold();
        constexpr T ln2 = T(0.693147180559945309417232121458);
        return madd(-exponent, V(ln2), clamped);
    }

private:
    BOXGRAD_FN void fold() {
        V m;
        exponent = exponent + split_exponent(mantissa, m);
        constexpr T log2e = T(1.44269504088896340735992468100);
        exponent = madd(log(m), V(log2e), exponent);
        mantissa = V(T(1));
        factors = 0;
    }
};

/// -ln p, at most 100.
template <plain_number V>
BOXGRAD_FN V clamped_log(V p) {
    using T = scalar_t<V>;
    return clamp_max(-log(p), V(T(largest_log)));
}

/// Class cost over probabilities p that are given. Σ_c BCE(p_c, [c = label]) falls apart into a sum
/// over all classes and a difference for the label: O(N·C + N·G) instead of O(N·C·G).
template <class_cost C, plain_number V>
struct probability_cost {
    using T = scalar_t<V>;
    log_sum<V> sum{};
    V total = V(T(0));

    BOXGRAD_FN void add(V p) {
        if constexpr (C == class_cost::bce) {
            sum.add(V(T(1)) - p);
        } else {
            total = total + softplus(p);
        }
    }
    BOXGRAD_FN V all_background() {
        if constexpr (C == class_cost::bce) {
            return sum.value();
        } else {
            return total;
        }
    }
    /// The overlap with the truth does not enter.
    BOXGRAD_FN static V own_class(V p, V) {
        if constexpr (C == class_cost::bce) {
            return clamped_log(p) - clamped_log(V(T(1)) - p);
        } else {
            return -p;
        }
    }
};

/// The same from logits, without cancellation (promise P12). With y = sqrt(1 + e^-a), s = sqrt(σ(o)):
///
///     p = sqrt(σ(a)·σ(o)) = s / y        1 - p = (e^-a + σ(-o)) / (y² + s·y)
template <class_cost C, plain_number V>
struct logit_cost {
    using T = scalar_t<V>;
    V root_objectness{}, no_objectness{}, half_softplus{};
    probability_cost<C, V> sum{};

    BOXGRAD_FN static logit_cost of(V objectness) {
        logit_cost c;
        c.root_objectness = sqrt(sigmoid(objectness));
        c.no_objectness = sigmoid(-objectness);
        c.half_softplus = V(T(0.5)) * softplus(-objectness);
        return c;
    }
    BOXGRAD_FN void add(V a) {
        if constexpr (C == class_cost::bce) {
            sum.sum.add(complement(a));
        } else {
            sum.add(both(a));
        }
    }
    BOXGRAD_FN V all_background() { return sum.all_background(); }
    BOXGRAD_FN V own_class(V a) const {
        if constexpr (C == class_cost::bce) {
            const V own = half_softplus + V(T(0.5)) * softplus(-a);
            return clamp_max(own, V(T(largest_log))) - clamped_log(complement(a));
        } else {
            return -both(a);
        }
    }

private:
    /// σ(a)·σ(o)
    BOXGRAD_FN V both(V a) const { return product(sigmoid(a), product(root_objectness, root_objectness)); }
    /// 1 - p
    BOXGRAD_FN V complement(V a) const {
        constexpr T far = sizeof(T) == 4 ? T(80) : T(600);
        const V t = boxgrad::detail::exp_in_range(clamp_max(clamp_min(-a, V(-far)), V(far)));
        const V u = V(T(1)) + t;
        return (t + no_objectness) / madd(root_objectness, sqrt(u), u);
    }
};

/// RTMDet's class cost from logits: Σ_c BCE(x_c, t_c)·(t_c - σ(x_c))² with t the overlap at the label and 0
/// elsewhere. It falls apart in the same way. Logits stop at 2^100 in float, 2^1000 in double, so that
/// sums are finite.
template <plain_number V>
struct soft_label_cost {
    using T = scalar_t<V>;
    V total = V(T(0));

    BOXGRAD_FN void add(V logit) { total = total + of_class(logit, V(T(0))); }
    BOXGRAD_FN V all_background() { return total; }
    BOXGRAD_FN static V own_class(V logit, V overlap) { return of_class(logit, overlap) - of_class(logit, V(T(0))); }

private:
    BOXGRAD_FN static V of_class(V logit, V target) {
        constexpr T far = sizeof(T) == 4 ? T(0x1p100) : T(0x1p1000);
        const V x = clamp_max(clamp_min(logit, V(-far)), V(far));
        const V bce = madd(-x, target, softplus(x));
        const V off = target - sigmoid(x);
        return product(bce * off, off);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
