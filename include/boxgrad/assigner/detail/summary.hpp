// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/assigner/result.hpp>

namespace boxgrad::inline BOXGRAD_ABI::assigner::detail {

/// What kernels write in the place of a truth until `summarise` turns it into `background`, `ignored`: no
/// truth can have such a prior.
inline constexpr std::int32_t quarantined = -3;
inline constexpr std::int32_t in_region = -4;  ///< within an ignored region

/// Counts the positives of an image and of its truths, and its quarantined priors.
struct count_kernel {
    view<std::int32_t, 2> truth;
    view<const index, 1> offset;
    view<const std::int32_t, 1> row;
    view<std::int32_t, 1> positives, insane, of_truth;

    BOXGRAD_FN void operator()(index b) const {
        const index first = offset(b);
        const index last = offset(b + 1);
        for (index g = first; g < last; ++g) of_truth(g) = 0;
        std::int32_t n = 0;
        std::int32_t bad = 0;
        for (index i = 0; i < truth.extent[1]; ++i) {
            const std::int32_t t = truth(b, i);
            if (t >= 0) {
                ++n;
                ++of_truth(first + t);
                truth(b, i) = row(first + t);  // the caller's number: dropped truths keep theirs
            } else {
                bad += t == quarantined ? 1 : 0;
                if (t == quarantined) truth(b, i) = background;
                if (t == in_region) truth(b, i) = ignored;
            }
        }
        positives(b) = n;
        insane(b) = bad;
    }
};

/// How many numbers `summarise` needs for its counts: taken before the first kernel (promise P22).
inline index count_size(index images, index truths) { return 2 * images + truths; }

/// A share of the rows of a view.
template <class T, int R>
view<T, R> rows_from(view<T, R> v, index from, index n) {
    v.data += from * v.stride[0];
    v.extent[0] = n;
    return v;
}

/// Tells a result what was counted: `count_size` numbers, and whatever follows.
template <class B>
void tell_counts(result<B>& r, const std::vector<std::int32_t>& counts, index images,
                 const boxgrad::detail::device_truths<B>& truths) {
    const auto at = [&](index i) { return static_cast<index>(counts[static_cast<std::size_t>(i)]); };
    for (index i = 0; i < images; ++i) {
        r.positives.push_back(at(i));
        r.nonfinite_priors += at(images + i);
    }
    r.truth_positives.assign(static_cast<std::size_t>(truths.size() + truths.dropped), 0);
    for (index g = 0; g < truths.size(); ++g) {
        r.truth_positives[static_cast<std::size_t>(truths.kept[static_cast<std::size_t>(g)])] = at(2 * images + g);
    }
    r.dropped_truths = truths.dropped + truths.dropped_regions;
}

/// The result of an assignment whose kernels left in `truth` [B, N], for each prior, the number of its truth
/// among those of its image that were kept, or `background`, `ignored`, `quarantined`, `in_region`.
template <class B>
result<B> summarise(const B& b, tensor_t<B, std::int32_t, 2>&& truth, tensor_t<B, typename B::scalar, 2>&& overlap,
                    const boxgrad::detail::device_truths<B>& truths, tensor_t<B, std::int32_t, 1>& counts) {
    const auto t = as_view<2>(b, truth, "assigner", "scratch");
    const index images = t.extent[0];
    const auto look = truths.look(b);
    const auto c = as_view<1>(b, counts, "assigner", "scratch");
    b.for_each(images, count_kernel{t, look.offset, look.row, rows_from(c, 0, images), rows_from(c, images, images),
                                    rows_from(c, 2 * images, truths.size())});
    result<B> r{std::move(truth), std::move(overlap), {}, {}};
    tell_counts(r, to_host<1>(b, counts), images, truths);
    return r;
}

/// Throws size_error where rows are too many for the numbers that hold them.
inline void check_sizes(const char* op, index images, index priors, index truths) {
    if (priors > std::numeric_limits<std::int32_t>::max() || truths > std::numeric_limits<std::int32_t>::max()) {
        raise(size_error(std::string(op) + ": more than 2^31 priors or truths"));
    }
    checked_product(op, images, priors);
}

/// Throws size_error where an image has more truths than lanes of T can number.
template <class B>
void check_truth_numbers(const char* op, const boxgrad::detail::device_truths<B>& truths) {
    constexpr index most = sizeof(typename B::scalar) == 4 ? index{1} << 24 : std::numeric_limits<std::int32_t>::max();
    for (index i = 0; i < truths.images(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        if (truths.host_offset[at + 1] - truths.host_offset[at] > most) {
            raise(size_error(std::string(op) + ": more than " + std::to_string(most) + " truths in image " +
                             std::to_string(i)));
        }
    }
}

}  // namespace boxgrad::inline BOXGRAD_ABI::assigner::detail
