// SPDX-License-Identifier: Apache-2.0

/// \file
/// Evaluates the functions of boxgrad/core/math.hpp at all 2^32 floats, in ascending order, and compares
/// them with the C library's in double.
///
///     ulp_scan [function...] [--scalar] [--stride n] [--threads n]
///
/// Prints per function the largest error in units in the last place and where it occurs, how many
/// neighbours fall instead of rise and by how many floats at most, and whether NaN gave NaN. The exit status
/// is 1 if an error passes 2 units or a NaN is lost.

#include "ulp.hpp"

#include <bit>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using boxgrad_test::ulp_error;

struct options {
    bool scalar = false;
    std::int64_t stride = 1;
    int threads = 2;
};

struct outcome {
    double max_ulp = 0.0;
    float worst = 0.0f;
    std::int64_t falls = 0;
    std::int64_t deepest_fall = 0;
    float falls_at = 0.0f;
    std::int64_t lost_nans = 0;

    void merge(const outcome& o) {
        if (o.max_ulp > max_ulp) {
            max_ulp = o.max_ulp;
            worst = o.worst;
        }
        if (o.deepest_fall > deepest_fall) {
            deepest_fall = o.deepest_fall;
            falls_at = o.falls_at;
        }
        falls += o.falls;
        lost_nans += o.lost_nans;
    }
};

constexpr std::int64_t infinity_rank = 0x7f800000;

/// The r-th float above (or, negative, below) zero.
float float_of_rank(std::int64_t r) {
    return r < 0 ? -std::bit_cast<float>(static_cast<std::uint32_t>(-r))
                 : std::bit_cast<float>(static_cast<std::uint32_t>(r));
}
std::int64_t rank_of_float(float x) {
    const auto i = static_cast<std::int64_t>(std::bit_cast<std::uint32_t>(x) & 0x7fffffffu);
    return std::signbit(x) ? -i : i;
}

template <class F>
void evaluate(const float* x, float* y, int count, bool scalar) {
    int i = 0;
#if BOXGRAD_HAS_XSIMD
    using pack = boxgrad::pack<float>;
    for (; !scalar && i < count; i += pack::width) {
        const int n = count - i < pack::width ? count - i : pack::width;
        boxgrad::store(F::value(boxgrad::load<pack>(x + i, 1, n)), y + i, 1, n);
    }
#endif
    static_cast<void>(scalar);
    for (; i < count; ++i) y[i] = F::value(x[i]);
}

/// Ranks from `begin` up to `end`, exclusive. The rank before `begin` counts for the order only.
template <class F>
outcome scan(std::int64_t begin, std::int64_t end, const options& o) {
    constexpr int chunk = 4096;
    float x[chunk], y[chunk];
    outcome r;
    float previous = -std::numeric_limits<float>::infinity();
    if (begin > -infinity_rank) {
        x[0] = float_of_rank(begin - o.stride);
        evaluate<F>(x, &previous, 1, o.scalar);
    }
    for (std::int64_t k = begin; k < end;) {
        int n = 0;
        for (; n < chunk && k < end; ++n, k += o.stride) x[n] = float_of_rank(k);
        evaluate<F>(x, y, n, o.scalar);
        for (int i = 0; i < n; ++i) {
            const double e = ulp_error(y[i], F::truth(static_cast<double>(x[i])));
            if (e > r.max_ulp) {
                r.max_ulp = e;
                r.worst = x[i];
            }
            if (y[i] < previous) {
                ++r.falls;
                const std::int64_t depth = rank_of_float(previous) - rank_of_float(y[i]);
                if (depth > r.deepest_fall) {
                    r.deepest_fall = depth;
                    r.falls_at = x[i];
                }
            }
            previous = y[i];
        }
    }
    return r;
}

