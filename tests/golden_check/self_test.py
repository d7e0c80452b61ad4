#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check the checker: python3 self_test.py PROGRAM GOLDEN_FOLDER

Mutated copies of the recorded cases must fail, other shapes must pass, each deviation rule must apply
where it should, and the rules' own computation must agree with the reference.
"""

import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM, GOLDEN = sys.argv[1], Path(sys.argv[2])
FILES = {p.stem: json.loads(p.read_text()) for p in sorted(GOLDEN.glob("*.json"))}
FOLDER = tempfile.TemporaryDirectory()
SCRATCH = Path(FOLDER.name)
problems = []
runs = 0


def run(content, backend="memory"):
    global runs
    runs += 1
    path = SCRATCH / "case.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    r = subprocess.run([PROGRAM, "--backend", backend, str(path)], capture_output=True, text=True, check=False)
    return r.returncode, r.stdout + r.stderr


def expect(what, content, passes, says="", backend="memory"):
    code, out = run(content, backend)
    if (code == 0) != passes or code not in (0, 1) or says not in out:
        problems.append(f"{what}: exit {code}, expected {'0' if passes else '1'} and '{says}'\n{out}")


def case(component, name):
    return copy.deepcopy(next(c for c in FILES[component]["cases"] if c["name"] == name))


def of(component, *cases, **extra):
    return {"component": component, "source": "self test", "cases": list(cases), **extra}


def array(shape, data, dtype="float64"):
    return {"dtype": dtype, "shape": shape, "data": data}


def rows(c, first, last):
    """The case without its first rows and those from `last` on."""
    every = [a for which in ("inputs", "outputs") for a in c[which].values()]
    n = max(a["shape"][0] for a in every)
    for a in every:
        if a["shape"][0] == n:
            width = len(a["data"]) // n
            a["data"], a["shape"][0] = a["data"][first * width:last * width], last - first
    return c


def levels(c, n):
    """The case with its first n levels."""
    for key in ("strides", "featmap_sizes", "ratios", "base_sizes", "min_sizes", "max_sizes"):
        if key in c["params"] and (key != "ratios" or isinstance(c["params"][key][0], list)):
            c["params"][key] = c["params"][key][:n]
    c["outputs"] = {k: v for k, v in c["outputs"].items() if "." not in k or int(k.split(".")[1]) < n}
    count = c["outputs"]["num_base_priors"]
    count["data"], count["shape"] = count["data"][:n], [n]
    return c


# One number changed: every output of some cases of every component, one of each operation among them.
CONSTANTS = ("grad_target", "grad_boxes2", "grad_box2")
DRAWN = ("min_counts", "max_counts")  # beyond the first number, ranges of random counts
PROMISED = (("instance_balanced_pos_sampler", "min_pos_inds"),)  # P24 replaces it
for component, file in FILES.items():
    chosen = [c for c in file["cases"] if c["outputs"]]
    kinds = {str([c["params"].get(k) for k in ("op", "type", "variant")]): c for c in reversed(chosen)}
    for c in {id(c): c for c in (*kinds.values(), chosen[len(chosen) // 2], chosen[-1])}.values():
        for output, a in c["outputs"].items():
            if not a["data"] or output in CONSTANTS or (component, output) in PROMISED:
                continue
            for at in {0, 0 if output in DRAWN else len(a["data"]) - 1}:
                m = copy.deepcopy(c)
                data = m["outputs"][output]["data"]
                if a["dtype"] in ("int64", "bool"):
                    data[at] = 1 - data[at] if a["dtype"] == "bool" else data[at] + 1
                elif isinstance(data[at], str):
                    data[at] = 1.0
                elif output == "max_overlaps" and data[at] in (-1e5, -1e8):
                    continue  # any value but the fill itself is compared; see below
                else:
                    data[at] += 1e-3 * max(1, abs(data[at]))
                expect(f"{component} {c['name']} {output}[{at}]", of(component, m), False, f"output {output} is")
    c = chosen[0]
    for kind in ("params", "inputs", "outputs"):
        m = copy.deepcopy(c)
        m[kind]["surprise"] = 1 if kind == "params" else array([1], [0.0], c["precision"])
        expect(f"{component} unknown {kind}", of(component, m), False, "surprise is not understood")
    m = copy.deepcopy(c)
    m["raises"], m["outputs"] = "ValueError", {}
    expect(f"{component} that should raise", of(component, m), False, "does not raise")
    if len(file["cases"]) > 1:
        expect(f"{component} one case less", of(component, *file["cases"][1:]), True)

# Files that are no such files.
good = case("iou_loss", "log_none")
expect("unknown component", of("iou_losses", good), False, "not known")
expect("no case", of("iou_loss"), False, "holds no case")
expect("no cases", {"component": "iou_loss", "source": ""}, False, "missing")
expect("no JSON", json.dumps(of("iou_loss", good))[:-20], False, "parse")
expect("empty file", "", False, "parse")
expect("unknown key of a file", of("iou_loss", good, skip=True), False, "unknown key skip")
for key, value in (("data", good["inputs"]["pred"]["data"][1:]), ("dtype", "float16"), ("dtype", "float32"), ("dtype", "int64"),
                   ("data", ["1"] + good["inputs"]["pred"]["data"][1:])):
    m = copy.deepcopy(good)
    m["inputs"]["pred"][key] = value
    expect(f"pred with another {key}", of("iou_loss", m), False, "pred")
for key, value in (("precision", "float16"), ("params", None), ("skip", True), ("outputs", {})):
    expect(f"{key} {value}", of("iou_loss", {**good, key: value}), False)
expect("mode of another name", of("iou_loss", {**good, "params": {"mode": "cubic"}}), False, "cubic")
for component, name, key in (("torchvision_box_ops", "box_iou", "op"), ("bbox_transforms", "corner", "op"),
                             ("bbox_transforms", "flip_vertical", "direction"),
                             ("tblr_bbox_coder", "encode_norm4", "op"),
                             ("anchor_generator", "rpn_scales", "type"), ("ssd_anchor_generator", "legacy", "type"),
                             ("delta_xywh_bbox_coder", "glip_decode", "variant")):
    m = case(component, name)
    m["params"][key] = "cubic"
    expect(f"{component} with another {key}", of(component, m), False, f"{key} is not understood: cubic")
m = case("ultralytics_bbox_iou", "GIoU_xyxy")
m["params"]["CIoU"] = True
expect("two overlaps", of("ultralytics_bbox_iou", m), False, "several")
m = case("yolo_bbox_coder", "decode_per_box_stride")
m["params"]["stride"] = 16
expect("two strides", of("yolo_bbox_coder", m), False, "stride")
m = case("ssd_anchor_generator", "sizes_given")
m["params"]["ratios"] = [[2, 3], [[2]]]
expect("a list that is not rectangular", of("ssd_anchor_generator", m), False, "not rectangular")
expect("raises without an error", of("iou_loss", {**good, "raises": "ValueError", "outputs": {}}), False, "does not raise")
nan = copy.deepcopy(good)
nan["outputs"]["loss"]["data"][0] = "nan"
expect("NaN for a number", of("iou_loss", nan), False, "loss")
fill = case("sim_ota_assigner", "default")
fill["outputs"]["max_overlaps"]["data"] = [x if x != -1e5 else -1e4 for x in fill["outputs"]["max_overlaps"]["data"]]
expect("another fill", of("sim_ota_assigner", fill), False, "max_overlaps")
code, out = run(of("iou_loss", good), "abacus")
if code == 0:
    problems.append("an unknown backend passes")

# Other shapes.
c = case("yolox_decode", "low_threshold")
for a in list(c["inputs"].values()) + [c["outputs"]["decoded"]]:
    a["data"] = a["data"][: len(a["data"]) // a["shape"][0]]
    a["shape"][0] = 1
for output in ("bboxes.1", "scores.1", "labels.1"):
    del c["outputs"][output]
expect("one image", of("yolox_decode", c), True)

c = case("mlvl_point_generator", "offset0.5_square")
c["params"]["strides"].pop(), c["params"]["featmap_sizes"].pop()
c["outputs"] = {k: v for k, v in c["outputs"].items() if not k.endswith(".2")}
expect("two levels", of("mlvl_point_generator", c), True)

c = case("iou_loss", "log_none_weight")
for a in list(c["inputs"].values()) + list(c["outputs"].values()):
    width = len(a["data"]) // a["shape"][0]
    a["data"], a["shape"][0] = a["data"][width:-2 * width], a["shape"][0] - 3
expect("four boxes of seven", of("iou_loss", c), True)

c = case("bbox_overlaps", "giou_batched")
c["inputs"]["bboxes1"]["shape"].insert(0, 1), c["inputs"]["bboxes2"]["shape"].insert(0, 1)
c["outputs"]["overlaps"]["shape"].insert(0, 1)
expect("a batch of batches", of("bbox_overlaps", c), True)

expect("two levels of anchors", of("anchor_generator", levels(case("anchor_generator", "retina_octave"), 2)), True)
expect("one level of anchors", of("anchor_generator", levels(case("anchor_generator", "stride_pairs_wh"), 1)), True)
expect("one level of SSD", of("ssd_anchor_generator", levels(case("ssd_anchor_generator", "sizes_given"), 1)), True)
expect("one level of YOLO", of("yolo_anchor_generator", levels(case("yolo_anchor_generator", "yolov3"), 1)), True)

c = case("anchor_generator", "retina_octave")  # octaves written out, of larger base sizes
del c["params"]["octave_base_scale"], c["params"]["scales_per_octave"]
c["params"].update(scales=[2 * 2 ** (i / 3) for i in range(3)], base_sizes=[16, 32, 64])
expect("octaves written out", of("anchor_generator", c), True)
c["params"]["scales"].reverse()
expect("octaves in another order", of("anchor_generator", c), False, "output base_anchors.0 is")

c = case("anchor_generator", "center_offset_half")  # the offset as centres
del c["params"]["center_offset"]
c["params"]["centers"] = [[4, 4], [8, 8]]
expect("centres in the place of an offset", of("anchor_generator", c), True)
c["params"]["center_offset"] = 0.5
c["raises"], c["outputs"] = "ValueError", {}
expect("centres and an offset", of("anchor_generator", c), True)

c = case("ssd_anchor_generator", "input300_low0.15")  # the range written out
del c["params"]["basesize_ratio_range"], c["params"]["input_size"]
c["params"].update(min_sizes=[21, 45, 99, 153, 207, 261], max_sizes=[45, 99, 153, 207, 261, 315])
expect("sizes in the place of a range", of("ssd_anchor_generator", c), True)

for component, name in (("delta_xywh_bbox_coder", "decode_multi_class"), ("delta_xywh_bbox_coder", "encode_means_stds"),
                        ("legacy_delta_xywh_bbox_coder", "decode_multi_class"), ("pseudo_bbox_coder", "decode"),
                        ("bucketing_bbox_coder", "encode_topk3_bound"), ("bucketing_bbox_coder", "decode_b7_clip"),
                        ("yolo_bbox_coder", "decode_per_box_stride"), ("tblr_bbox_coder", "decode_norm_list_clip"),
                        ("distance_point_bbox_coder", "decode_clip"), ("prior_utils", "inside_flags_border5"),
                        ("bbox_transforms", "rescale_rois"), ("bbox_transforms", "inside"),
                        ("torchvision_box_ops", "complete_box_iou_loss_eps1e-07"), ("torchvision_box_ops", "box_iou"),
                        ("torchvision_box_ops", "sigmoid_focal_loss_none"), ("ultralytics_bbox_iou", "CIoU_xywh")):
    expect(f"two rows of {component} {name}", of(component, rows(case(component, name), 1, 3)), True)
    expect(f"no row of {component} {name}", of(component, rows(case(component, name), 1, 1)), True)

c = case("delta_xywh_bbox_coder", "decode_batched_3d")  # one image, then of another shape
for a in (*c["inputs"].values(), *c["outputs"].values()):
    a["shape"][0], a["data"] = 1, a["data"][len(a["data"]) // 2:]
c["params"]["max_shape"].pop(0)
expect("the second image of a batch", of("delta_xywh_bbox_coder", c), True)
c["params"]["max_shape"] = [[48, 60]]
expect("the second image in the first's shape", of("delta_xywh_bbox_coder", c), False, "output bboxes is")

c = case("delta_xywh_bbox_coder", "decode_multi_class")  # as many rows as there were classes
for name, a in (*c["inputs"].items(), *c["outputs"].items()):
    if name == "bboxes" and a["shape"][1] == 4:
        a["data"] = [x for i in range(5) for x in a["data"][4 * i:4 * i + 4] * 3]
    a["shape"] = [15, 4]
expect("a row for each class", of("delta_xywh_bbox_coder", c), True)

c = case("torchvision_box_ops", "generalized_box_iou")  # boxes in the other's place
c["inputs"]["boxes1"], c["inputs"]["boxes2"] = c["inputs"]["boxes2"], c["inputs"]["boxes1"]
a = c["outputs"]["out"]
a["data"], a["shape"] = [a["data"][4 * i + j] for j in range(4) for i in range(6)], [4, 6]
expect("overlaps the other way round", of("torchvision_box_ops", c), True)

c = case("torchvision_box_ops", "sigmoid_focal_loss_sum")  # the sum of everything twice
for name in ("inputs", "targets"):
    c["inputs"][name]["data"] *= 2
    c["inputs"][name]["shape"][0] *= 2
c["outputs"]["loss"]["data"][0] *= 2
c["outputs"]["grad_inputs"]["data"] *= 2
c["outputs"]["grad_inputs"]["shape"][0] *= 2
expect("a batch twice", of("torchvision_box_ops", c), True)

for component in ("yolox_loss_mmdet", "yolox_loss_megvii", "yolox_loss_cjm"):
    c = case(component, "wide_96x160_l1")  # the batch twice: as many again, half the gradient each
    images = c["inputs"]["cls_scores.0"]["shape"][0]
    for which in ("inputs", "outputs"):
        for name, a in list(c[which].items()):
            if len(a["shape"]) == 4:
                scale = 0.5 if which == "outputs" else 1
                a["data"] = [scale * x for x in a["data"] * 2]
                a["shape"][0] *= 2
            elif name.split(".")[0] in ("gt_bboxes", "gt_labels", "gt_inds", "ious"):
                base, i = name.split(".")
                c[which][f"{base}.{int(i) + images}"] = a
    c["outputs"]["num_pos"]["data"][0] *= 2
    expect(f"{component} with its batch twice", of(component, c), True)

# Rules.
c = case("iou_loss", "empty_sum")
c["params"]["reduction_override"], c["outputs"]["loss"]["data"] = "mean", ["nan"]
expect("P2", of("iou_loss", c), True, "P2 mean of nothing: 1 case")
c = case("sim_ota_assigner", "default")
box = c["inputs"]["gt_bboxes"]["data"]
box[4], box[6] = box[6], box[4]
expect("P4", of("sim_ota_assigner", c), True, "P4 truth that is no box: 1 case")
c = case("giou_loss", "zero_weight_sum_weight")
c["params"]["reduction_override"] = "none"
expect("P11", of("giou_loss", c), True, "P11 no positive weight: 1 case")
c = case("l1_loss", "default_mean_weight")
c["inputs"]["weight"]["data"][3] = -1.0
expect("P13", of("l1_loss", c), True, "P13 negative weight: 1 case")
c = case("giou_loss", "default_mean_avg")
c["params"]["avg_factor"] = -1.0
expect("P33", of("giou_loss", c), True, "P33 average factor: 1 case")

# Losses of rows: the batch twice, none of it, and what is refused.
ROW_LOSSES = ("cross_entropy_loss", "focal_loss", "quality_focal_loss", "varifocal_loss", "distribution_focal_loss",
              "gaussian_focal_loss", "kd_kl_div_loss", "multi_pos_cross_entropy_loss", "dice_loss", "diou_loss",
              "bounded_iou_loss", "smooth_l1_loss", "balanced_l1_loss", "mse_loss")
for component in ROW_LOSSES:
    some = next(c for c in FILES[component]["cases"]
                if c["params"].get("reduction_override") == "sum" and c["outputs"] and "weight" in c["inputs"])

    def every(c, change):
        for a in [*c["inputs"].values(), *c["outputs"].values()]:
            if a["shape"]:
                change(a)

    def twice(a):
        a["data"], a["shape"][0] = a["data"] * 2, a["shape"][0] * 2

    def nothing(a):
        a["data"], a["shape"][0] = [], 0

    c = copy.deepcopy(some)
    every(c, twice)
    c["outputs"]["loss"]["data"][0] *= 2
    expect(f"{component} with its batch twice", of(component, c), True)
    c = copy.deepcopy(some)
    every(c, nothing)
    c["outputs"]["loss"]["data"] = [0.0]
    expect(f"{component} of nothing", of(component, c), True)
    c["params"]["reduction_override"], c["outputs"]["loss"]["data"] = "mean", ["nan"]
    expect(f"{component}: P2", of(component, c), True, "P2 mean of nothing: 1 case")
    c = copy.deepcopy(some)
    c["inputs"]["weight"]["data"][0] = -1.0
    expect(f"{component}: P13", of(component, c), True, "P13 negative weight: 1 case")
    c = copy.deepcopy(some)
    c["params"]["reduction_override"], c["params"]["avg_factor"] = "mean", -1.0
    expect(f"{component}: P33", of(component, c), True, "P33 average factor: 1 case")
c = case("cross_entropy_loss", "sigmoid_soft_targets_sum_weight")  # a weight of 1 for each class changes nothing
c["params"]["class_weight"] = [1.0] * c["inputs"]["label"]["shape"][1]
expect("class weights of dense targets", of("cross_entropy_loss", c), True)

# What the rules expect is computed as the reference computes.
for component in FILES:
    if component.startswith(("sim_ota", "yolox_loss")):
        expect(f"model of {component}", FILES[component], True, "", "model")

print("\n".join(problems) or f"{runs} runs as expected")
sys.exit(1 if problems else 0)
