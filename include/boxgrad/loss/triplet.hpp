// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/parameter.hpp>
#include <boxgrad/loss/detail/objects.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss {

namespace detail {

/// The farthest of a row's class and the nearest of the others, by squared distance.
template <class T>
struct triplet_search_kernel {
    view<const T, 2> x;
    label_reader<1> labels;
    view<index, 2> found;  ///< [N, 2]; -1: there is none
    view<T, 2> distance;   ///< [N, 2]

    BOXGRAD_FN void operator()(index i) const {
        index at[2]{-1, -1};
        T best[2]{T(0), T(0)};
        for (index j = 0; j < x.extent[0]; ++j) {
            const int side = labels.at(j) == labels.at(i) ? 0 : 1;
            T square = 0;
            for (index c = 0; c < x.extent[1]; ++c) {
                const T d = x(i, c) - x(j, c);
                square = square + d * d;
            }
            const bool nan = !(square == square);
            const bool better = side == 0 ? square > best[0] : square < best[1];
            const bool held = at[side] >= 0 && !(best[side] == best[side]);  // NaN stays
            if (!held && (at[side] < 0 || better || nan)) {
                at[side] = j;
                best[side] = square;
            }
        }
        for (int s = 0; s < 2; ++s) {
            found(i, s) = at[s];
            distance(i, s) = sqrt(max(best[s], T(1e-12)));
        }
    }
};

/// max(0, d_ap - d_an + margin) of an anchor, and the slopes by both distances, each over the distance.
template <class T>
struct triplet_loss_kernel {
    view<const T, 2> distance;
    T margin, upstream;
    view<double, 1> value;
    view<T, 2> slope;

    BOXGRAD_FN void operator()(index i) const {
        const T l = (distance(i, 0) - distance(i, 1)) + margin;
        value(i) = l < T(0) ? 0.0 : static_cast<double>(l);
        const T least = sqrt(T(1e-12));
        for (int s = 0; s < 2; ++s) {
            const T d = distance(i, s);
            slope(i, s) = l < T(0) || d <= least ? T(0) : (s == 0 ? upstream : -upstream) / d;
        }
    }
};

/// Gathers what anchors say of row j, itself included.
template <class T>
struct triplet_gradient_kernel {
    view<const T, 2> x;
    view<const index, 2> found;
    view<const T, 2> slope;
    view<T, 2> gradient;

    BOXGRAD_FN void operator()(index j) const {
        for (index c = 0; c < x.extent[1]; ++c) gradient(j, c) = T(0);
        for (index i = 0; i < x.extent[0]; ++i) {
            for (int s = 0; s < 2; ++s) {
                const T by = slope(i, s);
                const index other = i == j ? found(i, s) : found(i, s) == j ? i : j;
                if (by == T(0) || other == j) continue;
                for (index c = 0; c < x.extent[1]; ++c) gradient(j, c) = gradient(j, c) + by * (x(j, c) - x(other, c));
            }
        }
    }
};

}  // namespace detail

/// Triplet loss with the hardest positive and the hardest negative of the batch for every anchor.
///
///     d(i, j) = |x_i - x_j|, at least 1e-6
///     l = loss_weight/N · Σ_i max(0, max_{j of i's class} d(i, j) - min_{j of others} d(i, j) + margin)
///     ∂d(i, j)/∂x_i = (x_i - x_j)/d = -∂d(i, j)/∂x_j        0 where the distance is raised to 1e-6
///
/// Embeddings [N, D], labels [N] of any whole numbers. An anchor is of its own class; of equal distances the first row
/// counts. The gradient passes at the hinge's kink. Distances are sums of squared differences: those of nearby rows
/// keep their digits, where mmdetection's expansion of the square cancels. N = 0 gives 0.
///
/// Errors: shape_error; config_error for an anchor without a negative, naming the row (the reference fails there, too),
/// and for a margin that is not finite. Cost: O(N²·D); scratch O(N).
///
/// Hermans et al., In Defense of the Triplet Loss, 2017, equation 5 (batch hard); mmdetection 3.3, TripletLoss.
struct triplet {
    double margin = 0.3;
    double loss_weight = 1;

    constexpr void check() const {
        check_finite("loss::triplet", "margin", margin);
        check_finite("loss::triplet", "loss_weight", loss_weight);
    }

    template <backend B, detail::numbers_for<B> X, detail::labels_for<B> Y>
    typename B::scalar value(const B& b, const X& embeddings, const Y& labels) const {
        return run(b, "triplet::value", as_const_view<2>(b, embeddings, "triplet::value", "embeddings"), labels, 1.0,
                   ones{});
    }
    template <backend B, detail::numbers_for<B> X, detail::labels_for<B> Y>
    auto value_and_gradient(const B& b, const X& embeddings, const Y& labels, double upstream = 1) const {
        using T = typename B::scalar;
        const char* op = "triplet::value_and_gradient";
        const auto x = as_const_view<2>(b, embeddings, op, "embeddings");
        auto gradient = b.template make<T, 2>(x.extent);
        const T v = run(b, op, x, labels, upstream, as_view<2>(b, gradient, op, "gradient"));
        return evaluated<T, decltype(gradient)>{v, std::move(gradient)};
    }

private:
    template <class B, class T, class Y, class G>
    T run(const B& b, const char* op, const view<const T, 2>& x, const Y& labels, double upstream,
          const G& gradient) const {
        check();
        const index n = x.extent[0];
        const detail::label_reader<1> y = detail::read_labels<1>(b, op, "labels", labels, {{n}});
        const extents<2> two{{n, 2}};
        auto found = b.template make<index, 2>(two);
        auto distance = b.template make<T, 2>(two);
        auto slope = b.template make<T, 2>(two);
        auto value = b.template make<double, 1>(extents<1>{{n}});
        const auto values = as_view<1>(b, value, op, "scratch");
        b.for_each(n, detail::triplet_search_kernel<T>{x, y, as_view<2>(b, found, op, "scratch"),
                                                       as_view<2>(b, distance, op, "scratch")});
        const auto at = to_host<2>(b, found);
        for (std::size_t i = 1; i < at.size(); i += 2) {
            if (at[i] >= 0) continue;
            raise(config_error(
                complaint(op, "labels", "of two classes at least", "no negative for row " + std::to_string(i / 2))));
        }
        const double scale = n == 0 ? 0.0 : loss_weight / static_cast<double>(n);
        b.for_each(n, detail::triplet_loss_kernel<T>{as_const_view<2>(b, distance, op, "scratch"),
                                                     static_cast<T>(margin), static_cast<T>(scale * upstream), values,
                                                     as_view<2>(b, slope, op, "scratch")});
        if constexpr (!std::same_as<G, ones>) {
            b.for_each(n, detail::triplet_gradient_kernel<T>{x, as_const_view<2>(b, found, op, "scratch"),
                                                             as_const_view<2>(b, slope, op, "scratch"), gradient});
        }
        summation<B> sum(b, n);
        return static_cast<T>(sum(values) * scale);
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
