// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What has to be known of labels and weights before a loss may write anything: whether they are good, how many
/// elements count, and what their weights sum to.

#include <boxgrad/backend/sum.hpp>
#include <boxgrad/core/reduction.hpp>
#include <boxgrad/loss/detail/reader.hpp>

namespace boxgrad::inline BOXGRAD_ABI::loss::detail {

/// Every target is good.
struct any_target {};

/// Rows of `columns` elements each. Targets are labels or numbers, one a row; weights are one a row or one an element.
template <class T, int R, int Q, class Accepts>
struct survey_kernel {
    static constexpr index block = 1024;

    label_reader<Q> labels;
    reader<const T, Q> numbers;   ///< one a row
    reader<const T, R> elements;  ///< dense targets, of which some may be ignored
    reader<const T, R> element_weights;
    reader<const T, Q> row_weights;
    view<const T, 1> label_weights;  ///< of classes, where they weigh rows
    Accepts accepts{};
    ignoring ignored;
    std::int64_t highest_label = 0;
    index rows = 0, columns = 1, accepted_columns = 1;
    view<index, 1> bad_target, bad_weight;  ///< a block each: its first bad row, or -1
    view<double, 1> valid, weights;

    BOXGRAD_FN index blocks() const { return (rows + block - 1) / block; }

    BOXGRAD_FN void operator()(index b) const {
        const index end = rows < (b + 1) * block ? rows : (b + 1) * block;
        index target_at = -1;
        index weight_at = -1;
        index counted = 0;
        double sum = 0;
        for (index i = b * block; i < end; ++i) {
            bool counts = true;
            double by_label = 1;
            if (labels.given()) {
                const std::int64_t l = labels.at(i);
                counts = !ignored(l);
                const bool good = !counts || (l >= 0 && l <= highest_label);
                if (!good && target_at < 0) target_at = i;
                if (counts && good && label_weights.data != nullptr) by_label = static_cast<double>(label_weights(l));
            }
            if constexpr (!std::same_as<Accepts, any_target>) {
                if (counts && numbers.given() && !accepts.accepts(numbers.at(i), accepted_columns) && target_at < 0) target_at = i;
            }
            double w = static_cast<double>(columns);
            if (row_weights.given()) {
                const T x = row_weights.at(i);
                if (!(x >= T(0)) && weight_at < 0) weight_at = i;
                w *= static_cast<double>(x);
            }
            if (element_weights.given() || elements.given()) {
                double row = 0;
                index left = 0;
                for (index c = i * columns; c < (i + 1) * columns; ++c) {
                    const bool here = !elements.given() || !ignored(elements.at(c));
                    const T x = element_weights.given() ? element_weights.at(c) : T(1);
                    if (!(x >= T(0)) && weight_at < 0) weight_at = i;
                    row += here ? static_cast<double>(x) : 0.0;
                    left += here ? 1 : 0;
                }
                w *= row / static_cast<double>(columns);
                if (counts) counted += left;
            } else if (counts) {
                counted += columns;
            }
            if (counts) sum += w * by_label;
        }
        bad_target(b) = target_at;
        bad_weight(b) = weight_at;
        valid(b) = static_cast<double>(counted);
        weights(b) = sum;
    }
};

/// Throws config_error for a bad target or weight.
template <class B, class T, int R, int Q, class Accepts>
reduction::denominators survey(const B& b, const char* op, survey_kernel<T, R, Q, Accepts> k) {
    const index n = k.blocks();
    auto bad_target = b.template make<index, 1>(extents<1>{{n}});
    auto bad_weight = b.template make<index, 1>(extents<1>{{n}});
    auto valid = b.template make<double, 1>(extents<1>{{n}});
    auto weights = b.template make<double, 1>(extents<1>{{n}});
    k.bad_target = as_view<1>(b, bad_target, op, "scratch");
    k.bad_weight = as_view<1>(b, bad_weight, op, "scratch");
    k.valid = as_view<1>(b, valid, op, "scratch");
    k.weights = as_view<1>(b, weights, op, "scratch");
    b.for_each(n, k);
    for (const index row : to_host<1>(b, bad_target)) {
        if (row < 0) continue;
        raise(config_error(complaint(op, "target",
                                     k.labels.given() ? "labels from 0 to " + std::to_string(k.highest_label)
                                                      : std::string("numbers within the term's range"),
                                     "another in row " + std::to_string(row))));
    }
    for (const index row : to_host<1>(b, bad_weight)) {
        if (row < 0) continue;
        raise(config_error(complaint(op, "weight", "not negative", "a negative or NaN entry in row " + std::to_string(row))));
    }
    summation<B> sum(b, n);
    return {k.rows * k.columns, static_cast<index>(sum(k.valid)), sum(k.weights)};
}

}  // namespace boxgrad::inline BOXGRAD_ABI::loss::detail
