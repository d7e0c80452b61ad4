#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check the documents: python3 check_docs.py REPOSITORY

1. Each ```cpp block in README.md and docs/**/*.md is part of a compiled file: it occurs, apart from
   white space, in a source under docs/, examples/ or tests/. Lines that hold only `// ...` are gaps.
2. Each header of a module has a page of the same name with the same sections in the same order.
3. Links between the documents lead somewhere.
"""

import re
import sys
from pathlib import Path

MODULES = ["boxes", "prior", "coder", "overlap", "assigner", "sampler", "loss", "head"]
SECTIONS = ["Summary", "Formula", "Derivative", "Shapes and units", "Ties and edges", "Errors",
            "Cost", "Source and deviations", "Example"]
# Headers whose page is another one, or none: "loss/reduce.hpp".
NO_PAGE = set()


def squeeze(text):
    return re.sub(r"\s+", " ", text).strip()


def check_blocks(root, page, sources):
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(r"^```cpp\n(.*?)^```", text, re.M | re.S):
        for part in re.split(r"^\s*// \.\.\.\s*$", match[1], flags=re.M):
            if not any(squeeze(part) in source for source in sources):
                line = text[:match.start()].count("\n") + 1
                yield f"{page.relative_to(root)}:{line}: this code is in no compiled file"
                break


def check_links(root, page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    text = re.sub(r"`[^`\n]*`", "", text)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists():
            yield f"{page.relative_to(root)}: the link to {target} leads nowhere"


def check_page(root, header):
    relative = header.relative_to(root / "include/boxgrad")
    if "detail" in relative.parts or relative.as_posix() in NO_PAGE:
        return
    page = root / "docs" / relative.with_suffix(".md")
    if not page.exists():
        yield f"docs/{relative.with_suffix('.md')}: missing"
        return
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    found = re.findall(r"^## (.+?)\s*$", text, re.M)
    if found != SECTIONS:
        yield f"{page.relative_to(root)}: the sections are {found}, not {SECTIONS}"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    folders = ["docs", "examples", "tests"]
    sources = [squeeze(path.read_text(encoding="utf-8"))
               for folder in folders
               for pattern in ("*.cpp", "*.hpp", "*.cu", "CMakeLists.txt")
               for path in sorted((root / folder).rglob(pattern))]
    pages = [page for page in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
             if page.exists()]
    headers = [header for module in MODULES
               for header in sorted((root / "include/boxgrad" / module).rglob("*.hpp"))]
    problems = []
    for page in pages:
        problems += check_blocks(root, page, sources)
        problems += check_links(root, page)
    for header in headers:
        problems += check_page(root, header)
    for problem in problems:
        print(problem)
    print(f"{len(pages)} pages and {len(headers)} headers checked, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
