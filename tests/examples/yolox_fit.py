#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs yolox_fit as a user does: the sample, annotations alone, and every kind of bad input.

usage: yolox_fit.py PROGRAM SAMPLE_FOLDER
"""
import html.parser
import json
import pathlib
import subprocess
import sys
import tempfile

program, sample = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
folder = pathlib.Path(tempfile.mkdtemp())
good = json.loads((sample / "instances.json").read_text())
failures = []


def check(condition, what):
    print(("ok    " if condition else "FAILED ") + what)
    if not condition:
        failures.append(what)


def run(*arguments):
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, cwd=folder, timeout=600)


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.figures, self.outside, self.open = 0, [], []

    def handle_starttag(self, tag, attributes):
        self.figures += tag == "figure"
        for name, value in attributes:
            if name in ("href", "src") and not value.startswith("data:"):
                self.outside.append(value)


def refused(name, text, *arguments, says):
    path = folder / (name + ".json")
    path.write_text(text)
    r = run(path, "--report", folder / "refused.html", *arguments)
    lines = r.stderr.strip().splitlines()
    check(r.returncode == 2 and len(lines) == 1, f"{name}: status 2 and one line, got {r.returncode} and {lines}")
    for part in says:
        check(any(part in line for line in lines), f"{name}: says {part!r}")
    check(not list(folder.glob("refused*html*")), f"{name}: no report, not half of one")


def changed(edit):
    data = json.loads(json.dumps(good))
    edit(data)
    return json.dumps(data)


r = run(sample / "instances.json", "--images", sample / "images", "--limit", 4, "--report", folder / "report.html",
        "--figure", folder / "figure.svg")
check(r.returncode == 0, "sample: matched\n" + r.stdout + r.stderr)
check("truths not reached 0" in r.stdout, "sample: every truth reached")
page = Page()
page.feed((folder / "report.html").read_text())
check(page.figures == 4, "report: a figure for each image")
check(page.outside == [], f"report: loads nothing from elsewhere, {page.outside}")
check((folder / "figure.svg").read_text().startswith("<svg"), "figure is an SVG")

r = run(sample / "instances.json", "--limit", 2, "--report", folder / "empty.html")
check(r.returncode == 0 and "empty pictures" in r.stdout, "annotations alone: matched")

r = run(sample / "instances.json", "--limit", 2, "--steps", 1, "--report", folder / "early.html")
check(r.returncode == 1 and "NOT matched" in r.stdout, "too few steps: status 1, and it says so")

degenerate = changed(lambda d: d["annotations"][0].update(bbox=[5, 5, 0, 4]))
(folder / "degenerate.json").write_text(degenerate)
r = run(folder / "degenerate.json", "--steps", 0, "--report", folder / "degenerate.html")
check("1 degenerate" in r.stdout and r.returncode == 1, "a degenerate box is dropped and counted")

refused("cut", json.dumps(good)[:2000], says=["cut.json", "malformed"])
refused("empty", "", says=["empty.json"])
refused("no_list", json.dumps({"images": []}), says=["no_list.json", "categories"])
refused("nan", changed(lambda d: d["annotations"][3].update(bbox=[1, 2, float("nan"), 4])), says=["nan.json", "row 3"])
refused("text", changed(lambda d: d["annotations"][3].update(bbox=[1, 2, "x", 4])), says=["text.json", "row 3"])
refused("label", changed(lambda d: d["annotations"][5].update(category_id=9999)), says=["row 5", "label 9999"])
refused("image", changed(lambda d: d["annotations"][7].update(image_id=-1)), says=["row 7"])
refused("size", changed(lambda d: d["images"][2].update(width=0)), says=["images row 2"])
refused("missing", changed(lambda d: d["images"][1].update(file_name="none.jpg")), "--images", sample / "images",
        says=["none.jpg"])
r = run(folder / "nowhere.json")
check(r.returncode == 2 and len(r.stderr.strip().splitlines()) == 1, "no such file: status 2 and one line")

sys.exit(1 if failures else 0)
