// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// How a loss becomes a number. A type, so that what a combination cannot mean does not compile: an
/// average factor belongs to the mean alone. Formulas with w = 1 where no weight is given:
///
///     none        w·l                           per element
///     sum         Σ w·l
///     mean        Σ w·l / n                     n: all elements, those of weight 0 too; 0 for n = 0
///     mean_over   Σ w·l / (avg_factor + ε)      ε = 2^-23 in every precision, as mmdetection has it

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

template <class R>
concept kind = std::same_as<R, none> || std::same_as<R, sum> || std::same_as<R, mean> ||
               std::same_as<R, mean_over>;

/// What the sum is multiplied with. Throws config_error for an average factor that is negative or
/// not finite (promise P33).
template <kind R>
double scale([[maybe_unused]] const R& r, [[maybe_unused]] index n) {
    if constexpr (std::same_as<R, mean>) {
        return n > 0 ? 1.0 / static_cast<double>(n) : 0.0;
    } else if constexpr (std::same_as<R, mean_over>) {
        if (!(std::isfinite(r.avg_factor) && r.avg_factor >= 0)) {
            raise(config_error(complaint("reduction", "avg_factor", "finite and not negative",
                                         std::to_string(r.avg_factor))));
        }
        return 1.0 / (r.avg_factor + 0x1p-23);
    } else {
        return 1.0;
    }
}

using any = std::variant<none, sum, mean, mean_over>;

/// The reduction of a configuration file, by mmdetection's rules: an average factor is ignored by
/// `none` and refused by `sum`.
inline any parse(std::string_view name, std::optional<double> avg_factor = std::nullopt) {
    if (name == "none") return none{};
    if (name == "mean") return avg_factor ? any(mean_over{*avg_factor}) : any(mean{});
    if (name != "sum") {
        raise(config_error(complaint("reduction", "name", "none, sum or mean", std::string(name))));
    }
    if (avg_factor) raise(config_error("reduction: avg_factor cannot be used with sum"));
    return sum{};
}

}  // namespace reduction

}  // namespace boxgrad::inline BOXGRAD_ABI
