#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The peer of losses.cpp: PyTorch and torchvision, forward and backward on one thread, on the same inputs.

    pip install torch torchvision
    python3 benchmarks/peers/losses.py [name ...]

Inputs are drawn by hashing indices, as losses.cpp does, in arithmetic that is exact: the same to the bit.
Prints medians in ms, the loss, and the sum of its gradient's magnitudes. losses.cpp labels its benchmarks
likewise. torchvision adds eps to areas where boxgrad has it as a floor.
"""

import statistics
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torchvision import ops

torch.set_num_threads(1)


# Inputs. Everything is exact in double, then rounded to float once.

def hashed(stream, n):
    """splitmix64 of an index: n numbers in [0, 1), multiples of 2^-24."""
    with np.errstate(over="ignore"):
        z = np.uint64(stream << 40) + np.arange(n, dtype=np.uint64)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float64) * 2.0 ** -24


def tensor(a):
    return torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32))


def logits(n, c):
    """Mostly negative, as a detector's are: from -8 to 4."""
    return tensor(12 * hashed(1, n * c) - 8).reshape(n, c)


def labels(n, c, spread):
    """Labels below c * spread; all from c on become c, background."""
    return torch.from_numpy(np.minimum(c, (hashed(2, n) * (c * spread)).astype(np.int64)))


def one_hot(y, c):
    return F.one_hot(y, c + 1)[:, :c].to(torch.float32)


def pairs(n):
    """Boxes, and predictions moved by up to 5/4 of their sides: a third is disjoint."""
    u = hashed(3, 8 * n).reshape(n, 2, 4)
    side = np.floor((16 + 240 * u[..., 0]) * 16) / 16
    low = np.floor(u[..., 1] * (640 - side) * 1024) / 1024
    moved = 2.5 * side * (u[..., 2] - 0.5)
    target = np.concatenate([low, low + side], axis=1)
    prediction = np.concatenate([low + moved, low + moved + side * (0.75 + 0.5 * u[..., 3])], axis=1)
    return tensor(prediction), tensor(target)


# Measuring.

def report(name, x, loss, repetitions=21):
    x = x.clone().requires_grad_(True)
    times = []
    for _ in range(repetitions + 1):
        x.grad = None
        start = time.process_time()
        value = loss(x)
        value.backward()
        times.append(time.process_time() - start)
    magnitude = float(x.grad.abs().sum(dtype=torch.float64))
    print(f"{name:<28} {statistics.median(times[1:]) * 1e3:>10.3f}   loss {float(value.detach()):.6f}, "
          f"gradient {magnitude:.6f}", flush=True)


cells, classes = 67200, 80


def dense(name, loss):
    t = one_hot(labels(cells, classes, 40), classes)
    report(name, logits(cells, classes), lambda x: loss(x, t) / (cells // 40))


def focal_labels():
    """Labels as torchvision's RetinaNet takes them: written out, then the dense loss."""
    y = labels(cells, classes, 40)
    rows = torch.nonzero(y < classes).squeeze(1)

    def loss(x):
        t = torch.zeros_like(x)
        t[rows, y[rows]] = 1.0
        return ops.sigmoid_focal_loss(x, t, reduction="sum") / (cells // 40)
    report("focal_labels_67200x80", logits(cells, classes), loss)


def softmax(n, c):
    y = labels(n, c, 1)
    report(f"cross_entropy_{n}x{c}", logits(n, c), lambda x: F.cross_entropy(x, y))


def distribution_focal():
    """Cross entropies of both neighbours, weighed, as mmdetection's DistributionFocalLoss has them."""
    y = tensor(15.9375 * hashed(4, cells))
    below = y.long()
    report("distribution_focal_67200x17", logits(cells, 17),
           lambda x: (F.cross_entropy(x, below, reduction="none") * ((below + 1).float() - y)
                      + F.cross_entropy(x, below + 1, reduction="none") * (y - below.float())).mean())


def boxes(name, loss):
    p, t = pairs(672000)
    report(name, p, lambda x: loss(x, t))


table = {
    "focal": lambda: dense("focal_67200x80", lambda x, t: ops.sigmoid_focal_loss(x, t, reduction="sum")),
    "bce": lambda: dense("bce_67200x80", lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction="sum")),
    "focal_labels": focal_labels,
    "cross_entropy": lambda: (softmax(512, 1204), softmax(cells, 81)),
    "distribution_focal": distribution_focal,
    "giou": lambda: boxes("giou_672000", lambda x, t: ops.generalized_box_iou_loss(x, t, reduction="mean")),
    "smooth_l1": lambda: boxes("smooth_l1_672000x4", F.smooth_l1_loss),
    "ciou": lambda: boxes("ciou_672000", lambda x, t: ops.complete_box_iou_loss(x, t, reduction="mean")),
}


def main():
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, numpy {np.__version__}; one thread")
    print(f"{'':<28} {'median ms':>10}   loss")
    for name in sys.argv[1:] or table:
        table[name]()


if __name__ == "__main__":
    main()
