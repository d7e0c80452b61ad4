#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The peer of assigners.cpp: mmdetection's own modules and SciPy on one thread, on the same inputs.

    pip install torch scipy mmdet==3.3.0 mmengine mmcv-lite==2.1.0     # or mmcv==2.1.0 instead of mmcv-lite
    python3 benchmarks/peers/assigners.py [name ...]

Runs the installed package mmdet, of which it holds no code. mmcv's compiled operators, which mmcv-lite
lacks and no assigner calls, are imported as placeholders, and mmdet.models without its networks.

Inputs are drawn by hashing indices, as assigners.cpp does, in arithmetic that is exact: the same to the
bit. Prints medians in ms, peak memory above what the inputs take (Linux), and what was assigned: positives,
the sum of their truths' rows, the sum of their priors. assigners.cpp labels its benchmarks likewise.
"""

import ctypes
import importlib.machinery
import importlib.metadata
import importlib.util
import os
import statistics
import sys
import time
import types
import warnings

import numpy as np
import scipy
import scipy.optimize
import torch

torch.set_num_threads(1)
warnings.filterwarnings("ignore")


# The installed package, as far as assigners need it.

class Placeholder(types.ModuleType):
    """A module in which every name is an empty class."""
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class Placeholders:
    """Finds mmcv.ops and what is below it."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "mmcv.ops" or name.startswith("mmcv.ops."):
            return importlib.machinery.ModuleSpec(name, Placeholders, is_package=True)
        return None

    @staticmethod
    def create_module(spec):
        return Placeholder(spec.name)

    @staticmethod
    def exec_module(module):
        pass


def import_task_modules():
    sys.meta_path.insert(0, Placeholders)
    folder = importlib.util.find_spec("mmdet").submodule_search_locations[0]
    models = types.ModuleType("mmdet.models")
    models.__path__ = [os.path.join(folder, "models")]
    sys.modules["mmdet.models"] = models
    import mmdet.models.task_modules.assigners as assigners
    import mmdet.models.task_modules.samplers as samplers
    return assigners, samplers


assigners, samplers = import_task_modules()
from mmengine.structures import InstanceData  # noqa: E402


# Inputs. Everything is exact in double, then rounded to float once.

def hashed(stream, n, first=0):
    """splitmix64 of an index: n numbers in [0, 1), multiples of 2^-24."""
    with np.errstate(over="ignore"):
        z = np.uint64(stream << 40) + np.arange(first, first + n, dtype=np.uint64)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float64) * 2.0 ** -24


def truths_of(n, width, height, least, spread, classes, stream=1, first=0):
    """Boxes of least to least + spread pixels, sides multiples of 1/16, anywhere in the picture."""
    u = hashed(stream, 5 * n, 5 * first).reshape(n, 5)
    w = np.floor((least + spread * u[:, 0]) * 16) / 16
    h = np.floor((least + spread * u[:, 1]) * 16) / 16
    x = np.floor(u[:, 2] * (width - w) * 1024) / 1024
    y = np.floor(u[:, 3] * (height - h) * 1024) / 1024
    return np.stack([x, y, x + w, y + h], axis=1), np.floor(u[:, 4] * classes).astype(np.int64)


octaves = (4.0, 4 * 1.2599210498948732, 4 * 1.5874010519681994)


def grid(sizes, offset, base):
    """Anchors: each cell's `base` boxes (w, h in strides) about its point, level by level; shifted in float."""
    rows = []
    for stride, h, w in sizes:
        half = 0.5 * np.array(base)
        around = np.concatenate([offset - half, offset + half], axis=1)
        y, x = np.meshgrid(np.arange(h) * stride, np.arange(w) * stride, indexing="ij")
        shift = np.stack([x, y, x, y], axis=-1).reshape(-1, 1, 4)
        rows.append((shift.astype(np.float32) + (stride * around).astype(np.float32)).reshape(-1, 4))
    return np.concatenate(rows).astype(np.float64)


def points(sizes):
    """x, y, stride, stride of every cell's middle."""
    return np.concatenate([
        np.stack([*(a.ravel() for a in np.meshgrid((np.arange(w) + 0.5) * s, (np.arange(h) + 0.5) * s)),
                  np.full(h * w, s), np.full(h * w, s)], axis=1) for s, h, w in sizes]).astype(np.float64)


def anchors(scales):
    """Base anchors of ratios 1/2, 1, 2, in strides."""
    return [(1 / np.sqrt(r) * s, np.sqrt(r) * s) for r in (0.5, 1.0, 2.0) for s in scales]


