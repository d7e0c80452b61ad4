// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Any box coder against a case.

#include "golden_check/backends.hpp"
#include "golden_check/components/levels.hpp"

#include <boxgrad/coder/coder.hpp>

namespace golden {

/// What a coder's cases call their inputs and outputs.
struct coder_names {
    std::string codes;        ///< that encode gives
    std::string predictions;  ///< that decode takes
};

/// true for "op": "encode", false for "decode".
inline bool encodes(const recorded& c) {
    const std::string op = c.text("op", "");
    if (op != "encode" && op != "decode") throw bad_file("parameter op is not understood: " + op);
    return op == "encode";
}

/// Numbers i to i + 1 of the first extent.
inline array item_of(const array& a, index i) {
    array r = a;
    r.shape.erase(r.shape.begin());
    const auto n = static_cast<index>(a.real.size()) / a.shape.front();
    r.real.assign(a.real.begin() + i * n, a.real.begin() + (i + 1) * n);
    return r;
}

/// Encode, or decode and its gradient. Codes of rank 3 are a batch with a picture each.
template <class B, class C>
void code(checker& k, const B& b, const C& coder, const array& priors, const coder_names& name) {
    using T = typename B::scalar;
    const recorded& c = k.expected();
    if (encodes(c)) {
        const auto p = tensor_of<2>(b, priors);
        const auto boxes = tensor_of<2>(b, c.input("gt_bboxes"));
        report<2>(k, b, name.codes, boxgrad::coder::encode(b, coder, p, boxes));
        return;
    }
    const array& codes = c.input(name.predictions);
    if (codes.shape.size() == 3) {
        if (priors.shape.size() != 3 || priors.shape[0] != codes.shape[0]) throw bad_file("batches differ");
        const auto pictures = c.rows("max_shape", 2);
        if (static_cast<index>(pictures.size()) != codes.shape[0])
            throw bad_file("max_shape must be one for each image");
        std::vector<T> all;
        for (index i = 0; i < codes.shape[0]; ++i) {
            const auto& picture = pictures[static_cast<std::size_t>(i)];
            const auto p = tensor_of<2>(b, item_of(priors, i));
            const auto x = tensor_of<2>(b, item_of(codes, i));
            const auto one = boxgrad::to_host<2>(b, boxgrad::coder::decode(b, coder, p, x, {picture[0], picture[1]}));
            all.insert(all.end(), one.begin(), one.end());
        }
        k.output("bboxes", codes.shape, all);
        return;
    }
    const boxgrad::image_shape border = shape_of(c, "max_shape");
    const auto p = tensor_of<2>(b, priors);
    const auto x = tensor_of<2>(b, codes);
    report<2>(k, b, "bboxes", boxgrad::coder::decode(b, coder, p, x, border));
    if (const array* const upstream = c.find_input("grad_output")) {
        const auto u = tensor_of<2>(b, *upstream);
        report<2>(k, b, "grad_" + name.predictions, boxgrad::coder::decode_gradient(b, coder, p, x, u, border));
    }
}

}  // namespace golden
