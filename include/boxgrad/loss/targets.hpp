// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What a loss is compared with, where that is more than a tensor: labels and dense targets with an index
/// to ignore, with scores, with weights of classes.
///
///     loss::value(b, loss::cross_entropy{}, red, logits, loss::targets(labels).ignore_index(255))
///
/// Labels are whole numbers in a tensor of one axis less than the prediction. A plain tensor of whole
/// numbers stands for `targets` of it.
///
///     elementwise terms   [N, C] against labels [N]: the target is 1, or the label's score, at the label, else
///                         0; label C is background, a row of zeros
///     terms over softmax  [N, C, ...] against labels [N, ...] below C
///
/// Errors: config_error names the first row whose label is no class (promise P10).

#include <boxgrad/backend/concept.hpp>

#include <optional>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// Left out: as if all were 1.
struct ones {};

/// Made by `targets`; refers to the tensors, which have to outlive the call.
template <class Y, class S = ones, class C = ones>
struct targets_of {
    const Y* tensor = nullptr;
    const S* score = nullptr;
    const C* class_weights = nullptr;
    std::optional<std::int64_t> ignored{};
    bool negatives_ignored = false;

    /// Rows of this label do not count; with dense targets, elements of this value.
    constexpr targets_of ignore_index(std::int64_t label) const {
        targets_of r = *this;
        r.ignored = label;
        return r;
    }
    /// Rows of negative labels do not count, or elements of negative targets, as mmdetection's sigmoid
    /// cross entropy has it. Else they are errors.
    constexpr targets_of ignore_negatives() const {
        targets_of r = *this;
        r.negatives_ignored = true;
        return r;
    }
    /// The target at the label in place of 1, [N].
    template <class X>
    constexpr targets_of<Y, X, C> scores(const X& x) const {
        return {tensor, &x, class_weights, ignored, negatives_ignored};
    }
    /// [C]. Terms over softmax: a row's weight is that of its label. `bce`: weights of the positive parts.
    template <class X>
    constexpr targets_of<Y, S, X> class_weight(const X& x) const {
        return {tensor, score, &x, ignored, negatives_ignored};
    }
    template <class X>
    void scores(const X&&) const = delete;
    template <class X>
    void class_weight(const X&&) const = delete;
};

template <class Y>
constexpr targets_of<Y> targets(const Y& y) {
    return {&y};
}
template <class Y>
void targets(const Y&&) = delete;

namespace detail {

template <class Y>
struct is_targets : std::false_type {};
template <class Y, class S, class C>
struct is_targets<targets_of<Y, S, C>> : std::true_type {};

/// Any target as `targets_of`.
template <class Y>
constexpr auto described(const Y& y) {
    if constexpr (is_targets<Y>::value) {
        return y;
    } else {
        return targets_of<Y>{&y};
    }
}

template <class X, class B>
concept readable_by = looked_at<B, const X>;
/// A tensor of the backend's numbers.
template <class X, class B>
concept numbers_for = readable_by<X, B> && has_element<const X, B, typename B::scalar>;
/// A tensor of labels.
template <class X, class B>
concept labels_for = readable_by<X, B> && (has_element<const X, B, std::int64_t> || has_element<const X, B, std::int32_t>);

template <class Y, class B>
struct is_target_for : std::bool_constant<numbers_for<Y, B> || labels_for<Y, B>> {};
template <class Y, class S, class C, class B>
struct is_target_for<targets_of<Y, S, C>, B> : is_target_for<Y, B> {};

/// A target of backend B: a tensor of its numbers or of labels, or `targets` of one.
template <class Y, class B>
concept target_for = is_target_for<Y, B>::value;

template <class W, class B>
concept optional_numbers = std::same_as<W, ones> || numbers_for<W, B>;

}  // namespace detail

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
