// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/coder/coder.hpp>
#include <boxgrad/loss/evaluate.hpp>
#include <boxgrad/loss/giou.hpp>

#include <cstdio>

namespace bg = boxgrad;

struct corner_shift {  // each corner's shift, in sizes of the prior
    template <class V> using prior_of = bg::box<V>;
    template <class V> using code_of = bg::box<V>;
    template <bg::plain_number V>
    BOXGRAD_FN constexpr bg::box<V> encode(const bg::box<V>& p, const bg::box<V>& b) const {
        const V w = p.width(), h = p.height();
        return {(b.x1 - p.x1) / w, (b.y1 - p.y1) / h, (b.x2 - p.x2) / w, (b.y2 - p.y2) / h};
    }
    template <bg::number V>
    BOXGRAD_FN constexpr bg::box<V> decode(const bg::box<bg::base_t<V>>& p, const bg::box<V>& c) const {
        const V w(p.width()), h(p.height());
        return {V(p.x1) + c.x1 * w, V(p.y1) + c.y1 * h, V(p.x2) + c.x2 * w, V(p.y2) + c.y2 * h};
    }
};
static_assert(bg::coder::box_coder<corner_shift>);

int main() {
    const bg::memory<double> backend;
    const std::vector<std::array<double, 4>> priors{{0, 0, 20, 10}}, truths{{4, 1, 30, 12}};
    std::vector<std::array<double, 4>> codes{{0.1, 0, 0.2, 0.1}};
    const auto loss = [&] {
        const auto boxes = bg::coder::decode(backend, corner_shift{}, priors, codes);
        return bg::loss::value_and_gradient(backend, bg::loss::giou{}, bg::reduction::sum{}, boxes, truths);
    };
    const auto [value, slope] = loss();  // with respect to the boxes, then to the codes:
    const auto gradient = bg::coder::decode_gradient(backend, corner_shift{}, priors, codes, slope);
    for (int i = 0; i < 4; ++i) {
        double& code = codes[0][static_cast<std::size_t>(i)];
        code += 1e-5;
        const double above = loss().value;
        code -= 1e-5;
        std::printf("code %d: gradient %.2f, by a difference %.2f\n", i, gradient(0, i), (above - value) / 1e-5);
    }
}
