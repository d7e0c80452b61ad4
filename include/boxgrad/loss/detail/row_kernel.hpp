// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Terms of whole rows. A row is all numbers along the class axis, the second: [N, C], [N, C, L], [N, C, H, W].

#include <boxgrad/loss/detail/elementwise_kernel.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss::detail {

/// A row's target: the number of a class and its score, one number, or a number for each of its own.
template <class T>
struct label_target {
    index label;
    T score;
};
template <class T>
struct number_target {
    T number;
};
template <class T>
struct dense_target {
    const T* first;
    index stride;
};

/// What a term over rows sees: numbers a pack at a time, the target, and where its gradient goes. All gradients
/// that it hands over are those of the loss alone times `factor()`. Dense: all strides are 1.
template <class V, class Target, bool Dense = false>
struct row_of {
    using number = V;
    using scalar = scalar_t<V>;
    using T = scalar;

    const T* first;
    index stride, size_;
    Target target_;
    T* gradient_first;  ///< nullptr: none is wanted
    index gradient_stride;
    T factor_;

    BOXGRAD_FN static constexpr index step(index s) { return Dense ? 1 : s; }

    BOXGRAD_FN index size() const { return size_; }
    /// Numbers c to c + count; missing lanes repeat the first.
    BOXGRAD_FN V at(index c, int count) const { return load<V>(first + c * step(stride), step(stride), count); }
    BOXGRAD_FN T at(index c) const { return first[c * step(stride)]; }
    BOXGRAD_FN const Target& target() const { return target_; }
    BOXGRAD_FN V target(index c, int count) const {
        return load<V>(target_.first + c * step(target_.stride), step(target_.stride), count);
    }

    BOXGRAD_FN bool wants_gradient() const { return gradient_first != nullptr; }
    BOXGRAD_FN T factor() const { return factor_; }
    /// The gradient's memory serves as scratch until the gradient itself is written.
    BOXGRAD_FN void write(V g, index c, int count) const {
        store(g, gradient_first + c * step(gradient_stride), step(gradient_stride), count);
    }
    BOXGRAD_FN void write(T g, index c) const { gradient_first[c * step(gradient_stride)] = g; }
    BOXGRAD_FN V written(index c, int count) const {
        const index s = step(gradient_stride);
        return load<V>(static_cast<const T*>(gradient_first) + c * s, s, count);
    }

    BOXGRAD_FN row_of scaled(T by) const {
        row_of r = *this;
        r.factor_ *= by;
        return r;
    }
    /// f(c, count) for every pack of the row.
    template <class F>
    BOXGRAD_FN void for_packs(const F& f) const {
        for (index c = 0; c < size_; c += width_v<V>) f(c, rows_left<V>(size_, c));
    }
};

/// Rows that a term takes at once: 1, or as many as keep a core busy while each waits for its sums.
template <class Term, class V, class Target>
inline constexpr int rows_at_once = 1;
template <class Term, class V, class Target>
    requires(1 < width_v<V> && requires(const Term& t, const row_of<V, Target> (&r)[16], const bool (&counts)[16],
                                        scalar_t<V> (&l)[16]) { t.several(r, counts, 16, l); })
inline constexpr int rows_at_once<Term, V, Target> = 16;

enum class row_target { label, number, dense };

/// Value, sum and gradient of a block of rows.
template <class Term, class V, int R, row_target Kind>
struct row_kernel {
    using T = scalar_t<V>;
    static constexpr int Q = R - 1;
    using target_type = std::conditional_t<Kind == row_target::label, label_target<T>,
                                           std::conditional_t<Kind == row_target::number, number_target<T>, dense_target<T>>>;
    static constexpr int at_once = rows_at_once<Term, V, target_type>;

    Term term{};
    view<const T, R> prediction{}, dense{};
    label_reader<Q> labels{};
    reader<const T, Q> scores{}, numbers{}, weight{};
    view<const T, 1> label_weight{};
    ignoring ignored{};
    outputs<T, R, Q> out{};
    index rows = 0, block = 1;

