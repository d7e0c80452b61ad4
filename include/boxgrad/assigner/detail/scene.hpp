// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/class_cost.hpp>
#include <boxgrad/backend/concept.hpp>
#include <boxgrad/prior/point.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// Some consecutive priors that a kernel treats at once.
struct chunk {
    index first;  ///< number of the first prior
    int count;    ///< lanes in use
    int level;
    index cell;  ///< number of the first prior within its level
};

/// How many chunks a kernel sums classes for at once. On a CPU many: planes of classes lie in pages of
/// their own, and a page looked up should serve some kilobytes.
template <class V>
inline constexpr int chunk_group = width_v<V> > 1 ? 64 : 1;

/// Priors, boxes and probabilities as lists: what the assigner takes when it is called alone. A scene
/// tells SimOTA's kernels where predictions come from; heads have another (head/detail/scene.hpp).
template <class V, class_cost C>
struct list_scene {
    using T = scalar_t<V>;
    using number = V;

    view<const T, 2> prior_rows, box_rows, score_rows;

    BOXGRAD_FN index images() const { return 1; }
    BOXGRAD_FN index priors() const { return prior_rows.extent[0]; }
    BOXGRAD_FN index chunks() const { return (priors() + width_v<V> - 1) / width_v<V>; }
    BOXGRAD_FN chunk at(index c) const {
        const index first = c * width_v<V>;
        const index left = priors() - first;
        return {first, left < width_v<V> ? static_cast<int>(left) : width_v<V>, 0, first};
    }
    BOXGRAD_FN prior::point<V> points(const chunk& c) const {
        return load_row<prior::point, V>(prior_rows, c.first, c.count);
    }
    BOXGRAD_FN box<V> boxes(index, const chunk& c, mask_t<V>& sane) const {
        const box<V> b = load_boxes<V>(box_rows, c.first, c.count);
        sane = is_sane(b);
        return b;
    }
    /// For n chunks: Σ over classes of the cost of "not this class" where that is wanted, else NaN; infinite
    /// where a score is not finite.
    BOXGRAD_FN void all_background(index, const chunk* c, const bool* wanted, int n, V* out) const {
        for (int i = 0; i < n; ++i) {
            probability_cost<C, V> cost;
            V zero(T(0));  // stays 0 while all is finite
            for (index k = 0; k < score_rows.extent[1]; ++k) {
                const V p = load<V>(&score_rows(c[i].first, k), score_rows.stride[0], c[i].count);
                zero = madd(p, V(T(0)), zero);
                if (wanted[i]) cost.add(p);
            }
            out[i] = select(zero == V(T(0)), wanted[i] ? cost.all_background() : V(not_a_number<T>), V(infinity<T>));
        }
    }
    BOXGRAD_FN V own_class(index, const std::int32_t* prior, int count, std::int32_t label) const {
        T p[width_v<V>];
        for (int l = 0; l < width_v<V>; ++l) p[l] = score_rows(prior[l < count ? l : 0], label);
        return probability_cost<C, V>::own_class(load<V>(p, 1, width_v<V>));
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
