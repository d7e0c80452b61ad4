#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The peer of pairwise_iou.cpp and anchors.cpp: torchvision on one thread, on the same sizes.

    pip install torch torchvision
    python3 benchmarks/peers/boxes.py

Prints medians in microseconds. Run it beside boxgrad_benchmarks on a quiet machine and compare ratios.
"""

import statistics
import time

import torch
import torchvision
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList

torch.set_num_threads(1)
torch.manual_seed(1)


def median(f, repetitions=21):
    f()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def boxes(n):
    corner = torch.rand(n, 2) * 800
    return torch.cat([corner, corner + 16 + 240 * torch.rand(n, 2)], dim=1)


def main():
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, one thread; medians, us")
    priors, truths = boxes(76725), boxes(30)
    ops = torchvision.ops
    for name, f in (("box_iou", ops.box_iou), ("generalized_box_iou", ops.generalized_box_iou),
                    ("complete_box_iou", ops.complete_box_iou)):
        print(f"{name} 76725 x 30: {median(lambda f=f: f(priors, truths)):.0f}")

    sizes = tuple((x, x * 2 ** (1 / 3), x * 2 ** (2 / 3)) for x in (32, 64, 128, 256, 512))
    generator = AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * 5)
    maps = [torch.zeros(1, 1, h, w) for h, w in ((100, 168), (50, 84), (25, 42), (13, 21), (7, 11))]
    images = ImageList(torch.zeros(1, 3, 800, 1344), [(800, 1344)])
    print(f"AnchorGenerator, 201600 anchors: {median(lambda: generator(images, maps)):.0f}")

    anchors = generator(images, maps)[0]
    deltas = torch.randn(anchors.shape[0], 4)
    coder = BoxCoder((1.0, 1.0, 1.0, 1.0))
    print(f"BoxCoder.decode + clip, 201600 boxes: "
          f"{median(lambda: ops.clip_boxes_to_image(coder.decode_single(deltas, anchors), (800, 1344))):.0f}")


if __name__ == "__main__":
    main()