def predictions(at, truths, stream, first=0):
    """What a network that has learned a little predicts: near the smallest truth around the point, or at random."""
    n = len(at)
    u = hashed(stream, 4 * n, 4 * first).reshape(n, 4) - 0.5
    x, y, s = at[:, 0], at[:, 1], at[:, 2]
    boxes = np.stack([x - 2 * s, y - 2 * s, x + 2 * s, y + 2 * s], axis=1) + 2 * u * s[:, None]
    if len(truths):
        w, h = truths[:, 2] - truths[:, 0], truths[:, 3] - truths[:, 1]
        inside = ((x[:, None] > truths[:, 0]) & (x[:, None] < truths[:, 2]) & (y[:, None] > truths[:, 1])
                  & (y[:, None] < truths[:, 3]))
        area = np.where(inside, w * h, np.inf)
        t = area.argmin(axis=1)
        near = truths[t] + 0.5 * u * np.stack([w, h, w, h], axis=1)[t]
        boxes = np.where(inside.any(axis=1)[:, None], near, boxes)
    return boxes


def probabilities(n, classes, stream, first=0):
    u = hashed(stream, n * classes, first * classes)
    return (u * u).reshape(n, classes)


def logits(n, classes, stream):
    return (8 * hashed(stream, n * classes) - 8).reshape(n, classes)


def crowd_sizes():
    """Truths of 128 images: 75 357 in total, 4967 at most."""
    sizes = [4967 * 42 // (42 + 10 * k) for k in range(128)]
    sizes[-1] += 75357 - sum(sizes)
    return sizes


def tensor(a):
    return torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32))


def instances(**fields):
    return InstanceData(**{k: tensor(v) if v.dtype == np.float64 else torch.from_numpy(v) for k, v in fields.items()})


# Measuring.

def resident(field):
    with open("/proc/self/status", encoding="ascii") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith(field))