/// Every NaN of either sign, and -0.
template <class F>
outcome scan_rest(const options& o) {
    outcome r;
    for (const std::uint32_t sign : {0u, 0x80000000u}) {
        constexpr int chunk = 4096;
        float x[chunk], y[chunk];
        for (std::int64_t k = infinity_rank + 1; k <= 0x7fffffff;) {
            int n = 0;
            for (; n < chunk && k <= 0x7fffffff; ++n, k += o.stride)
                x[n] = std::bit_cast<float>(static_cast<std::uint32_t>(k) | sign);
            evaluate<F>(x, y, n, o.scalar);
            for (int i = 0; i < n; ++i) r.lost_nans += std::isnan(y[i]) ? 0 : 1;
        }
    }
    float x = -0.0f, y = 0.0f;
    evaluate<F>(&x, &y, 1, o.scalar);
    r.max_ulp = ulp_error(y, F::truth(-0.0));
    r.worst = x;
    return r;
}

template <class F>
bool report(const options& o) {
    const std::int64_t count = 2 * infinity_rank / o.stride + 1;
    std::vector<outcome> part(static_cast<std::size_t>(o.threads));
    std::vector<std::thread> workers;
    for (int t = 0; t < o.threads; ++t) {
        workers.emplace_back([&, t] {
            // Interleaved blocks: the costs of the C library's functions differ along the axis.
            constexpr std::int64_t blocks = 256;
            for (std::int64_t b = t; b < blocks; b += o.threads) {
                const std::int64_t first = count * b / blocks, last = count * (b + 1) / blocks;
                part[static_cast<std::size_t>(t)].merge(
                    scan<F>(-infinity_rank + first * o.stride, -infinity_rank + last * o.stride, o));
            }
        });
    }
    for (auto& w : workers) w.join();
    outcome all = scan_rest<F>(o);
    for (const auto& p : part) all.merge(p);
    std::printf("%-9s %10.4f %15a %10" PRId64 " %8" PRId64 " %15a   %s\n", F::name, all.max_ulp,
                static_cast<double>(all.worst), all.falls, all.deepest_fall, static_cast<double>(all.falls_at),
                all.lost_nans == 0 ? "yes" : "NO");
    std::fflush(stdout);
    return all.max_ulp <= 2.0 && all.lost_nans == 0;
}

}  // namespace

int main(int argc, char** argv) {
    options o;
    std::vector<std::string_view> names;
    for (int i = 1; i < argc; ++i) {
        const std::string_view a = argv[i];
        if (a == "--scalar") {
            o.scalar = true;
        } else if (a == "--stride" && i + 1 < argc) {
            o.stride = std::atoll(argv[++i]);
        } else if (a == "--threads" && i + 1 < argc) {
            o.threads = std::atoi(argv[++i]);
        } else if (a.starts_with("-")) {
            std::fprintf(stderr, "usage: ulp_scan [function...] [--scalar] [--stride n] [--threads n]\n");
            return 2;
        } else {
            names.push_back(a);
        }
    }
    if (o.stride < 1 || o.threads < 1) {
        std::fprintf(stderr, "ulp_scan: stride and threads must be positive\n");
        return 2;
    }

    int known = 0;
    bool good = true;
    std::printf("%-9s %10s %15s %10s %8s %15s   %s\n", "function", "max_ulp", "at x", "falls", "deepest", "at x",
                "NaN ok");
    const auto run = [&]<class F>(F) {
        bool wanted = names.empty();
        for (const auto n : names) wanted = wanted || n == F::name;
        if (!wanted) return;
        ++known;
        good = report<F>(o) && good;
    };
    run(boxgrad_test::exp_function{});
    run(boxgrad_test::log_function{});
    run(boxgrad_test::log1p_function{});
    run(boxgrad_test::sigmoid_function{});
    run(boxgrad_test::softplus_function{});
    run(boxgrad_test::atan_function{});
    if (!names.empty() && known != static_cast<int>(names.size())) {
        std::fprintf(stderr, "ulp_scan: unknown function; known are exp log log1p sigmoid softplus atan\n");
        return 2;
    }
    return good ? 0 : 1;
}
