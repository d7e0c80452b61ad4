// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// How a loss becomes a number. A type, so that what a combination cannot mean does not compile: an
/// average factor belongs to the mean alone. Formulas with w = 1 where no weight is given:
///
///     none           w·l                           per element
///     sum            Σ w·l
///     mean           Σ w·l / n                     n: all elements, those of weight 0 too; 0 for n = 0
///     mean_over      Σ w·l / (avg_factor + ε)      ε = 2^-23 in every precision, as mmdetection has it
///     mean_valid     the same over the elements whose target is not ignored: `avg_non_ignore`
///     mean_weights   the same over Σ w of the valid elements, class weights of rows included

#include <boxgrad/core/error.hpp>

#include <cmath>
#include <concepts>
#include <optional>
#include <string_view>
#include <variant>

namespace boxgrad::inline BOXGRAD_ABI {

namespace reduction {

struct none {};
struct sum {};
struct mean {};
/// The mean over a count of the caller's, often the positives summed over ranks. Finite and >= 0.
struct mean_over {
    double avg_factor;
};
struct mean_valid {};
struct mean_weights {};

/// What a mean divides by: all elements, a given factor, the valid elements, or the sum of weights.
template <class R>
concept mean_denominator = std::same_as<R, mean> || std::same_as<R, mean_over> || std::same_as<R, mean_valid> ||
                           std::same_as<R, mean_weights>;

template <class R>
concept kind = std::same_as<R, none> || std::same_as<R, sum> || mean_denominator<R>;

/// What there is to divide by.
struct denominators {
    index elements = 0;
    index valid = 0;
    double weights = 0;
};

/// What the sum is multiplied with. Throws config_error for an average factor that is negative or
/// not finite (promise P33).
template <kind R>
double scale([[maybe_unused]] const R& r, [[maybe_unused]] const denominators& d) {
    const auto over = [](double factor) { return 1.0 / (factor + 0x1p-23); };
    if constexpr (std::same_as<R, mean>) {
        return d.elements > 0 ? 1.0 / static_cast<double>(d.elements) : 0.0;
    } else if constexpr (std::same_as<R, mean_over>) {
        if (!(std::isfinite(r.avg_factor) && r.avg_factor >= 0)) {
            raise(config_error(complaint("reduction", "avg_factor", "finite and not negative",
                                         std::to_string(r.avg_factor))));
        }
        return over(r.avg_factor);
    } else if constexpr (std::same_as<R, mean_valid>) {
        return over(static_cast<double>(d.valid));
    } else if constexpr (std::same_as<R, mean_weights>) {
        return over(d.weights);
    } else {
        return 1.0;
    }
}

using any = std::variant<none, sum, mean, mean_over, mean_valid>;

/// The reduction of a configuration file, by mmdetection's rules: an average factor is ignored by
/// `none`, refused by `sum`, and goes before `avg_non_ignore`.
inline any parse(std::string_view name, std::optional<double> avg_factor = std::nullopt,
                 bool avg_non_ignore = false) {
    if (name == "none") return none{};
    if (name == "mean") {
        if (avg_factor) return mean_over{*avg_factor};
        return avg_non_ignore ? any(mean_valid{}) : any(mean{});
    }
    if (name != "sum") {
        raise(config_error(complaint("reduction", "name", "none, sum or mean", std::string(name))));
    }
    if (avg_factor) raise(config_error("reduction: avg_factor cannot be used with sum"));
    return sum{};
}

}  // namespace reduction

}  // namespace boxgrad::inline BOXGRAD_ABI