    BOXGRAD_FN index blocks() const { return (rows + block - 1) / block; }

    BOXGRAD_FN void operator()(index b) const {
        if constexpr (1 < at_once) {
            if (is_dense()) return run<true>(b);
        }
        run<false>(b);
    }

private:
    BOXGRAD_FN bool is_dense() const {
        return prediction.stride[1] == 1 && (!out.gradient.given() || out.gradient.v.stride[1] == 1) &&
               (Kind != row_target::dense || dense.stride[1] == 1);
    }
    template <bool Dense>
    BOXGRAD_FN void run(index b) const {
        const index end = rows < (b + 1) * block ? rows : (b + 1) * block;
        double sum = 0;
        double few = 0;  // so that the chain of roundings is short
        for (index i = b * block; i < end; i += at_once) {
            T l[static_cast<std::size_t>(at_once)];
            const int n = end - i < at_once ? static_cast<int>(end - i) : at_once;
            losses<Dense>(i, n, l);
            for (int k = 0; k < n; ++k) {
                if (out.value.given()) out.value.at(i + k) = l[k];
                few += static_cast<double>(l[k]);
                if ((i + k) % 32 != 31 && i + k + 1 != end) continue;
                sum += few;
                few = 0;
            }
        }
        out.partial(b) = sum;
    }

    /// Where row i begins: all axes but the second.
    template <class U>
    BOXGRAD_FN static U* begin_of(const view<U, R>& v, index i) {
        U* p = v.data;
        for (int a = R - 1; a > 1; --a) {
            p += i % v.extent[a] * v.stride[a];
            i /= v.extent[a];
        }
        return p + i * v.stride[0];
    }
    BOXGRAD_FN target_type target_at(index i) const {
        if constexpr (Kind == row_target::label) {
            return label_target<T>{static_cast<index>(labels.at(i)), scores.given() ? scores.at(i) : T(1)};
        } else if constexpr (Kind == row_target::number) {
            return number_target<T>{numbers.at(i)};
        } else {
            return dense_target<T>{begin_of(dense, i), dense.stride[1]};
        }
    }
    /// A row, whose weight is left in w.
    template <bool Dense>
    BOXGRAD_FN row_of<V, target_type, Dense> row_at(index i, T& w) const {
        w = weight.given() ? weight.at(i) : T(1);
        const target_type target = target_at(i);
        if constexpr (Kind == row_target::label) {
            if (ignored(target.label)) {
                w = T(0);
            } else if (label_weight.data != nullptr) {
                w = w == T(0) ? T(0) : w * label_weight(target.label);
            }
        }
        row_of<V, target_type, Dense> row{begin_of(prediction, i), prediction.stride[1], prediction.extent[1], target, nullptr, 0, T(0)};
        if (out.gradient.given()) {
            row.gradient_first = begin_of(out.gradient.v, i);
            row.gradient_stride = out.gradient.v.stride[1];
            row.factor_ = w * out.upstream_scale * (out.upstream.given() ? out.upstream.at(i) : T(1));
        }
        return row;
    }
    template <bool Dense, std::size_t size>
    BOXGRAD_FN void losses(index first, int n, T (&l)[size]) const {
        T w[size];
        bool counts[size];
        row_of<V, target_type, Dense> row[size];
        const int here = size == 1 ? 1 : n;  // said so that compilers see what is initialised
        for (int k = 0; k < here; ++k) {
            const auto& r = row[k] = row_at<Dense>(first + k, w[k]);
            counts[k] = w[k] != T(0);
            if (!counts[k] && r.wants_gradient()) r.for_packs([&](index c, int count) { r.write(V(T(0)), c, count); });
        }
        if constexpr (1 < at_once) {
            term.several(row, counts, n, l);
            for (int k = 0; k < n; ++k) l[k] = counts[k] ? w[k] * l[k] : T(0);
        } else {
            l[0] = counts[0] ? w[0] * term.row(row[0]) : T(0);
        }
    }
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss::detail
