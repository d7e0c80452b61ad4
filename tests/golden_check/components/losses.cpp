// SPDX-License-Identifier: Apache-2.0
/// \file
/// Overlaps, and the loss terms that are built on them or stand alone.

#include "golden_check/components.hpp"
#include "golden_check/components/evaluate.hpp"

#include <boxgrad/loss/giou.hpp>
#include <boxgrad/loss/iou.hpp>
#include <boxgrad/loss/l1.hpp>
#include <boxgrad/overlap/pairwise.hpp>

namespace golden {

namespace {

/// One [n, 4] of a batch.
array slice(const array& a, index item) {
    const index n = a.shape[a.shape.size() - 2];
    const auto first = a.real.begin() + item * n * 4;
    return array::of({n, 4}, std::vector<double>(first, first + n * 4));
}

}  // namespace

GOLDEN_COMPONENT(bbox_overlaps) {
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        using T = typename std::remove_cvref_t<decltype(b)>::scalar;
        const array& x = c.input("bboxes1");
        const array& y = c.input("bboxes2");
        const std::string mode = c.text("mode", "iou");
        const bool is_aligned = c.flag("is_aligned", false);
        const double eps = c.number("eps", 1e-6);
        if (x.is_whole || y.is_whole || x.shape.size() < 2 || x.shape.size() != y.shape.size() || x.shape.back() != 4 ||
            y.shape.back() != 4) {
            throw bad_file("bboxes must be [..., n, 4] of numbers");
        }
        std::vector<index> shape(x.shape.begin(), x.shape.end() - 2);
        if (shape != std::vector<index>(y.shape.begin(), y.shape.end() - 2)) throw bad_file("batches differ");
        index batch = 1;
        for (const index n : shape) batch *= n;
        shape.push_back(x.shape[shape.size()]);
        if (!is_aligned) shape.push_back(y.shape[shape.size() - 1]);

        std::vector<T> all;
        const auto evaluate = [&](const auto& overlap) {
            const auto collect = [&](const std::vector<T>& one) { all.insert(all.end(), one.begin(), one.end()); };
            for (index i = 0; i < batch; ++i) {
                const auto p = tensor_of<2>(b, slice(x, i));
                const auto q = tensor_of<2>(b, slice(y, i));
                if (is_aligned) {
                    const auto r = boxgrad::overlap::aligned(b, overlap, p, q);
                    collect(boxgrad::to_host<1>(b, r));
                } else {
                    const auto r = boxgrad::overlap::pairwise(b, overlap, p, q);
                    collect(boxgrad::to_host<2>(b, r));
                }
            }
        };
        if (mode == "iou") {
            evaluate(boxgrad::overlap::iou{eps});
        } else if (mode == "iof") {
            evaluate(boxgrad::overlap::iof{eps});
        } else if (mode == "giou") {
            evaluate(boxgrad::overlap::giou{eps});
        } else {
            throw bad_file("parameter mode is not understood: " + mode);
        }
        k.output("overlaps", shape, all);
    });
}

namespace {

/// The three modes as one term, so that a third as much is compiled.
struct iou_of_mode {
    boxgrad::loss::iou_mode mode = boxgrad::loss::iou_mode::log;
    double eps = 1e-6;

    template <boxgrad::number V>
    BOXGRAD_FN V operator()(const boxgrad::box<V>& prediction, const boxgrad::box<V>& target) const {
        using boxgrad::loss::iou;
        using boxgrad::loss::iou_mode;
        switch (mode) {
            case iou_mode::linear: return iou<iou_mode::linear>{.eps = eps}(prediction, target);
            case iou_mode::square: return iou<iou_mode::square>{.eps = eps}(prediction, target);
            case iou_mode::log: break;
        }
        return iou<iou_mode::log>{.eps = eps}(prediction, target);
    }
};

}  // namespace

GOLDEN_COMPONENT(iou_loss) {
    using boxgrad::loss::iou_mode;
    const recorded& c = k.expected();
    on_backends(k, [&](const auto& b) {
        const std::string mode = c.flag("linear", false) ? "linear" : c.text("mode", "log");
        c.find("mode");
        if (mode != "linear" && mode != "square" && mode != "log") {
            throw bad_file("parameter mode is not understood: " + mode);
        }
        evaluate(k, b, iou_of_mode{mode == "linear"   ? iou_mode::linear
                                   : mode == "square" ? iou_mode::square
                                                      : iou_mode::log,
                                   c.number("eps", 1e-6)});
    });
}

GOLDEN_COMPONENT(giou_loss) {
    on_backends(k, [&](const auto& b) { evaluate(k, b, boxgrad::loss::giou{k.expected().number("eps", 1e-6)}); });
}

GOLDEN_COMPONENT(l1_loss) {
    on_backends(k, [&](const auto& b) { evaluate(k, b, boxgrad::loss::l1{}); });
}

}  // namespace golden
