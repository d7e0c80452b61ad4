// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// The smallest restatement of SimOTA, the YOLOX loss and overlaps, in long double and without this
/// library: what a deviation rule expects where the reference gives no answer. `golden_check
/// --backend model` checks it against the reference itself.

#include "case.hpp"

namespace golden::model {

using real = long double;

struct box {
    real x1, y1, x2, y2;
};

/// A row of [n, 4].
box box_at(const array&, std::size_t row);

/// iou, iof or giou of boxes whose negative sides count as none; eps 0: no floor but the smallest
/// normal number of the precision.
real overlap(const std::string& mode, box a, box b, double eps, bool is_double);

/// true where the component is SimOTA or a YOLOX loss.
bool knows(const std::string& component);

struct answer {
    std::map<std::string, array> outputs;
    index fewest_candidates;  ///< of the images that hold truths; -1 where none does
    index topk;
};

/// Outputs of a case of SimOTA or of a YOLOX loss. As many priors as there are serve as candidates.
answer solve(const std::string& component, const recorded&);

}  // namespace golden::model
