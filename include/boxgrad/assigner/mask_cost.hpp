// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/match_cost.hpp>
#include <boxgrad/core/parameter.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner {

/// What a predicted mask costs a true one: sums over the pixels, and what comes of them.
///
///     static constexpr int sums                       how many
///     pixel<V, sums> of_pixel(V x) const              what a pixel of logit x adds, where the truth is set and
///                                                     where it is clear
///     V finish(const fields<V, sums>&, T set, T pixels) const      set: pixels of the truth
template <class C>
concept mask_cost = std::is_trivially_copyable_v<C> && requires(const C& c, fields<float, C::sums> sum, float x) {
    { c.of_pixel(x) } -> std::same_as<detail::pixel<float, C::sums>>;
    { c.finish(sum, x, x) } -> std::same_as<float>;
};

/// Overlap of masks. With p = σ(x), or x itself without pred_act:
///
///     weight·(1 - (2·Σ p·g + eps) / (Σ p + Σ g + eps))        naive_dice
///     weight·(1 - (2·Σ p·g + eps) / (Σ p² + Σ g² + eps))      else
///
/// mmdetection 3.3, DiceCost; Milletari et al., V-Net, 3DV 2016.
struct dice_cost {
    double weight = 1;
    bool pred_act = false;
    double eps = 1e-3;  ///< positive
    bool naive_dice = true;

    void check(const char* op) const { check_positive(op, "eps", eps); }

    static constexpr int sums = 2;
    template <plain_number V>
    BOXGRAD_FN detail::pixel<V, sums> of_pixel(V x) const {
        const V p = pred_act ? sigmoid(x) : x;
        const V size = naive_dice ? p : product(p, p);
        return {{{p, size}}, {{V(scalar_t<V>(0)), size}}};
    }
    template <plain_number V>
    BOXGRAD_FN V finish(const fields<V, sums>& sum, scalar_t<V> set, scalar_t<V>) const {
        using T = scalar_t<V>;
        const V e(static_cast<T>(eps));
        return product(V(static_cast<T>(weight)), V(T(1)) - (sum[0] + sum[0] + e) / (sum[1] + V(set) + e));
    }
};

/// Mean binary cross entropy of the logits of a mask: weight·Σ bce(x, g) / pixels. mmdetection 3.3,
/// CrossEntropyLossCost.
struct cross_entropy_loss_cost {
    double weight = 1;

    static constexpr int sums = 1;
    template <plain_number V>
    BOXGRAD_FN detail::pixel<V, sums> of_pixel(V x) const {
        return {{{softplus(-x)}}, {{softplus(x)}}};
    }
    template <plain_number V>
    BOXGRAD_FN V finish(const fields<V, sums>& sum, scalar_t<V>, scalar_t<V> pixels) const {
        return product(V(static_cast<scalar_t<V>>(weight)), sum[0] / V(pixels));
    }
};

static_assert(mask_cost<dice_cost> && mask_cost<cross_entropy_loss_cost> && mask_cost<focal_loss_cost>);

namespace detail {

/// Costs of a pack of masks for a few truths, which share what is computed of a pixel. Sums go over blocks of
/// pixels, then over blocks.
template <class V, class Cost>
struct mask_cost_kernel {
    using T = scalar_t<V>;
    static constexpr index block = 64;
    static constexpr int group = 8;
    Cost cost;
    view<const T, 2> masks;              // [Q, n]
    view<const std::uint8_t, 2> truths;  // [G, n]
    view<T, 2> out;                      // [Q, G]

    index calls() const { return packs_of<V>(masks.extent[0]) * groups(); }

    BOXGRAD_FN void operator()(index item) const {
        const index i = item / groups() * width_v<V>;
        const index first = item % groups() * group;
        const int count = rows_left<V>(masks.extent[0], i);
        const index left = truths.extent[0] - first;
        const int n = left < group ? static_cast<int>(left) : group;
        fields<V, Cost::sums> total[group];
        T set[group];
        for (int g = 0; g < n; ++g) {
            set[g] = T(0);
            for (int s = 0; s < Cost::sums; ++s) total[g][s] = V(T(0));
        }
        for (index k = 0; k < masks.extent[1]; k += block) add_block(i, count, first, n, k, total, set);
        for (int g = 0; g < n; ++g) {
            store(cost.finish(total[g], set[g], static_cast<T>(masks.extent[1])), &out(i, first + g), out.stride[0],
                  count);
        }
    }

private:
    BOXGRAD_FN index groups() const { return (truths.extent[0] + group - 1) / group; }
    BOXGRAD_FN void add_block(index i, int count, index first, int n, index begin, fields<V, Cost::sums>* total,
                              T* set) const {
        fields<V, Cost::sums> part[group];
        int set_here[group]{};
        for (int g = 0; g < n; ++g) {
            for (int s = 0; s < Cost::sums; ++s) part[g][s] = V(T(0));
        }
        for (index k = begin; k < begin + block && k < masks.extent[1]; ++k) {
            const auto p = cost.of_pixel(load<V>(&masks(i, k), masks.stride[0], count));
            for (int g = 0; g < n; ++g) {
                const bool on = truths(first + g, k) != 0;
                const auto& f = on ? p.set : p.clear;
                for (int s = 0; s < Cost::sums; ++s) part[g][s] += f[s];
                set_here[g] += on ? 1 : 0;
            }
        }
        for (int g = 0; g < n; ++g) {
            for (int s = 0; s < Cost::sums; ++s) total[g][s] += part[g][s];
            set[g] += static_cast<T>(set_here[g]);
        }
    }
};

}  // namespace detail

/// The cost of every pair of a predicted and a true mask of an image: [Q, G].
///
///     masks [Q, n], truths [G, n] of std::uint8_t, 0 or not           n pixels or sampled points
///
/// Throws shape_error, config_error. A mask that holds NaN or an infinity costs what its formula gives;
/// linear_assignment then leaves it out. Scratch: none.
template <backend B, mask_cost Cost, readable_tensor<B, typename B::scalar, 2> X, readable_tensor<B, std::uint8_t, 2> Y>
auto mask_costs(const B& b, const Cost& cost, const X& masks, const Y& truths) {
    using T = typename B::scalar;
    using V = lanes_t<B>;
    const char* op = "mask_costs";
    detail::check_cost(op, cost);
    const auto m = as_const_view<2>(b, masks, op, "masks");
    const auto t = as_const_view<2>(b, truths, op, "truths");
    check_shape(op, "truths", {any_extent, m.extent[1]}, t.extent);
    checked_product(op, m.extent[0], t.extent[0]);
    auto out = b.template make<T, 2>(extents<2>{{m.extent[0], t.extent[0]}});
    const detail::mask_cost_kernel<V, Cost> k{cost, m, t, as_view<2>(b, out, op, "out")};
    b.for_each(k.calls(), k);
    return out;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner
