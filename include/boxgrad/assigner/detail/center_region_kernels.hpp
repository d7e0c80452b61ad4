// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/detail/states.hpp>
#include <boxgrad/boxes/rescale.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// Scaled copies of every truth [8, G]: cores, then shadows.
template <class T>
struct center_region_parts {
    boxgrad::detail::truth_view<T> truths;
    view<T, 2> scaled;
    double pos_scale, neg_scale;

    BOXGRAD_FN box<T> core(index g) const { return at(0, g); }
    BOXGRAD_FN box<T> shadow(index g) const { return at(4, g); }
    BOXGRAD_FN void operator()(index g) const {
        put(0, g, boxes::rescale(truths.at(g), pos_scale));
        put(4, g, boxes::rescale(truths.at(g), neg_scale));
    }

private:
    BOXGRAD_FN box<T> at(index row, index g) const {
        return {scaled(row, g), scaled(row + 1, g), scaled(row + 2, g), scaled(row + 3, g)};
    }
    BOXGRAD_FN void put(index row, index g, const box<T>& b) const {
        scaled(row, g) = b.x1;
        scaled(row + 1, g) = b.y1;
        scaled(row + 2, g) = b.x2;
        scaled(row + 3, g) = b.y2;
    }
};

/// Which of a pack of priors lie in a truth's core, and which in its shadow only.
template <class V, class Priors>
struct center_region_problem {
    using number = V;
    using T = scalar_t<V>;
    static constexpr T largest = infinity<T>;
    static constexpr std::int32_t nobody = -1, no_rows = -2;  // what `owner` may hold

    Priors priors;
    center_region_parts<T> parts;
    boxgrad::detail::truth_view<T> truths;
    T min_pos_iof;
    double ignore_gt_scale;
    bool foreground_dominate;
    view<std::int32_t, 2> truth, owner;     // [B, N]; owner: before rows override
    view<index, 2> shadow_rows, core_rows;  // [B, N] how many, then where they begin
    view<index, 1> total;                   // [2B] rows of an image: shadows, cores

    struct place {
        index b, i;
        int count;
        box<V> prior;
        V x, y;
    };
    BOXGRAD_FN index packs() const { return packs_of<V>(priors.size()); }
    BOXGRAD_FN place at(index n) const {
        const index b = n / packs();
        const index i = n % packs() * width_v<V>;
        const int count = rows_left<V>(priors.size(), i);
        const box<V> p = priors.template at<V>(b, i, count);
        return {b, i, count, p, (p.x1 + p.x2) * V(T(0.5)), (p.y1 + p.y2) * V(T(0.5))};
    }
    BOXGRAD_FN mask_t<V> in_core(const place& p, index g) const {
        return is_within(p.x, p.y, spread<V>(truths.at(g))) &&
               overlap::iof{}(p.prior, spread<V>(parts.core(g))) > V(min_pos_iof);
    }
    BOXGRAD_FN mask_t<V> in_shadow(const place& p, index g, mask_t<V> core) const {
        return overlap::iof{}(p.prior, spread<V>(parts.shadow(g))) > V(min_pos_iof) && !core;
    }
    BOXGRAD_FN mask_t<V> in_region(const place& p) const {
        mask_t<V> in = V(T(1)) < V(T(0));
        for (index r = truths.ignored_offset(p.b); r < truths.ignored_offset(p.b + 1); ++r) {
            in = in || is_within(p.x, p.y, spread<V>(boxes::rescale(truths.region(r), ignore_gt_scale)));
        }
        return in;
    }
    /// f(lane, truth, of_core) for every row that priors of a pack have, where `owned` are those in a core.
    template <class F>
    BOXGRAD_FN void for_rows(const place& p, std::int32_t sane, const std::int32_t* owned, const F& f) const {
        for (index g = truths.offset(p.b); g < truths.offset(p.b + 1); ++g) {
            const mask_t<V> core = in_core(p, g);
            const std::int32_t cores = lane_bits(core) & sane;
            const std::int32_t shadows = lane_bits(in_shadow(p, g, core)) & sane;
            if ((cores | shadows) == 0) continue;
            for (int l = 0; l < p.count; ++l) {
                const auto k = static_cast<std::int32_t>(g - truths.offset(p.b));
                if ((shadows >> l & 1) != 0) f(l, k, false);
                if ((cores >> l & 1) != 0 && owned[l] != k) f(l, k, true);
            }
        }
    }
    BOXGRAD_FN std::int32_t label_of(index b, std::int32_t k) const { return truths.label(truths.offset(b) + k); }
};

