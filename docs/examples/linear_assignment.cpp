// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/assigner/linear_assignment.hpp>

#include <cstdio>

int main() {
    namespace bg = boxgrad;
    // Three workers, four jobs; worker 1 cannot do job 2.
    const double cost[] = {4, 1, 3, 9,                       //
                           2, 0, bg::infinity<double>, 5,  //
                           3, 2, 2, 8};
    const auto job = bg::assigner::linear_assignment(bg::view<const double, 2>(cost, {{3, 4}}));
    double total = 0;
    for (bg::index i = 0; i < 3; ++i) {
        const bg::index j = job[static_cast<std::size_t>(i)];
        std::printf("worker %td: job %td\n", i, j);
        total += cost[4 * i + j];
    }
    std::printf("total %g\n", total);
}