def peak_of(f):
    """Result and peak memory of f above what was there, MiB."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as reset:
            ctypes.CDLL(None).malloc_trim(0)
            reset.write("5")
        before = resident("VmRSS")
        r = f()
        return r, f"{resident('VmHWM') - before:.0f}"
    except OSError:
        return f(), "-"


def checksum(gt_inds):
    p = torch.nonzero(gt_inds > 0).squeeze(1)
    return len(p), int((gt_inds[p] - 1).sum()), int(p.sum())


def report(name, f, seen, repetitions=15):
    r, peak = peak_of(f)
    times = []
    while len(times) < repetitions and (len(times) < 3 or sum(times) < 5):
        start = time.process_time()
        f()
        times.append(time.process_time() - start)
    positives, truth_rows, prior_rows = seen(r)
    print(f"{name:<34} {statistics.median(times) * 1e3:>10.3f} {peak:>9}   "
          f"positives {positives}, truths {truth_rows}, priors {prior_rows}", flush=True)


def of_result(r):
    return checksum(r.gt_inds)


# The table.

square = [(s, 640 // s, 640 // s) for s in (8, 16, 32, 64, 128)]
rpn_levels = [(4, 200, 336), (8, 100, 168), (16, 50, 84), (32, 25, 42), (64, 13, 21)]


def max_iou(name, priors, count, picture, parameters):
    a = assigners.MaxIoUAssigner(**parameters)
    boxes, labels = truths_of(count, *picture, 16, 240, 80)
    pred = instances(priors=priors)
    gt = instances(bboxes=boxes, labels=labels)
    report(f"max_iou{name} {len(priors)} x {count}", lambda: a.assign(pred, gt), of_result)
    return a.assign(pred, gt), pred, gt


def retinanet():
    max_iou("", grid(square, 0, anchors(octaves)), 30, (640, 640),
            dict(pos_iou_thr=0.5, neg_iou_thr=0.4, min_pos_iou=0.0))


def rpn():
    """RPN of a feature pyramid on a picture of 800 x 1344, and the sampler behind it."""
    assigned, pred, gt = max_iou(" rpn", grid(rpn_levels, 0, anchors([8.0])), 100, (1344, 800),
                                 dict(pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.3))
    s = samplers.RandomSampler(num=512, pos_fraction=0.5, add_gt_as_proposals=False)
    report(f"random_sampler 512 of {len(pred.priors)}", lambda: s.sample(assigned, pred, gt),
           lambda r: (len(r.pos_inds), len(r.neg_inds), 0))


def atss():
    a = assigners.ATSSAssigner(topk=9)
    boxes, labels = truths_of(30, 640, 640, 16, 240, 80)
    pred = instances(priors=grid(square, 0, [(8, 8)]))
    gt = instances(bboxes=boxes, labels=labels)
    report(f"atss {len(pred.priors)} x 30", lambda: a.assign(pred, [h * w for _, h, w in square], gt), of_result)


def predicted(name, a, with_logits=False, as_boxes=False):
    boxes, labels = truths_of(100, 640, 640, 16, 240, 80)
    at = points(square[:3])
    pred = instances(priors=grid(square[:3], 0.5, [(8, 8)]) if as_boxes else at, bboxes=predictions(at, boxes, 2),
                     scores=(logits if with_logits else probabilities)(len(at), 80, 3))
    gt = instances(bboxes=boxes, labels=labels)
    report(f"{name} {len(at)} x 100", lambda: a.assign(pred, gt), of_result)


def hungarian():
    a = assigners.HungarianAssigner([dict(type="ClassificationCost", weight=1.),
                                     dict(type="BBoxL1Cost", weight=5.0, box_format="xywh"),
                                     dict(type="IoUCost", iou_mode="giou", weight=2.0)])
    boxes, labels = truths_of(100, 640, 640, 16, 240, 80)
    queries, _ = truths_of(300, 640, 640, 16, 240, 80, stream=4)
    pred = instances(bboxes=queries, scores=logits(300, 81, 3))
    gt = instances(bboxes=boxes, labels=labels)
    report("hungarian 300 x 100", lambda: a.assign(pred, gt, img_meta=dict(img_shape=(640, 640))), of_result)
    costs = sum(c(pred, gt, img_meta=dict(img_shape=(640, 640))) for c in a.match_costs).double().numpy()
    solve("linear_sum_assignment detr 300 x 100", costs)


def solve(name, costs):
    def seen(r):
        return len(r[0]), int(r[1].sum()), int(r[0].sum())
    report(name, lambda: scipy.optimize.linear_sum_assignment(costs), seen, 101)
    rows, columns = scipy.optimize.linear_sum_assignment(costs)
    print(f"{'':<34} total cost {costs[rows, columns].sum():.9f}")


def crowd(name, a, as_boxes, with_predictions):
    at = points(square[:3])
    priors = grid(square[:3], 0.5, [(4, 4)])
    images = []
    first = 0
    for i, n in enumerate(crowd_sizes()):
        boxes, labels = truths_of(n, 640, 640, 4, 60, 60, stream=5, first=first)
        pred = dict(priors=priors if as_boxes else at)
        if with_predictions:
            pred.update(bboxes=predictions(at, boxes, 6, i * len(at)),
                        scores=probabilities(len(at), 60, 7, i * len(at)))
        images.append((instances(**pred), instances(bboxes=boxes, labels=labels)))
        first += n

    def seen(all_images):
        return tuple(sum(v) for v in zip(*map(of_result, all_images)))
    report(f"{name} crowd 128 x 8400, 75357", lambda: [a.assign(p, g) for p, g in images], seen, 1)


def main():
    table = {
        "max_iou": retinanet,
        "rpn": rpn,
        "atss": atss,
        "sim_ota": lambda: predicted("sim_ota", assigners.SimOTAAssigner()),
        "task_aligned": lambda: predicted("task_aligned", assigners.TaskAlignedAssigner(topk=13), as_boxes=True),
        "dynamic_soft_label": lambda: predicted("dynamic_soft_label", assigners.DynamicSoftLabelAssigner(topk=13),
                                                with_logits=True),
        "hungarian": hungarian,
        "linear_sum_assignment": lambda: solve("linear_sum_assignment 300 x 100",
                                               hashed(8, 300 * 100).reshape(300, 100)),
        "crowd_max_iou": lambda: crowd("max_iou", assigners.MaxIoUAssigner(0.5, 0.4, min_pos_iou=0.0), True, False),
        "crowd_task_aligned": lambda: crowd("task_aligned", assigners.TaskAlignedAssigner(topk=10), True, True),
    }
    import mmcv
    versions = {p: importlib.metadata.version(p) for p in ("mmdet", "mmengine")}
    print(f"mmdet {versions['mmdet']}, mmengine {versions['mmengine']}, mmcv {mmcv.__version__}, "
          f"torch {torch.__version__}, scipy {scipy.__version__}, numpy {np.__version__}; one thread")
    print(f"{'':<34} {'median ms':>10} {'peak MiB':>9}   assigned")
    for name in sys.argv[1:] or table:
        table[name]()


if __name__ == "__main__":
    main()
