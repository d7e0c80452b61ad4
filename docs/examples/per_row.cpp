// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/loss/bce.hpp>
#include <boxgrad/loss/per_row.hpp>

#include <array>
#include <cstdio>

int main() {
    namespace loss = boxgrad::loss;
    const boxgrad::memory<double> backend;
    const std::vector<std::array<double, 3>> logits{{2, 0, -1}, {0, 3, 0}};
    const std::vector<std::int64_t> labels{0, 3};  // 3: background
    const loss::per_row<loss::bce> term;

    const auto rows = loss::value(backend, term, boxgrad::reduction::none{}, logits, labels);
    std::printf("rows %.4f %.4f\n", rows(0), rows(1));
    std::printf("mean of rows %.4f\n", loss::value(backend, term, boxgrad::reduction::mean{}, logits, labels));
    std::printf("mean of elements %.4f\n",
                loss::value(backend, loss::bce{}, boxgrad::reduction::mean{}, logits, labels));
}