/// Each prior takes the smallest truth whose core it lies in, then counts its rows.
template <class P>
struct center_region_kernel : P {
    using typename P::T;
    using V = typename P::number;

    BOXGRAD_FN void operator()(index n) const {
        const auto p = this->at(n);
        const mask_t<V> sane = is_sane(p.prior);
        const std::int32_t free = write_states<V>(this->truth, p.b, p.i, p.count, sane, this->in_region(p));
        std::int32_t owned[static_cast<std::size_t>(width_v<V>)];
        for (int l = 0; l < width_v<V>; ++l) owned[l] = P::nobody;
        V least(P::largest);
        for (index g = this->truths.offset(p.b); g < this->truths.offset(p.b + 1); ++g) {
            const V area(this->truths.at(g).area());
            const mask_t<V> better = area < least && this->in_core(p, g);
            if (!any(better)) continue;
            least = select(better, area, least);
            const std::int32_t bits = lane_bits(better);
            for (int l = 0; l < width_v<V>; ++l) {
                if ((bits >> l & 1) != 0) owned[l] = static_cast<std::int32_t>(g - this->truths.offset(p.b));
            }
        }
        std::int32_t overridden = 0;
        index shadows[static_cast<std::size_t>(width_v<V>)]{};
        index cores[static_cast<std::size_t>(width_v<V>)]{};
        this->for_rows(p, lane_bits(sane), owned, [&](int l, std::int32_t k, bool of_core) {
            if ((free >> l & 1) != 0 && owned[l] >= 0 && this->label_of(p.b, k) == this->label_of(p.b, owned[l])) {
                if (this->foreground_dominate) return;
                overridden |= std::int32_t{1} << l;
            }
            ++(of_core ? cores : shadows)[l];
        });
        for (int l = 0; l < p.count; ++l) {
            const index i = p.i + l;
            if ((free >> l & 1) != 0 && owned[l] >= 0 && (overridden >> l & 1) == 0) this->truth(p.b, i) = owned[l];
            this->owner(p.b, i) = shadows[l] + cores[l] == 0 ? P::no_rows : owned[l];
            this->shadow_rows(p.b, i) = shadows[l];
            this->core_rows(p.b, i) = cores[l];
        }
    }
};

/// From numbers of rows to places of rows.
template <class P>
struct center_region_places : P {
    BOXGRAD_FN void operator()(index b) const {
        this->total(2 * b) = sum(this->shadow_rows, b, 0);
        this->total(2 * b + 1) = sum(this->core_rows, b, this->total(2 * b)) - this->total(2 * b);
    }
    BOXGRAD_FN static index sum(const view<index, 2>& rows, index b, index at) {
        for (index i = 0; i < rows.extent[1]; ++i) {
            const index n = rows(b, i);
            rows(b, i) = at;
            at += n;
        }
        return at;
    }
};

/// Writes rows: prior, label.
template <class P>
struct center_region_rows : P {
    using V = typename P::number;
    view<std::int32_t, 2> out;   // [M, 2]
    view<const index, 1> first;  // [B] of an image

    BOXGRAD_FN void operator()(index n) const {
        const index b = n / this->packs();
        const index i = n % this->packs() * width_v<V>;
        std::int32_t owned[static_cast<std::size_t>(width_v<V>)]{};
        std::int32_t listed = 0;
        const int count = rows_left<V>(this->priors.size(), i);
        for (int l = 0; l < count; ++l) {
            owned[l] = this->owner(b, i + l);
            listed |= static_cast<std::int32_t>(owned[l] != P::no_rows) << l;
        }
        if (listed == 0) return;
        index written[2][static_cast<std::size_t>(width_v<V>)]{};
        this->for_rows(this->at(n), listed, owned, [&](int l, std::int32_t k, bool of_core) {
            const std::int32_t label = this->label_of(b, k);
            if (this->foreground_dominate && this->truth(b, i + l) >= 0 && label == this->label_of(b, owned[l])) return;
            const index row =
                first(b) + (of_core ? this->core_rows : this->shadow_rows)(b, i + l) + written[of_core ? 1 : 0][l]++;
            out(row, 0) = static_cast<std::int32_t>(i + l);
            out(row, 1) = label;
        });
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
